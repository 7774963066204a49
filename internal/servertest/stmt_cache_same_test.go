package servertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Arguments that convert themselves.
type (
	valuer        struct{ value any }
	pointerValuer struct{ value any }
	stringKind    string
	intKind       int8
	bytesKind     []byte
	unsupported   struct{ a, b int }
	timeKind      time.Time
)

var errValuer = errors.New("no value today")

func (v valuer) Value() (driver.Value, error) {
	if v.value == nil {
		return nil, errValuer
	}
	return v.value, nil
}

func (v *pointerValuer) Value() (driver.Value, error) {
	if v == nil {
		return "nil", nil
	}
	return v.value, nil
}

func ptr[T any](v T) *T { return &v }

// argumentLists are what a statement with one bind variable is used with.
func (s server) argumentLists(t testing.TB) [][]any {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2024, 2, 29, 23, 59, 58, 123456789, time.UTC)
	single := []any{
		nil, 0, 1, -1, 42, int8(-128), int16(32767), int32(math.MinInt32), int64(math.MaxInt64), int64(math.MinInt64),
		5_000_000_000,
		uint(7), uint8(255), uint16(65535), uint32(math.MaxUint32), uint64(math.MaxInt64), uint64(math.MaxInt64) + 1,
		uint64(math.MaxUint64),
		0.0, 1.5, -2.25e10, float32(0.1), math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1),
		math.Inf(-1), math.Copysign(0, -1),
		"", "42", "1.5", "text", "it's", `back\slash`, "日本語 🐘", "nul\x00byte", "\xff\xfe", strings.Repeat("long", 2000),
		"2024-02-29", "2024-02-29 23:59:58.123456+09", "{1,2,NULL}", `{"a": [1, null]}`,
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
		"true", "epoch",
		[]byte(nil), []byte{}, []byte("bytes"), []byte{0, 255, '\\'}, json.RawMessage(`{"a":1}`), json.RawMessage(nil),
		bytesKind("kind"), bytesKind(nil),
		true, false, when, when.In(tokyo), time.Time{}, time.Date(1, 1, 1, 0, 0, 0, 0, tokyo), time.Date(12024, 1, 1, 0,
			0, 0, 0, time.UTC), time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC),
		valuer{int64(3)}, valuer{"three"}, valuer{[]byte("three")}, valuer{when}, valuer{3},
		valuer{uint64(math.MaxUint64)}, valuer{}, valuer{unsupported{}}, &valuer{int64(3)}, (*valuer)(nil),
		&pointerValuer{int64(3)}, (*pointerValuer)(nil), pointerValuer{int64(3)},
		sql.NullInt64{}, sql.NullInt64{Int64: 3, Valid: true}, sql.NullString{String: "three", Valid: true},
		sql.NullTime{}, sql.NullTime{Time: when, Valid: true}, sql.NullBool{Bool: true, Valid: true},
		sql.Null[int]{V: 3, Valid: true}, sql.Null[[]int]{V: []int{3}, Valid: true}, sql.RawBytes("raw"),
		ptr(3), ptr("three"), ptr(ptr(uint16(3))), ptr(when), (*int)(nil), ptr([]byte("three")), ptr(any(3)),
		stringKind("kind"), intKind(3), timeKind(when), time.Second,
		[]int{1, 2}, []string{"a", `b"c`}, []string(nil), [][]int{{1}, {2}}, []any{1, "a"}, [2]int{1, 2},
		[]float64{1.5}, []bool{true}, []time.Time{when}, []stringKind{"a"},
		map[string]int{"a": 1}, unsupported{1, 2}, &unsupported{}, make(chan int), func() {}, complex(1, 2), errValuer,
		sql.Named("name", 3), sql.Named("", 3), sql.Out{Dest: new(int)},
	}
	if s.name == "postgres" {
		single = append(single, pq.Array([]int{1, 2}), pq.Array([]string{"a", ""}), pq.Array([]any{1}),
			pq.StringArray{"a"}, pq.StringArray(nil), pq.Int64Array{3}, pq.ByteaArray{{0, 1}},
			pq.Array([]unsupported{{}}), pq.NullTime{Time: when, Valid: true})
	}
	lists := [][]any{{}, {1, 2}, {1, nil, "three"}, {sql.Named("a", 1), 2}, {unsupported{}, 2}}
	for _, v := range single {
		lists = append(lists, []any{v})
	}
	return lists
}

