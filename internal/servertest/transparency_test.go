package servertest_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

func same[T any](a, b T) bool { return reflect.DeepEqual(a, b) }

// manyTypes is a query with columns of as many types as the server has.
func (s server) manyTypes() string {
	switch s.name {
	case "postgres":
		return `SELECT 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 12.34::numeric(10,2), 'a'::text, 'b'::varchar(7),
			'c'::char(3), '\x00ff'::bytea, true, now()::date, now()::timestamptz, '12:00'::time,
			'{1,2}'::int[], '{"a":1}'::jsonb,
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

// Named arguments work where the driver knows them, and are refused in the
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
							shown = pooledtest.ScanOne[string](t, tx, "SHOW transaction_isolation") +
								pooledtest.ScanOne[string](t, tx, "SHOW transaction_read_only")
						case "mysql":
							// MySQL shows the next transaction's level; what it refuses shows the rest.
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
					if have := pooledtest.ScanOne[int](t, conn,
						"SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%+%'"); have != 0 {
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
	return "CAST(" + arg + " AS SIGNED)"
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

func TestRawOnRealDrivers(t *testing.T) {
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
