package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// numbers is a table of MySQL's, as FROM takes it, whose column seq has the numbers up to n.
func numbers(n int) string {
	return fmt.Sprintf("JSON_TABLE(CONCAT('[', REPEAT('0,', %d), '0]'), '$[*]' COLUMNS (seq FOR ORDINALITY)) AS numbers",
		n-1)
}

// The end of a context in the middle of a kept statement is the error that it always was, and the next operation on
// that conn meets what it would have met.
func TestStmtCacheContextEnds(t *testing.T) {
	for _, s := range cacheServers {
		slow := map[string]string{"postgres": "SELECT pg_sleep($1)::text", "mysql": "SELECT SLEEP(?)"}[s.name]
		many := map[string]string{"postgres": "SELECT generate_series(1, $1::int)",
			"mysql": "SELECT seq FROM " + numbers(300_000) + " WHERE seq <= ? AND SLEEP(0.00001) = 0"}[s.name]
		marks := 0
		stages := map[string]func(ctx context.Context, end func(), db *sql.DB, slow string) string{
			"query": func(ctx context.Context, _ func(), db *sql.DB, slow string) string {
				return shownEnd(db.QueryRowContext(ctx, slow, 5).Scan(new(any)))
			},
			"exec": func(ctx context.Context, _ func(), db *sql.DB, slow string) string {
				_, err := db.ExecContext(ctx, slow, 5)
				return shownEnd(err)
			},
			"rows": func(ctx context.Context, end func(), db *sql.DB, _ string) string {
				rows, err := db.QueryContext(ctx, many, 3_000_000)
				if err != nil {
					return shownEnd(err)
				}
				defer rows.Close()
				for first := true; rows.Next(); first = false {
					if first {
						end()
					}
				}
				return "rows " + shownEnd(rows.Err())
			},
			"transaction": func(ctx context.Context, _ func(), db *sql.DB, slow string) string {
				tx, err := db.BeginTx(t.Context(), nil)
				if err != nil {
					return shownEnd(err)
				}
				defer tx.Rollback()
				_, err = tx.ExecContext(ctx, slow, 5)
				then := answered(t.Context(), tx, "SELECT 1")
				return shownEnd(err) + " then " + then + " " + shownEnd(tx.Rollback())
			},
			"transaction that ends": func(ctx context.Context, _ func(), db *sql.DB, slow string) string {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					return shownEnd(err)
				}
				defer tx.Rollback()
				_, err = tx.ExecContext(ctx, slow, 5)
				return shownEnd(err)
			},
			"conn": func(ctx context.Context, _ func(), db *sql.DB, slow string) string {
				conn, err := db.Conn(t.Context())
				if err != nil {
					return shownEnd(err)
				}
				defer conn.Close()
				_, err = conn.ExecContext(ctx, slow, 5)
				then := answered(t.Context(), conn, "SELECT 1")
				return shownEnd(err) + " then " + then
			},
		}
		for name, stage := range stages {
			t.Run(s.name+", "+name, func(t *testing.T) {
				admin := openServer(t, s.bare, s.dsn(t))
				ask := func(db *sql.DB) []string {
					defer db.Close()
					marks++
					mark := fmt.Sprintf("/* mark %d */", marks)
					slow := slow + " " + mark
					for range 3 {
						answered(t.Context(), db, slow, 0)
						answered(t.Context(), db, many, 1)
					}
					before := pooledtest.ScanOne[string](t, db, s.session())
					ctx := pooledtest.NewDeadline()
					var seen string
					s.during(t, admin, mark, ctx.Strike, func() { seen = stage(ctx, ctx.Strike, db, slow) })
					after := pooledtest.ScanOne[string](t, db, s.session())
					return []string{seen, fmt.Sprint("the same session: ", before == after), answered(t.Context(), db,
						s.loadText(1), 7)}
				}
				want := ask(openOne(t, s, s.bare))
				wantSame(t, ask(openCached(t, s)), want)
			})
		}
	}
}

// shownEnd is what can be compared of an error that comes from the end of a context: which side says it first is a
// matter of chance with the bare driver too.
func shownEnd(err error) string {
	if err == nil {
		return "no error"
	}
	if errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "57014") {
		return "ended"
	}
	return shownError(err)
}