// statements with one bind variable, of which some are wrong.
func (s server) oneVariable() []string {
	if s.name == "mysql" {
		return []string{
			"SELECT ?", "SELECT ? + 1", "SELECT CONCAT('x', ?)", "SELECT CAST(? AS SIGNED)",
			"SELECT CAST(? AS DATETIME(6))", "SELECT CAST(? AS DECIMAL(10, 2))", "SELECT HEX(?)",
			"SELECT a, b FROM cache_equal WHERE a = ?", "SELECT a FROM cache_equal ORDER BY a LIMIT ?", "VALUES (?)",
			"SELECT ? FROM nowhere", "SELECT ?,", "SELECT 1 / ?", "SELECT (SELECT 1 UNION SELECT 2) = ?",
			"INSERT INTO cache_equal (c) VALUES (?)", "INSERT INTO cache_equal (d) VALUES (?) RETURNING d",
			"UPDATE cache_equal SET b = ? WHERE a = 1", "REPLACE INTO cache_equal (a, b) VALUES (2, ?)",
			"DELETE FROM cache_equal WHERE b = ?",
			"INSERT INTO cache_equal (a) VALUES (1 + 0 * LENGTH(?))", "INSERT INTO cache_equal (e) VALUES (?)",
		}
	}
	return []string{
		"SELECT $1", "SELECT $1::text", "SELECT $1::varchar(3)", "SELECT $1::int2", "SELECT $1::int + 1",
		"SELECT $1::int8", "SELECT $1::float4", "SELECT $1::float8", "SELECT $1::numeric", "SELECT $1::bool",
		"SELECT $1::bytea", "SELECT $1::uuid",
		"SELECT $1::timestamptz", "SELECT $1::timestamp", "SELECT $1::date", "SELECT $1::time", "SELECT $1::interval",
		"SELECT $1::jsonb", "SELECT $1::int[]", "SELECT $1::text[]", "SELECT $1::\"char\"", "SELECT $1::money",
		"SELECT a, b FROM cache_equal WHERE a = $1", "SELECT a FROM cache_equal ORDER BY a LIMIT $1", "VALUES ($1)",
		"SELECT $1::int, $1::int + 1", "SELECT 1 WHERE $1 IS NULL",
		"SELECT $1 FROM nowhere", "SELECT $1,", "SELECT 1 / $1", "SELECT $2::int", "SELECT '\n'::text,\n$1::nothing",
		"INSERT INTO cache_equal (c) VALUES ($1)", "INSERT INTO cache_equal (d) VALUES ($1) RETURNING d",
		"UPDATE cache_equal SET b = $1 WHERE a = 1", "DELETE FROM cache_equal WHERE b = $1",
		"INSERT INTO cache_equal (a) VALUES (1 + 0 * length($1))", "INSERT INTO cache_equal (e) VALUES ($1)",
		"WITH x AS (INSERT INTO cache_equal (c) VALUES ($1) RETURNING c) SELECT c FROM x",
	}
}

// equalTable makes the table that these statements are about.
func (s server) equalTable(t testing.TB, db *sql.DB) {
	t.Helper()
	columns := "a INT PRIMARY KEY AUTO_INCREMENT, b INT, c TEXT, d VARCHAR(40), e TINYINT CHECK (e > 0)"
	if s.name == "postgres" {
		// No sequence: with the argument at hand PostgreSQL plans, and finds what is wrong with it, before it takes a number.
		columns = "a INT DEFAULT 1, b INT, c TEXT, d VARCHAR(40), e INT2 CHECK (e > 0)"
	}
	table(t, db, "cache_equal", columns)
	pooledtest.MustExec(t, db, "INSERT INTO cache_equal (a, b) VALUES (1, 1), (2, 2)")
}

