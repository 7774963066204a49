package servertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

func (s server) sleep(seconds float64) string {
	if s.name == "postgres" {
		return fmt.Sprintf("SELECT pg_sleep(%v)", seconds)
	}
	return fmt.Sprintf("SELECT SLEEP(%v)", seconds)
}

// A context that ends in the middle of an operation ends it, with the same
// error as bare, and the connection is fit for use or replaced.
func TestContextEndsDuringEveryKindOfOperation(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			marks := 0
			both(t, s, nil, same[[]string], func(t *testing.T, db *sql.DB) (all []string) {
				var slow string
				stages := map[string]func(ctx context.Context) error{
					"exec":  func(ctx context.Context) error { _, err := db.ExecContext(ctx, slow); return err },
					"query": func(ctx context.Context) error { return db.QueryRowContext(ctx, slow).Scan(new(any)) },
					"prepared": func(ctx context.Context) error {
						stmt, err := db.Prepare(slow)
						if err != nil {
							return err
						}
						defer stmt.Close()
						_, err = stmt.ExecContext(ctx)
						return err
					},
					"transaction": func(ctx context.Context) error {
						tx, err := db.BeginTx(ctx, nil)
						if err != nil {
							return err
						}
						defer tx.Rollback()
						_, err = tx.ExecContext(ctx, slow)
						return err
					},
					"conn": func(ctx context.Context) error {
						conn, err := db.Conn(ctx)
						if err != nil {
							return err
						}
						defer conn.Close()
						_, err = conn.ExecContext(ctx, slow)
						return err
					},
				}
				for _, name := range []string{"exec", "query", "prepared", "transaction", "conn"} {
					for _, how := range []string{"deadline", "cancel", "before"} {
						struck := pooledtest.NewDeadline()
						canceled, cancel := context.WithCancel(t.Context())
						ctx, end := context.Context(struck), struck.Strike
						if how != "deadline" {
							ctx, end = canceled, cancel
						}
						if how == "before" {
							cancel()
						}
						marks++
						mark := fmt.Sprintf("/* mark %d */", marks)
						slow = s.sleep(30) + " " + mark
						var err error
						s.during(t, admin, mark, end, func() { err = stages[name](ctx) })
						if err == nil {
							t.Errorf("%s, %s: it was not ended", name, how)
						}
						all = append(all, fmt.Sprint(name, " ", how, " ", identity(err)))
						cancel()
						if err := db.Ping(); err != nil {
							t.Errorf("after %s, %s: %v", name, how, err)
						}
					}
				}
				return all
			})
		})
	}
}

// identity is what a program can find out about an error that doesn't change
// from run to run.
func identity(err error) string {
	var e *pq.Error
	if errors.As(err, &e) {
		return fmt.Sprint("pq ", e.Code)
	}
	return fmt.Sprintf("canceled=%t deadline=%t bad=%t", errors.Is(err, context.Canceled),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, driver.ErrBadConn))
}
