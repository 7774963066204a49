package servertest_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func same[T any](a, b T) bool { return reflect.DeepEqual(a, b) }

// manyTypes is a query with columns of as many types as the server has.
func (s server) manyTypes() string {
	switch s.name {
	case "postgres":
		return `SELECT 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 12.34::numeric(10,2), 'a'::text, 'b'::varchar(7),
			'c'::char(3), '\x00ff'::bytea, true, now()::date, now()::timestamptz, '12:00'::time, '{1,2}'::int[], '{"a":1}'::jsonb,
			gen_random_uuid(), NULL::int, '1 day'::interval, '10.0.0.1'::inet`
	case "mysql":
		return `SELECT CAST(1 AS SIGNED), CAST(2 AS UNSIGNED), 1.5e0, CAST(12.34 AS DECIMAL(10,2)), 'a', CAST('b' AS CHAR(7)),
			CAST('c' AS BINARY(3)), CURRENT_DATE, NOW(3), CAST('12:00' AS TIME), JSON_OBJECT('a', 1), NULL, YEAR(NOW()), 1=1`
	}
	return `SELECT 1, 1.5, 'a', x'00ff', NULL, date('now'), a, b, c FROM (SELECT 1 a, 'x' b, x'01' c)`
}

// column is all that a sql.ColumnType tells.
func column(c *sql.ColumnType) string {
	length, hasLength := c.Length()
	precision, scale, hasDecimal := c.DecimalSize()
	nullable, knowsNull := c.Nullable()
	return fmt.Sprint(c.Name(), " ", c.DatabaseTypeName(), " ", c.ScanType(), " ", length, hasLength, " ",
		precision, scale, hasDecimal, " ", nullable, knowsNull)
}

func TestColumnTypes(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			both(t, s, nil, same[[]string], func(t *testing.T, db *sql.DB) []string {
				var all []string
				for _, how := range []string{"text", "prepared"} {
					rows, err := db.Query(s.manyTypes())
					if how == "prepared" {
						rows.Close()
						stmt, perr := db.Prepare(s.manyTypes())
						if perr != nil {
							t.Fatal(perr)
						}
						defer stmt.Close()
						rows, err = stmt.Query()
					}
					if err != nil {
						t.Fatal(err)
					}
					defer rows.Close()
					types, err := rows.ColumnTypes()
					if err != nil {
						t.Fatal(err)
					}
					for _, c := range types {
						all = append(all, how+" "+column(c))
					}
					for rows.Next() {
						values := make([]any, len(types))
						for i := range values {
							values[i] = new(any)
						}
						if err := rows.Scan(values...); err != nil {
							t.Fatal(err)
						}
						for _, v := range values {
							all = append(all, fmt.Sprintf("%s %T", how, *v.(*any)))
						}
					}
				}
				return all
			})
		})
	}
}

func TestSeveralResultSets(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			var options []string
			if s.name == "mysql" {
				options = []string{"multiStatements=true"}
			}
			both(t, s, options, same[[][]int], func(t *testing.T, db *sql.DB) (sets [][]int) {
				rows, err := db.Query("SELECT 1 UNION SELECT 2; SELECT 3; SELECT 4 WHERE 1=0; SELECT 5")
				if err != nil {
					t.Fatal(err)
				}
				defer rows.Close()
				for more := true; more; more = rows.NextResultSet() {
					var set []int
					for rows.Next() {
						var n int
						if err := rows.Scan(&n); err != nil {
							t.Fatal(err)
						}
						set = append(set, n)
					}
					sets = append(sets, set)
				}
				return sets
			})
		})
	}
}

// Named arguments work where the parent knows them, and are refused in the
// same words where it doesn't.
func TestNamedArguments(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			query := "SELECT " + s.arg(1)
			if s.name == "sqlite" {
				query = "SELECT :n"
			}
			both(t, s, nil, same[string], func(t *testing.T, db *sql.DB) string {
				var n int
				err := db.QueryRow(query, sql.Named("n", 42)).Scan(&n)
				return fmt.Sprint(n, err)
			})
		})
	}
}

func TestIsolationAndReadOnly(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			both(t, s, nil, same[[]string], func(t *testing.T, db *sql.DB) (all []string) {
				for level := sql.LevelDefault; level <= sql.LevelLinearizable; level++ {
					for _, readOnly := range []bool{false, true} {
						tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: level, ReadOnly: readOnly})
						if err != nil {
							all = append(all, fmt.Sprint(level, readOnly, err))
							continue
						}
						shown := ""
						switch s.name {
						case "postgres":
							shown = pooledtest.ScanOne[string](t, tx, "SHOW transaction_isolation") + pooledtest.ScanOne[string](t, tx, "SHOW transaction_read_only")
						case "mysql":
							// MariaDB shows the next transaction's level; what it refuses shows the rest.
							_, err := tx.Exec("CREATE TEMPORARY TABLE IF NOT EXISTS ro (a INT)")
							shown = fmt.Sprint(err)
						}
						all = append(all, fmt.Sprint(level, readOnly, shown))
						if err := tx.Rollback(); err != nil {
							t.Error(err)
						}
					}
				}
				return all
			})
		})
	}
}