// ways are the ways in which a program comes to an operation. Each ends what it began.
var ways = map[string]func(context.Context, testing.TB, *sql.DB, func(operator) string) string{
	"autocommit": func(_ context.Context, _ testing.TB, db *sql.DB, f func(operator) string) string { return f(db) },
	"conn": func(ctx context.Context, t testing.TB, db *sql.DB, f func(operator) string) string {
		conn, err := db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return f(conn) + f(conn)
	},
	"transaction": func(ctx context.Context, t testing.TB, db *sql.DB, f func(operator) string) string {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		return f(tx) + f(tx) // the second after an error of the first, in what PostgreSQL calls an aborted transaction
	},
}

// Whatever argument a text is used with, the answer is the bare driver's: values, types,
// errors. Each statement is tried with some of the arguments, and the next
// with others.
func TestStmtCacheAnswersAreTheSame(t *testing.T) {
	for _, s := range cacheServers {
		lists := s.argumentLists(t)
		for way, in := range ways {
			every := map[string]int{"autocommit": 4, "conn": 17, "transaction": 19}[way]
			t.Run(s.name+", "+way, func(t *testing.T) {
				s.dsn(t)
				ask := func(db *sql.DB) (all []string) {
					defer db.Close()
					s.equalTable(t, openServer(t, s.bare, s.dsn(t)))
					for n, query := range s.oneVariable() {
						uses := [][]any{{nil}, {nil}} // from here on it is kept, if it is right
						for i := n % every; i < len(lists); i += every {
							uses = append(uses, lists[i])
						}
						for i, args := range uses {
							how := answered
							if i%2 == 1 && !strings.HasPrefix(query, "SELECT") {
								how = done
							}
							all = append(all, in(t.Context(), t, db, func(op operator) string {
								return fmt.Sprintf("%s, argument %d: %s; ", query, i, how(t.Context(), op, query, args...))
							}))
						}
					}
					return all
				}
				want := ask(openOne(t, s, s.bare))
				wantSame(t, ask(openCached(t, s)), want)
			})
		}
	}
}

// Each argument with a text of its own: the first use, that which prepares, and those
// that find it prepared.
func TestStmtCacheEachUseIsTheSame(t *testing.T) {
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			lists := s.argumentLists(t)
			texts := []string{"SELECT ? AS a%d", "INSERT INTO cache_equal (c) SELECT CONCAT(?, '%d')"}
			if s.name == "postgres" {
				texts = []string{"SELECT $1::text AS a%d", "INSERT INTO cache_equal (c) SELECT $1 || '%d'"}
			}
			ask := func(db *sql.DB) (all []string) {
				s.equalTable(t, openServer(t, s.bare, s.dsn(t)))
				for _, text := range texts {
					for i, args := range lists {
						query := fmt.Sprintf(text, i)
						for use := range 3 {
							how := answered
							if use == 1 && i%2 == 0 {
								how = done
							}
							all = append(all, fmt.Sprint(query, " use ", use, ": ", how(t.Context(), db, query, args...)))
						}
					}
				}
				return all
			}
			want := ask(openOne(t, s, s.bare))
			wantSame(t, ask(openCached(t, s)), want)
		})
	}
}

