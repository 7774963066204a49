package bench

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// An overloaded server hangs up on many; that is counted, not logged.
func init() { mysql.SetLogger(log.New(io.Discard, "", 0)) }

// Server is a real database. scripts/with-servers starts them and sets the
// variables; no other server is ever looked for.
type Server struct {
	Name string
	DSN  string

	hostsFile string // of names that a program in Java may need; empty: it asks the system

	driver  string // its name in database/sql
	version string // query for it
	conns   string // query for the number of connections
	Sleep   func(time.Duration) string
	OneArg  string // a query with an argument that it answers
}

// PostgreSQL is false if there is none to use.
func PostgreSQL() (Server, bool) {
	s := Server{
		Name: "PostgreSQL", DSN: os.Getenv("POOLED_TEST_POSTGRES"), driver: "postgres",
		version: "SHOW server_version",
		conns:   "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'",
		Sleep:   func(d time.Duration) string { return fmt.Sprintf("SELECT pg_sleep(%g)", d.Seconds()) },
		OneArg:  "SELECT $1::int",
	}
	return s, s.DSN != ""
}

// MariaDB is false if there is none to use.
func MariaDB() (Server, bool) {
	s := Server{
		Name: "MariaDB", DSN: os.Getenv("POOLED_TEST_MYSQL"), driver: "mysql",
		version: "SELECT VERSION()",
		conns:   "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Daemon'",
		Sleep:   func(d time.Duration) string { return fmt.Sprintf("SELECT SLEEP(%g)", d.Seconds()) },
		OneArg:  "SELECT ?",
	}
	return s, s.DSN != ""
}

// Servers are those there are.
func Servers() []Server {
	var all []Server
	for _, find := range []func() (Server, bool){PostgreSQL, MariaDB} {
		if s, ok := find(); ok {
			all = append(all, s)
		}
	}
	return all
}

// Bare opens the driver itself.
func (s Server) Bare() (*sql.DB, error) { return sql.Open(s.driver, s.DSN) }

// Tuned is the driver itself with n connections, at most and kept.
func (s Server) Tuned(n int) (*sql.DB, error) {
	db, err := s.Bare()
	if err == nil {
		db.SetMaxOpenConns(n)
		db.SetMaxIdleConns(n)
	}
	return db, err
}

// Pooled is the same with the driver's name changed and options, if any, added
// to its DSN ("pool_size=16&pool_max_overflow=0").
func (s Server) Pooled(options string) (*sql.DB, error) {
	return sql.Open("pooled", withOptions(s.DSN, options))
}

// pooledOf has n connections, at most and kept.
func (s Server) pooledOf(n int) (*sql.DB, error) {
	return s.Pooled(fmt.Sprintf("pool_size=%d&pool_max_overflow=0", n))
}

func withOptions(dsn, options string) string {
	switch {
	case options == "":
		return dsn
	case strings.Contains(dsn, "?"):
		return dsn + "&" + options
	}
	return dsn + "?" + options
}

// Select1 asks a query without arguments and reads the answer.
func (s Server) Select1(ctx context.Context, db *sql.DB) error {
	var n int
	return db.QueryRowContext(ctx, "SELECT 1").Scan(&n)
}

// SelectArg asks a query with one argument and reads the answer.
func (s Server) SelectArg(ctx context.Context, db *sql.DB) error {
	var n int
	return db.QueryRowContext(ctx, s.OneArg, 7).Scan(&n)
}

// CrashServer may be ended and started again; those of pooledtest/cluster are such.
type CrashServer interface {
	Kill() // as a crash does, by which nobody is told
	Start()
	Addr() string
	DSN() string
}

// Admin is one connection to a server beside those that are measured.
type Admin struct {
	server Server
	db     *sql.DB
	conn   *sql.Conn
}

// NewAdmin connects.
func NewAdmin(ctx context.Context, s Server) (*Admin, error) {
	db, err := s.Bare()
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return &Admin{s, db, conn}, nil
}

// Close disconnects.
func (a *Admin) Close() { a.conn.Close(); a.db.Close() }

// Version is the server's.
func (a *Admin) Version(ctx context.Context) (v string, err error) {
	err = a.conn.QueryRowContext(ctx, a.server.version).Scan(&v)
	return v, err
}

// Settle waits until the server has seen the end of all other connections: one
// that it still counts would be missing from the next run.
func (a *Admin) Settle(ctx context.Context) error {
	var open int
	for range 500 {
		if err := a.conn.QueryRowContext(ctx, a.server.conns).Scan(&open); err != nil {
			return err
		}
		if open <= 1 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s still has %d connections", a.server.Name, open)
}

// MaxConnections reads the server's limit.
func (a *Admin) MaxConnections(ctx context.Context) (n int, err error) {
	query := "SHOW max_connections"
	if a.server.driver == "mysql" {
		query = "SELECT @@global.max_connections"
	}
	err = a.conn.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// SetMaxConnections changes MariaDB's limit; PostgreSQL's can't be changed while
// it runs.
func (a *Admin) SetMaxConnections(ctx context.Context, n int) error {
	_, err := a.conn.ExecContext(ctx, fmt.Sprintf("SET GLOBAL max_connections = %d", n))
	return err
}