// A second statement while the rows of another are open in the same transaction: both drivers have words for it, and
// neither gives an answer to another question.
func TestStmtCacheRowsAreOpen(t *testing.T) {
	for _, s := range cacheServers {
		many := map[string]string{"postgres": "SELECT generate_series(1, 500) + 0 * $1::int",
			"mysql": "SELECT seq + 0 * ? FROM " + numbers(500)}[s.name]
		fresh := 0
		kinds := map[string]func(db operator) (*sql.Rows, error){
			"kept": func(db operator) (*sql.Rows, error) { return db.QueryContext(t.Context(), many, 1) },
			"text": func(db operator) (*sql.Rows, error) {
				fresh++
				return db.QueryContext(t.Context(), fmt.Sprint(many, " + ", fresh), 1)
			},
			"plain": func(db operator) (*sql.Rows, error) {
				return db.QueryContext(t.Context(), "SELECT 1 UNION ALL SELECT 2")
			},
			"exec": func(db operator) (*sql.Rows, error) {
				_, err := db.ExecContext(t.Context(), s.loadText(5), 1)
				return nil, err
			},
			"prepare": func(db operator) (*sql.Rows, error) {
				stmt, err := db.(*sql.Tx).PrepareContext(t.Context(), s.loadText(6))
				if err == nil {
					err = stmt.Close()
				}
				return nil, err
			},
		}
		if s.name == "mysql" {
			kinds["text"] = func(db operator) (*sql.Rows, error) {
				fresh++
				return db.QueryContext(t.Context(), fmt.Sprint("SELECT seq + 0 * ? + ", fresh, " FROM ", numbers(500)), 1)
			}
		}
		for first, one := range kinds {
			for second, two := range kinds {
				if first == "exec" || first == "prepare" {
					continue
				}
				t.Run(s.name+", "+first+", "+second, func(t *testing.T) {
					ask := func(db *sql.DB) (all []string) {
						defer db.Close()
						for i := range 3 {
							answered(t.Context(), db, many, 1)
							answered(t.Context(), db, s.loadText(5), 1)
							if err := s.askOwn(t.Context(), db, 3, i); err != nil {
								t.Error(err)
							}
						}
						tx, err := db.Begin()
						if err != nil {
							t.Fatal(err)
						}
						defer tx.Rollback()
						rows, err := one(tx)
						if err != nil {
							t.Fatal(err)
						}
						all = append(all, fmt.Sprint(rows.Next()))
						more, err := two(tx)
						all = append(all, shownError(err))
						if err == nil && more != nil {
							all = append(all, count(more))
						}
						all = append(all, count(rows))
						all = append(all, shownError(s.askOwn(t.Context(), tx, 3, 1)), shownError(tx.Rollback()))
						for i := range 3 {
							if err := s.askOwn(t.Context(), db, 3, i); err != nil {
								t.Error(err)
							}
						}
						return all
					}
					want := ask(openOne(t, s, s.bare))
					have := ask(openCached(t, s))
					if first == "kept" && s.name == "postgres" && second != "prepare" {
						// The bare driver notices when it is too late, and loses the connection.
						want = []string{"true",
							`"pq: there is already a query being processed on this connection" *errors.errorString`,
							"499 rows, no error, no error", "no error", "no error"}
					}
					wantSame(t, have, want)
				})
			}
		}
	}
}

// count reads all rows, and closes them.
func count(rows *sql.Rows) string {
	defer rows.Close()
	n, sum := 0, 0
	for rows.Next() {
		var v int
		if err := rows.Scan(&v); err != nil {
			return shownError(err)
		}
		n, sum = n+1, sum+v
	}
	return fmt.Sprintf("%d rows, %s, %s", n, shownError(rows.Err()), shownError(rows.Close()))
}

// Rows that are left open when their transaction or conn ends are closed by database/sql. What is kept is
// used again after that, and answers what it should.
func TestStmtCacheRowsAreLeftOpen(t *testing.T) {
	for _, s := range cacheServers {
		many := map[string]string{"postgres": "SELECT generate_series(1, 500) + 0 * $1::int",
			"mysql": "SELECT seq + 0 * ? FROM " + numbers(500)}[s.name]
		for _, how := range []string{"rollback", "commit", "context", "conn", "result"} {
			t.Run(s.name+", "+how, func(t *testing.T) {
				proxy := pooledtest.NewProxy(t, s.plain(t))
				db := openServer(t, "pooled", proxy.DSN(), cacheOf(cacheSize), "pool_max_conns=1")
				for i := range 3 {
					answered(t.Context(), db, many, 1)
					if err := s.askOwn(t.Context(), db, 1, i); err != nil {
						t.Error(err)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				switch how {
				case "rollback", "commit", "context":
					tx, err := db.BeginTx(ctx, nil)
					if err != nil {
						t.Fatal(err)
					}
					rows, err := tx.QueryContext(ctx, many, 1)
					if err != nil {
						t.Fatal(err)
					}
					rows.Next()
					switch how {
					case "rollback":
						tx.Rollback()
					case "commit":
						tx.Commit()
					}
					cancel()
					tx.Rollback()
				case "conn":
					conn, err := db.Conn(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					rows, err := conn.QueryContext(t.Context(), many, 1)
					if err != nil {
						t.Fatal(err)
					}
					rows.Next()
					rows.Close()
					rows.Close()
					conn.Close()
				case "result":
					rows, err := db.QueryContext(t.Context(), many, 1)
					if err != nil {
						t.Fatal(err)
					}
					for rows.Next() {
					}
					rows.Close() // once more
				}
				for i := range 3 {
					if err := s.askOwn(t.Context(), db, 1, i); err != nil {
						t.Error(err)
					}
				}
				before := len(proxy.Messages())
				if err := s.askOwn(t.Context(), db, 1, 7); err != nil {
					t.Error(err)
				}
				hit := map[string]string{"postgres": "[Bind Execute Sync]", "mysql": "[Execute]"}[s.name]
				if have := fmt.Sprint(proxy.Messages()[before:]); have != hit {
					t.Errorf("have %s, want %s", have, hit)
				}
			})
		}
	}
}