// postgresKinds and mysqlKinds are columns of each type with values for them.
var postgresKinds = [][]string{
	{"int2", "1", "-32768"}, {"int4", "1"}, {"int8", "9223372036854775807"}, {"float4", "0.1", "'NaN'"},
	{"float8", "0.1", "'-Infinity'"},
	{"numeric", "1.10", "'NaN'", "1e200"}, {"numeric(10,2)", "12.34"}, {"money", "12.34"}, {"bool", "true"},
	{"text", "'t'", "''"}, {"varchar", "'v'"}, {"varchar(7)", "'v'"}, {"char(3)", "'c'"}, {"\"char\"", "'c'"},
	{"name", "'n'"},
	{"bytea", `'\x00ff'`, "''"}, {"date", "'2024-02-29'", "'infinity'", "'0044-03-15 BC'"}, {"time", "'12:00:01.5'"},
	{"time(2)", "'12:00'"}, {"timetz", "'12:00+09'"}, {"timestamp", "'2024-02-29 12:00:00.123456'", "'-infinity'"},
	{"timestamptz", "'2024-02-29 12:00+09'"}, {"timestamptz(3)", "'2024-02-29 12:00+09'"},
	{"interval", "'1 year 2 days 3.5 seconds'"},
	{"uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"}, {"json", `'{"a": 1}'`}, {"jsonb", `'{"a": 1}'`},
	{"xml", "'<a/>'"}, {"jsonpath", "'$.a'"}, {"int4[]", "'{1,NULL}'"}, {"text[]", `'{a,"b,c"}'`},
	{"int4[][]", "'{{1},{2}}'"}, {"bytea[]", `'{"\\x00"}'`}, {"timestamptz[]", "'{2024-02-29}'"},
	{"bit(3)", "B'101'"}, {"bit varying(5)", "B'1'"}, {"inet", "'10.0.0.1'"}, {"cidr", "'10.0.0.0/8'"},
	{"macaddr", "'08:00:2b:01:02:03'"}, {"point", "'(1,2)'"}, {"box", "'(1,2),(3,4)'"}, {"path", "'((1,2),(3,4))'"},
	{"tsvector", "'a b'"}, {"tsquery", "'a & b'"},
	{"int4range", "'[1,5)'"}, {"tstzrange", "'[2024-02-29,)'"}, {"oid", "1"}, {"regclass", "'pg_class'"},
	{"regtype", "'int'"}, {"pg_lsn", "'16/B374D848'"}, {"xid", "'7'"}, {"tid", "'(0,1)'"}, {"cache_mood", "'happy'"},
	{"cache_domain", "5"}, {"cache_pair", "'(1,x)'"}, {"cache_mood[]", "'{happy}'"},
}

var mysqlKinds = [][]string{
	{"TINYINT", "-128"}, {"TINYINT UNSIGNED", "255"}, {"TINYINT(1)", "1"}, {"SMALLINT", "-1"},
	{"SMALLINT UNSIGNED", "65535"}, {"MEDIUMINT", "-1"}, {"MEDIUMINT UNSIGNED", "1"}, {"INT", "-1"},
	{"INT UNSIGNED", "4294967295"}, {"INT(5) ZEROFILL", "42"}, {"BIGINT", "-9223372036854775808"},
	{"BIGINT UNSIGNED", "18446744073709551615"},
	{"DECIMAL(10,2)", "12.34"}, {"DECIMAL(65,30)", "0.1"}, {"DECIMAL(5)", "12"}, {"FLOAT", "0.1"},
	{"FLOAT(7,2)", "1.5"}, {"DOUBLE", "0.1", "1e300"}, {"DOUBLE(7,2)", "1.5"}, {"BIT(1)", "1"}, {"BIT(33)", "5"},
	{"BOOL", "true"},
	{"DATE", "'2024-02-29'", "'0000-00-00'"}, {"TIME", "'-12:00:01'"}, {"TIME(3)", "'838:59:58.999'"},
	{"DATETIME", "'2024-02-29 12:00:00'", "'0000-00-00'"}, {"DATETIME(6)", "'2024-02-29 12:00:00.123456'"},
	{"TIMESTAMP NULL", "'2024-02-29 12:00:00'"}, {"TIMESTAMP(3) NULL", "'2024-02-29 12:00:00.5'"}, {"YEAR", "2024"},
	{"CHAR(3)", "'c'"}, {"VARCHAR(7)", "'v'", "''"}, {"CHAR(3) CHARACTER SET latin1", "'é'"},
	{"VARCHAR(7) COLLATE utf8mb4_bin", "'v'"}, {"TINYTEXT", "'t'"}, {"TEXT", "'t'"}, {"MEDIUMTEXT", "'t'"},
	{"LONGTEXT", "'t'"}, {"BINARY(3)", "'b'"}, {"VARBINARY(7)", "x'00ff'"}, {"TINYBLOB", "'b'"}, {"BLOB", "''"},
	{"MEDIUMBLOB", "'b'"}, {"LONGBLOB", "x'00ff'"},
	{"ENUM('a','b')", "'b'"}, {"SET('a','b')", "'a,b'"}, {"JSON", `'{"a": 1}'`},
	{"POINT", "POINT(1, 2)"},
}