// An error keeps its identity and everything in it.
func TestErrorIdentity(t *testing.T) {
	both(t, onPostgres, nil, same[string], func(t *testing.T, db *sql.DB) string {
		_, err := db.Exec("SELECT nothing FROM nowhere WHERE a = $1", 1)
		var e *pq.Error
		if !errors.As(err, &e) {
			t.Fatalf("have %T, want *pq.Error", err)
		}
		return fmt.Sprint(e.Code, e.Message, e.Position, err)
	})
	both(t, onMySQL, nil, same[string], func(t *testing.T, db *sql.DB) string {
		_, err := db.Exec("SELECT nothing FROM nowhere WHERE a = ?", 1)
		var e *mysql.MySQLError
		if !errors.As(err, &e) {
			t.Fatalf("have %T, want *mysql.MySQLError", err)
		}
		return fmt.Sprint(e.Number, e.SQLState, e.Message)
	})
	both(t, onSQLite, nil, same[string], func(t *testing.T, db *sql.DB) string {
		_, err := db.Exec("SELECT nothing FROM nowhere WHERE a = ?", 1)
		var e interface{ Code() int }
		if !errors.As(err, &e) {
			t.Fatalf("have %T, want one with Code", err)
		}
		return fmt.Sprint(e.Code(), err)
	})
}

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

func TestResults(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			both(t, s, nil, same[[]string], func(t *testing.T, db *sql.DB) (all []string) {
				id := map[string]string{"postgres": "id SERIAL PRIMARY KEY", "mysql": "id INT AUTO_INCREMENT PRIMARY KEY",
					"sqlite": "id INTEGER PRIMARY KEY"}[s.name]
				table(t, db, "results", id+", a INT")
				for i := range 3 {
					r, err := db.Exec("INSERT INTO results (a) VALUES ("+s.arg(1)+")", i)
					if err != nil {
						t.Fatal(err)
					}
					last, lastErr := r.LastInsertId()
					n, nErr := r.RowsAffected()
					all = append(all, fmt.Sprint(last, lastErr, n, nErr))
				}
				r, err := db.Exec("UPDATE results SET a = a + 10 WHERE a > " + "0")
				if err != nil {
					t.Fatal(err)
				}
				n, _ := r.RowsAffected()
				return append(all, fmt.Sprint(n))
			})
		})
	}
}

// 4 MB in and out, also as RawBytes, which are the driver's own buffer.
func TestBlobs(t *testing.T) {
	blob := bytes.Repeat([]byte("pooled\x00\xff"), 4<<20/8)
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			db := openServer(t, "pooled", s.dsn(t))
			kind := map[string]string{"postgres": "BYTEA", "mysql": "LONGBLOB", "sqlite": "BLOB"}[s.name]
			table(t, db, "blobs", "b "+kind)
			pooledtest.MustExec(t, db, "INSERT INTO blobs VALUES ("+s.arg(1)+")", blob)
			if have := pooledtest.ScanOne[[]byte](t, db, "SELECT b FROM blobs"); !bytes.Equal(have, blob) {
				t.Errorf("have %d bytes, want the same %d", len(have), len(blob))
			}
			rows, err := db.Query("SELECT b FROM blobs WHERE 1 = "+s.arg(1), 1)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var raw sql.RawBytes
			if !rows.Next() || rows.Scan(&raw) != nil || !bytes.Equal(raw, blob) {
				t.Errorf("RawBytes: have %d bytes, want the same %d", len(raw), len(blob))
			}
		})
	}
}

