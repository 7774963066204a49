package doctor

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"

	"github.com/pooled-go/pooled"
)

// session is a pool of one server connection, so that every user gets the same session, or the one that replaced
// it.
type session struct {
	db   *sql.DB
	pool *pooled.Pool
}

// open makes a pool as the DSN asks for, but for what would come between the examination and the session. It connects
// to nothing. Its close waits until the session has ended, as far as the client can tell.
func (x *exam) open(change func(*pooled.Config)) (*session, error) {
	cfg := x.cfg
	if cfg.Class != pooled.ClassNull && cfg.Class != pooled.ClassDirect {
		cfg.Class = pooled.ClassQueue
	}
	cfg.Size, cfg.MaxOverflow, cfg.MinIdle = 1, 0, 0
	cfg.Timeout, cfg.Recycle = checkLimit, -1
	// These are the program's, or would say what the examination does.
	cfg.HookNames, cfg.LoggerName, cfg.Logger = nil, "", slog.New(slog.DiscardHandler)
	cfg.Echo, cfg.EchoPool, cfg.LeakAfter = pooled.EchoOff, pooled.EchoOff, -1
	// Questions change no session, and behind a pooler to reset one might meet somebody else's.
	if cfg.ResetOnReturn != pooled.ResetNone {
		cfg.ResetOnReturn = pooled.ResetRollback
	}
	if change != nil {
		change(&cfg)
	}
	db, err := pooled.Open(cfg)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(cfg.Size) // classes null and direct have no limit
	pool, _ := pooled.PoolOf(db)
	return &session{db, pool}, nil
}

func (s *session) close() error { return s.db.Close() }

// replaced: the session that was opened first is there no more.
func (s *session) replaced() bool { return s.pool.Stats().Opened > 1 }

// ended: the session that was opened first is there no more, whether another is in its place or not.
func (s *session) ended() bool {
	stats := s.pool.Stats()
	return stats.Opened > 1 || stats.Open() == 0
}

// with opens a session, calls f and closes it.
func (x *exam) with(change func(*pooled.Config), f func(*session) error) error {
	s, err := x.open(change)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.close())
}

// use is one checkout.
func (s *session) use(ctx context.Context, f func(*sql.Conn) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close())
}

// send runs statements, up to the first that fails.
func send(ctx context.Context, conn *sql.Conn, texts ...string) error {
	for _, text := range texts {
		if _, err := row(ctx, conn, text); err != nil {
			return err
		}
	}
	return nil
}

// row is the first row of a query as texts, nil if there is none; NULL is "NULL".
func row(ctx context.Context, conn *sql.Conn, query string) (texts []string, err error) {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() && texts == nil {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for _, v := range values {
			if !v.Valid {
				v.String = "NULL"
			}
			texts = append(texts, v.String)
		}
	}
	return texts, rows.Err()
}

// one is row for a query of one value.
func one(ctx context.Context, conn *sql.Conn, query string) (string, error) {
	texts, err := row(ctx, conn, query)
	if err == nil && len(texts) == 0 {
		err = sql.ErrNoRows
	}
	return strings.Join(texts, " "), err
}

// answer is what a session says to a query; an error of the server's is an answer too, known by its number.
func answer(ctx context.Context, conn *sql.Conn, query string) (string, error) {
	texts, err := row(ctx, conn, query)
	if err != nil && !noAnswer(err) && ctx.Err() == nil {
		return "error " + errorCode(err), nil
	}
	return strings.Join(texts, " "), err
}

// noAnswer tells the errors that say nothing about what was asked: the connection was lost, the session or the
// statement was ended from elsewhere or by a limit on time, or the server was full.
func noAnswer(err error) bool {
	switch code := errorCode(err); {
	case code == "":
		return true
	case len(code) == len("08006"):
		return slices.Contains([]string{"08", "53", "57"}, code[:2]) || code == "25P03" || code == "25P04"
	default:
		ended := []string{"1040", "1053", "1203", "1317", "1927", "1969", "2006", "2013", "3024", "4031"}
		return slices.Contains(ended, code)
	}
}

// errorCode is the number that a server gives an error; empty: it is none of a server's, or the connection was lost.
func errorCode(err error) string {
	if err == nil || errors.Is(err, driver.ErrBadConn) || errors.Is(err, pooled.ErrConnLost) ||
		errors.Is(err, pooled.ErrSessionEnded) {
		return ""
	}
	var state interface{ SQLState() string } // lib/pq's
	if errors.As(err, &state) {
		return state.SQLState()
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return fmt.Sprint(e.Number)
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return fmt.Sprint(e.Code())
	}
	return ""
}