// mysqlKindsOn are those that only one server of the two has.
var mysqlKindsOn = map[string][][]string{
	"MariaDB": {{"UUID", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"}, {"INET6", "'::1'"}},
	"MySQL":   {{"VECTOR(2)", "STRING_TO_VECTOR('[1,2]')"}},
}

// Columns of every type come as from the bare driver: as values, and as sql.ColumnType tells of them.
func TestStmtCacheColumnsAreTheSame(t *testing.T) {
	for _, test := range []struct {
		server
		options []string
	}{
		{onPostgres, nil}, {onPostgres, []string{"timezone=Asia/Kolkata"}},
		{onPostgres, []string{"disable_prepared_binary_result=yes"}},
		{onMySQL, nil}, {onMySQL, []string{"parseTime=true"}},
		{onMySQL, []string{"parseTime=true", "loc=Asia%2FKolkata"}}, {onMySQL, []string{"columnsWithAlias=true"}},
		{onMySQL, []string{"clientFoundRows=true"}}, {onMySQL, []string{"collation=latin1_swedish_ci"}},
	} {
		s := test.server
		t.Run(fmt.Sprint(s.name, test.options), func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			queries := s.kindsTable(t, admin)
			if len(test.options) > 0 {
				queries = queries[:2] // all columns at once
			}
			ask := func(db *sql.DB) (all []string) {
				for _, query := range queries {
					for range 3 {
						all = append(all, fmt.Sprintf("%.60s: ", query)+answered(t.Context(), db, query, 0))
					}
				}
				return append(all, done(t.Context(), db, "UPDATE cache_kinds SET id = id WHERE id >= "+s.arg(1), 0))
			}
			want := ask(openOne(t, s, s.bare, test.options...))
			cached := openOne(t, s, "pooled", append([]string{cacheOf(512)}, test.options...)...)
			wantSame(t, ask(cached), want)
			if !s.isKept(t, cached, queries[0]) {
				t.Errorf("%s is not kept: this test compares nothing", queries[0])
			}
		})
	}
}

// kindsTable makes a table with columns of all kinds, and returns queries for it with one argument.
func (s server) kindsTable(t testing.TB, admin *sql.DB) (queries []string) {
	t.Helper()
	kinds, id := mysqlKinds, "id INT PRIMARY KEY AUTO_INCREMENT"
	if s.name == "mysql" {
		kinds = slices.Concat(mysqlKindsOn[pooledtest.MySQLFacts(t).Name], kinds)
	}
	if s.name == "postgres" {
		kinds, id = postgresKinds, "id SERIAL PRIMARY KEY"
		pooledtest.MustExec(t, admin, "DROP TABLE IF EXISTS cache_kinds; DROP TYPE IF EXISTS cache_mood, cache_pair; "+
			"DROP DOMAIN IF EXISTS cache_domain")
		pooledtest.MustExec(t, admin, "CREATE TYPE cache_mood AS ENUM ('sad', 'happy'); CREATE TYPE cache_pair AS (a "+
			"int, b text); CREATE DOMAIN cache_domain AS int CHECK (VALUE > 0)")
		t.Cleanup(func() { admin.Exec("DROP TYPE IF EXISTS cache_mood, cache_pair; DROP DOMAIN IF EXISTS cache_domain") })
	}
	columns := []string{id}
	for i, kind := range kinds {
		columns = append(columns, fmt.Sprintf("c%d %s", i, kind[0]))
	}
	table(t, admin, "cache_kinds", strings.Join(columns, ", "))
	if s.name == "mysql" { // zero dates
		conn, err := admin.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		pooledtest.MustExec(t, conn, "SET sql_mode = ''")
		s.fillKinds(t, conn, kinds)
	} else {
		s.fillKinds(t, admin, kinds)
	}
	queries = []string{"SELECT * FROM cache_kinds WHERE id > " + s.arg(1) + " ORDER BY id",
		"SELECT c0, c1 AS same, c1 AS same FROM cache_kinds WHERE id = 1 + " + s.arg(1)}
	for i := range kinds {
		queries = append(queries, fmt.Sprintf("SELECT c%d AS c, COUNT(*) AS n FROM cache_kinds WHERE id > %s AND "+
			"c%[1]d IS NULL GROUP BY 1", i, s.arg(1)))
		if s.name == "mysql" {
			queries = append(queries, fmt.Sprintf("SELECT MAX(c%d), COALESCE(c%[1]d, NULL) FROM cache_kinds WHERE "+
				"id > %s", i, s.arg(1)))
		}
	}
	return queries
}

func (s server) fillKinds(t testing.TB, db operator, kinds [][]string) {
	t.Helper()
	for i, kind := range kinds {
		for _, value := range kind[1:] {
			pooledtest.MustExec(t, db, fmt.Sprintf("INSERT INTO cache_kinds (c%d) VALUES (%s)", i, value))
		}
	}
}

// What Exec does with the rows of a query is the driver's matter: how many there are, none or
// an error in the middle of them must make no difference.
func TestStmtCacheExecOfQueries(t *testing.T) {
	// With MariaDB and others than these the bare driver may wait for ever.
	both := []string{"SELECT 1, 2, %s", "VALUES (%s)", "INSERT INTO cache_equal (a, d) VALUES (%s + 1000, 'same') " +
		"RETURNING a, b, c"}
	queries := map[string][]string{"mysql": both, "postgres": append(both,
		"SELECT a, b FROM cache_equal WHERE a = %s", "SELECT a, b FROM cache_equal WHERE a > %s",
		"SELECT a, b, c, d, e FROM cache_equal WHERE a <> %s",
		"SELECT a FROM cache_equal ORDER BY a LIMIT %s", "SELECT b / 0 FROM cache_equal WHERE a >= %s",
		"INSERT INTO cache_equal (a, b) SELECT 100, 1 WHERE 1 = 0 AND 1 = %s RETURNING a, b",
		"DELETE FROM cache_equal WHERE a = %s RETURNING a, b")}
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			s.equalTable(t, admin)
			pooledtest.MustExec(t, admin, "CREATE UNIQUE INDEX cache_equal_c ON cache_equal (d)")
			ask := func(driver string, options ...string) (all []string) {
				db := openOne(t, s, driver, options...)
				defer db.Close()
				for _, query := range queries[s.name] {
					query = fmt.Sprintf(query, cast(s, s.arg(1)))
					for _, arg := range []int{7, 7, 7, 1, 0, 2, 7} {
						all = append(all, query+": "+done(t.Context(), db, query, arg)+
							answered(t.Context(), db, "SELECT COUNT(*) FROM cache_equal"))
					}
				}
				pooledtest.MustExec(t, db, "DELETE FROM cache_equal")
				pooledtest.MustExec(t, db, "INSERT INTO cache_equal (a, b) VALUES (1, 1), (2, 2)")
				return all
			}
			want := ask(s.bare)
			wantSame(t, ask("pooled", cacheOf(cacheSize)), want)
		})
	}
}