func TestCopyIn(t *testing.T) {
	db := openServer(t, "pooled", onPostgres.dsn(t))
	table(t, db, "copied", "a INT, b TEXT")
	for range 3 { // a second and third time on a connection that has done it before
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		stmt, err := tx.Prepare(pq.CopyIn("copied", "a", "b"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			if _, err := stmt.Exec(i, "row"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := stmt.Exec(); err != nil {
			t.Fatal(err)
		}
		if err := stmt.Close(); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if have := pooledtest.ScanOne[int](t, db, "SELECT count(*) FROM copied"); have != 3000 {
		t.Errorf("have %d rows, want 3000", have)
	}
}

func TestLoadData(t *testing.T) {
	db := openServer(t, "pooled", onMySQL.dsn(t))
	table(t, db, "loaded", "a INT, b VARCHAR(10)")
	mysql.RegisterReaderHandler("loaded", func() io.Reader { return strings.NewReader("1\tx\n2\ty\n3\tz\n") })
	defer mysql.DeregisterReaderHandler("loaded")
	r, err := db.Exec("LOAD DATA LOCAL INFILE 'Reader::loaded' INTO TABLE loaded")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.RowsAffected(); n != 3 || err != nil {
		t.Errorf("have %d rows, %v, want 3", n, err)
	}
}

// 50 goroutines share prepared statements over 8 connections: the figures are
// right, and the server has no more statements than texts times connections.
func TestPreparedStatementsAreShared(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			db := openServer(t, "pooled", s.dsn(t), "pool_size=8", "pool_max_overflow=0")
			var stmts []*sql.Stmt
			for i := range 3 {
				stmt, err := db.Prepare(fmt.Sprintf("SELECT %d + %s", i, cast(s, s.arg(1))))
				if err != nil {
					t.Fatal(err)
				}
				stmts = append(stmts, stmt)
			}
			var wg sync.WaitGroup
			for g := range 50 {
				wg.Go(func() {
					for i := range 20 {
						var have int
						if err := stmts[i%3].QueryRow(g).Scan(&have); err != nil || have != g+i%3 {
							t.Errorf("have %d %v, want %d", have, err, g+i%3)
							return
						}
					}
				})
			}
			wg.Wait()
			for _, stmt := range stmts {
				if err := stmt.Close(); err != nil {
					t.Error(err)
				}
			}
			if s.name == "postgres" { // on each of its connections nothing is left
				var conns []*sql.Conn
				for range 8 {
					conn, err := db.Conn(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if have := pooledtest.ScanOne[int](t, conn, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%+%'"); have != 0 {
						t.Errorf("have %d statements left at the server, want 0", have)
					}
					conns = append(conns, conn)
				}
				pooledtest.Give(t, conns...)
			}
		})
	}
}

func cast(s server, arg string) string {
	if s.name == "postgres" {
		return arg + "::int"
	}
	return arg
}

func TestTimeZones(t *testing.T) {
	for _, test := range []struct {
		server  server
		options []string
		query   string
	}{
		{onPostgres, []string{"timezone=America/New_York"}, "SELECT '2024-07-01 12:00:00+00'::timestamptz"},
		{onPostgres, []string{"timezone=Asia/Kolkata"}, "SELECT '2024-07-01 12:00:00+00'::timestamptz"},
		{onMySQL, []string{"loc=Asia%2FKolkata", "time_zone=%27%2B05%3A30%27"}, "SELECT TIMESTAMP '2024-07-01 12:00:00'"},
		{onMySQL, []string{"loc=UTC"}, "SELECT TIMESTAMP '2024-07-01 12:00:00'"},
	} {
		t.Run(test.server.name, func(t *testing.T) {
			both(t, test.server, test.options, same[string], func(t *testing.T, db *sql.DB) string {
				have := pooledtest.ScanOne[time.Time](t, db, test.query)
				return have.Format(time.RFC3339) + " " + have.Location().String()
			})
		})
	}
}

func TestRawOnRealParents(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			raw := func(driverName string) (name string) {
				conn, err := openServer(t, driverName, s.dsn(t)).Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.Raw(func(dc any) error {
					if w, ok := dc.(interface{ Raw() driver.Conn }); ok {
						dc = w.Raw()
					}
					name = fmt.Sprintf("%T", dc)
					return nil
				})
				return name
			}
			if bare, with := raw(s.bare), raw("pooled"); bare != with {
				t.Errorf("have %s, want %s", with, bare)
			}
		})
	}
}

// Overload with default options: more callers than the server has connections.
// Nobody gets an error; the pool finds the ceiling.
func TestOverload(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			dsn := s.dsn(t)
			if s.name == "mysql" {
				admin := openServer(t, "mysql", dsn)
				before := pooledtest.ScanOne[int](t, admin, "SELECT @@max_connections")
				pooledtest.MustExec(t, admin, "SET GLOBAL max_connections=20")
				t.Cleanup(func() {
					// Through a connection of its own, when the pool's are closed.
					pooledtest.MustExec(t, admin, fmt.Sprint("SET GLOBAL max_connections=", before))
				})
			}
			db := openServer(t, "pooled", dsn, "pool_connect_limit=16")
			var wg sync.WaitGroup
			for range 300 {
				wg.Go(func() {
					for range 3 {
						if _, err := db.Exec(s.sleep(0.02)); err != nil {
							t.Errorf("have %v", err)
						}
					}
				})
			}
			wg.Wait()
			pool, _ := pooled.PoolOf(db)
			t.Logf("%+v", pool.Stats())
			if stats := pool.Stats(); s.name == "mysql" && stats.ConnectErrors == 0 {
				t.Errorf("have %+v, want that the server has refused some", stats)
			}
			db.Close()
		})
	}
}

// A changed driver name adds no deadlock: more conns at once than pool_size.
func TestNoLimitByDefault(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			db := openServer(t, "pooled", s.dsn(t))
			var conns []*sql.Conn
			for range 12 {
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				pooledtest.ScanOne[int](t, conn, "SELECT 1")
				conns = append(conns, conn)
			}
			pooledtest.Give(t, slices.Clone(conns)...)
		})
	}
}
