package bench

import (
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ResetCallers set a user variable and read it, each on a connection of its own, so that every return has something to
// undo.
const ResetCallers = 8

// ResetContender is one mode of pool_reset_on_return, over TLS or not.
type ResetContender struct {
	Name string
	open func() (*sql.DB, error)
}

// ResetContenders come in pairs: without TLS, with TLS. They are for MySQL's protocol.
func ResetContenders(s Server) []ResetContender {
	var all []ResetContender
	for _, mode := range []string{"auto", "session"} {
		options := fmt.Sprintf("pool_size=%d&pool_max_overflow=0&pool_reset_on_return=%s", ResetCallers, mode)
		for _, way := range []struct{ name, option string }{{"without TLS", "tls=false"}, {"over TLS", "tls=skip-verify"}} {
			all = append(all, ResetContender{"`" + mode + "`, " + way.name, func() (*sql.DB, error) {
				return s.Pooled(options + "&" + way.option)
			}})
		}
	}
	return all
}

// DialContenders open a connection over TLS for each request: without the tickets of earlier ones, as the driver alone
// does, and with them.
func DialContenders(s Server) ([]Contender, error) {
	const own = "bench-own" // a configuration of the program's gets no tickets
	if err := mysql.RegisterTLSConfig(own, &tls.Config{InsecureSkipVerify: true}); err != nil {
		return nil, err
	}
	each := func(name, option string) Contender {
		return Contender{name, func() (*sql.DB, error) { return s.Pooled("pool_class=null&tls=" + option) }}
	}
	return []Contender{each("full handshake", own), each("with a ticket", "skip-verify")}, nil
}

// HasTLS tells whether the server takes connections over TLS.
func (s Server) HasTLS(ctx context.Context) bool {
	db, err := s.Pooled("tls=skip-verify")
	if err != nil {
		return false
	}
	defer db.Close()
	return db.PingContext(ctx) == nil
}

// Resetting is a pool under that load.
type Resetting struct{ db *sql.DB }

// Open opens the pool with all its connections.
func (c ResetContender) Open(ctx context.Context) (*Resetting, error) {
	db, err := c.open()
	if err != nil {
		return nil, err
	}
	r := &Resetting{db}
	_, _, err = r.Run(ctx, 200*time.Millisecond)
	if err != nil {
		db.Close()
		return nil, err
	}
	return r, nil
}

// Close closes it.
func (r *Resetting) Close() { r.db.Close() }

// Run runs the load, and tells how many connections were opened for it.
func (r *Resetting) Run(ctx context.Context, length time.Duration) (Load, int, error) {
	before, err := poolStats(r.db)
	if err != nil {
		return Load{}, 0, err
	}
	l := Saturate(ctx, r.db, setAndRead, ResetCallers, length)
	after, err := poolStats(r.db)
	if err == nil {
		err = l.Example
	}
	return l, int(after.Opened - before.Opened), err
}

func setAndRead(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = conn.ExecContext(ctx, "SET @tenant = 7"); err != nil {
		return err
	}
	var tenant int
	return conn.QueryRowContext(ctx, "SELECT @tenant").Scan(&tenant)
}
