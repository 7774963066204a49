package servertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// step is one thing that happens to a server connection in a story, or to what it works with.
type step struct {
	what  string // see the functions below
	query string
	args  []any
}

// use is a query with arguments, which may be kept; thrice, and it is.
func use(query string, args ...any) []step { return []step{{"use", query, args}} }
func thrice(query string, args ...any) []step {
	return join(use(query, args...), use(query, args...), use(query, args...))
}

// own is a statement of the program's on the same connection; other comes from elsewhere.
func own(query string) []step   { return []step{{what: "own", query: query}} }
func other(query string) []step { return []step{{what: "other", query: query}} }

// hidden is a statement by the parent's connection, behind the pool's back.
func hidden(query string) []step { return []step{{what: "hidden", query: query}} }

// prepared is a statement of the program's by db.Prepare.
func prepared(query string) []step { return []step{{what: "prepared", query: query}} }

// dispose lets a pool begin with new connections.
func dispose() []step { return []step{{what: "dispose"}} }

func tx(end string, steps ...[]step) []step {
	return join([]step{{what: "begin"}}, join(steps...), []step{{what: end}})
}

func join(steps ...[]step) (all []step) {
	for _, s := range steps {
		all = append(all, s...)
	}
	return all
}

// story is one after which, or in the middle of which, a kept statement is not any more what the text is.
type story struct {
	name  string
	setup string // separated by semicolons, as clean is
	steps []step
	clean string
}

// tell lets the story happen on the only connection of db, and returns all that the program sees.
func (s server) tell(t *testing.T, db, admin *sql.DB, steps []step) (seen []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var op operator = db
	var open *sql.Tx
	for _, step := range steps {
		what := fmt.Sprintf("%s %s %v", step.what, step.query, step.args)
		switch step.what {
		case "use":
			seen = append(seen, what+": "+answered(ctx, op, step.query, step.args...))
		case "own":
			_, err := op.ExecContext(ctx, step.query)
			seen = append(seen, what+": "+shownError(err))
		case "other":
			pooledtest.MustExec(t, admin, step.query)
		case "hidden":
			seen = append(seen, what+": "+shownError(behind(ctx, db, step.query)))
		case "prepared":
			stmt, err := db.PrepareContext(ctx, step.query)
			if err == nil {
				_, err = stmt.ExecContext(ctx)
				stmt.Close()
			}
			seen = append(seen, what+": "+shownError(err))
		case "dispose":
			if pool, ok := pooled.PoolOf(db); ok {
				pool.Dispose()
			}
		case "begin":
			var err error
			if open, err = db.BeginTx(ctx, nil); err != nil {
				t.Fatal(err)
			}
			op = open
		case "commit":
			seen = append(seen, what+": "+shownError(open.Commit()))
			op = db
		case "rollback":
			seen = append(seen, what+": "+shownError(open.Rollback()))
			op = db
		}
	}
	return seen
}

// behind executes a statement by the parent's own connection.
func behind(ctx context.Context, db *sql.DB, query string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(dc any) error {
		if ours, ok := dc.(interface{ Raw() driver.Conn }); ok {
			dc = ours.Raw()
		}
		_, err := dc.(driver.ExecerContext).ExecContext(ctx, query, nil)
		return err
	})
}

// run compares the story with the bare driver's, which prepares each time.
func (s server) run(t *testing.T, stories []story) {
	for _, story := range stories {
		t.Run(s.name+", "+story.name, func(t *testing.T) {
			admin := openOne(t, s, s.bare, s.several()...)
			once := func(driver string, options ...string) []string {
				mustRun(t, admin, story.clean)
				mustRun(t, admin, story.setup)
				defer mustRun(t, admin, story.clean)
				db := openOne(t, s, driver, append(options, s.several()...)...)
				defer db.Close()
				return s.tell(t, db, admin, story.steps)
			}
			want := once(s.bare)
			wantSame(t, once("pooled", cacheOf(cacheSize)), want)
		})
	}
}

// several is the option by which a text may hold several statements.
func (s server) several() []string {
	if s.name == "mysql" {
		return []string{"multiStatements=true"}
	}
	return []string{"connect_timeout=10"}
}

func mustRun(t testing.TB, db operator, statements string) {
	t.Helper()
	if statements != "" {
		pooledtest.MustExec(t, db, statements)
	}
}

const (
	staleTable = "CREATE TABLE cache_stale (a INT, b INT); INSERT INTO cache_stale VALUES (1, 10), (2, 20)"
	staleClean = "DROP TABLE IF EXISTS cache_stale CASCADE"
	allStale   = "SELECT * FROM cache_stale WHERE a >= $1 ORDER BY a"
)

// Whoever changes a table, a view, a function or a type, the program sees what it would see without the cache.
func TestStmtCacheDefinitionsChange(t *testing.T) {
	insert := "INSERT INTO cache_stale (a) VALUES ($1)"
	onPostgres.run(t, []story{
		{"add column", staleTable, join(thrice(allStale, 1), other("ALTER TABLE cache_stale ADD c TEXT DEFAULT 'c'"), thrice(allStale, 1)), staleClean},
		{"drop column", staleTable, join(thrice(allStale, 1), other("ALTER TABLE cache_stale DROP b"), thrice(allStale, 1)), staleClean},
		{"drop a column that is named", staleTable, join(thrice("SELECT b FROM cache_stale WHERE a = $1", 1), other("ALTER TABLE cache_stale DROP b"), thrice("SELECT b FROM cache_stale WHERE a = $1", 1), other("ALTER TABLE cache_stale ADD b TEXT"), thrice("SELECT b FROM cache_stale WHERE a = $1", 1)), staleClean},
		{"rename column", staleTable, join(thrice(allStale, 1), other("ALTER TABLE cache_stale RENAME b TO c"), thrice(allStale, 1)), staleClean},
		{"type of a column", staleTable, join(thrice(allStale, 1), other("ALTER TABLE cache_stale ALTER b TYPE TEXT"), thrice(allStale, 1)), staleClean},
		{"type modifier of a column", staleTable + "; ALTER TABLE cache_stale ALTER b TYPE NUMERIC(5,2)", join(thrice(allStale, 1), other("ALTER TABLE cache_stale ALTER b TYPE NUMERIC(9,3)"), thrice(allStale, 1)), staleClean},
		{"type of what an argument is compared with", staleTable, join(thrice("SELECT b FROM cache_stale WHERE a = $1", 1), other("ALTER TABLE cache_stale ALTER a TYPE TEXT"), thrice("SELECT b FROM cache_stale WHERE a = $1", "x")), staleClean},
		{"wider type of an argument", staleTable, join(thrice(insert, 1), other("ALTER TABLE cache_stale ALTER a TYPE BIGINT"), thrice(insert, 5_000_000_000), use(allStale, 0)), staleClean},
		{"number to numeric", staleTable, join(thrice(insert, 1), other("ALTER TABLE cache_stale ALTER a TYPE NUMERIC"), thrice(insert, 1.5), use(allStale, 0)), staleClean},
		{"number to text", staleTable, join(thrice(insert, 1), other("ALTER TABLE cache_stale ALTER a TYPE TEXT"), thrice(insert, "x"), use("SELECT a FROM cache_stale WHERE 1 = $1::int", 1)), staleClean},
		{"drop and create", staleTable, join(thrice(allStale, 1), other("DROP TABLE cache_stale; "+staleTable), thrice(allStale, 1), other("DROP TABLE cache_stale; CREATE TABLE cache_stale (a INT, c TEXT)"), thrice(allStale, 1), other("DROP TABLE cache_stale"), thrice(allStale, 1), other(staleTable), thrice(allStale, 1)), staleClean},
		{"two tables change places", staleTable + "; CREATE TABLE cache_stale2 (a INT, b TEXT)", join(thrice(allStale, 1), other("ALTER TABLE cache_stale RENAME TO cache_stale3; ALTER TABLE cache_stale2 RENAME TO cache_stale"), thrice(allStale, 1)), staleClean + "; DROP TABLE IF EXISTS cache_stale2, cache_stale3"},
		{"view", staleTable + "; CREATE VIEW cache_stale_v AS SELECT a FROM cache_stale", join(thrice("SELECT * FROM cache_stale_v WHERE a >= $1 ORDER BY 1", 1), other("CREATE OR REPLACE VIEW cache_stale_v AS SELECT a, b FROM cache_stale"), thrice("SELECT * FROM cache_stale_v WHERE a >= $1 ORDER BY 1", 1), other("DROP VIEW cache_stale_v; CREATE VIEW cache_stale_v AS SELECT a::text AS x, a FROM cache_stale"), thrice("SELECT * FROM cache_stale_v WHERE a >= $1 ORDER BY 1", 1)), staleClean},
		{"function", "CREATE FUNCTION cache_stale_f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'", join(thrice("SELECT cache_stale_f($1)", 1), other("CREATE OR REPLACE FUNCTION cache_stale_f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1'"), thrice("SELECT cache_stale_f($1)", 1), other("DROP FUNCTION cache_stale_f; CREATE FUNCTION cache_stale_f(int) RETURNS text LANGUAGE sql AS 'SELECT $1::text'"), thrice("SELECT cache_stale_f($1)", 1)), "DROP FUNCTION IF EXISTS cache_stale_f(int), cache_stale_f(text)"},
		{"function's argument", "CREATE FUNCTION cache_stale_f(int) RETURNS int LANGUAGE sql AS 'SELECT $1'", join(thrice("SELECT cache_stale_f($1)", 1), other("DROP FUNCTION cache_stale_f; CREATE FUNCTION cache_stale_f(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"), thrice("SELECT cache_stale_f($1)", "x")), "DROP FUNCTION IF EXISTS cache_stale_f(int), cache_stale_f(text)"},
		{"type", "CREATE TYPE cache_stale_t AS ENUM ('a')", join(thrice("SELECT $1::cache_stale_t::text", "a"), other("ALTER TYPE cache_stale_t ADD VALUE 'b'"), thrice("SELECT $1::cache_stale_t::text", "b"), other("ALTER TYPE cache_stale_t RENAME VALUE 'b' TO 'c'"), thrice("SELECT $1::cache_stale_t::text", "c"), other("DROP TYPE cache_stale_t; CREATE TYPE cache_stale_t AS ENUM ('d')"), thrice("SELECT $1::cache_stale_t::text", "d")), "DROP TYPE IF EXISTS cache_stale_t"},
		{"sequence", "CREATE SEQUENCE cache_stale_s", join(thrice("SELECT nextval('cache_stale_s'), $1::int", 1), other("DROP SEQUENCE cache_stale_s; CREATE SEQUENCE cache_stale_s START 100"), thrice("SELECT nextval('cache_stale_s'), $1::int", 1)), "DROP SEQUENCE IF EXISTS cache_stale_s"},
		{"own change in a transaction that is rolled back", staleTable, join(thrice(allStale, 1), tx("rollback", own("ALTER TABLE cache_stale ADD c INT"), thrice(allStale, 1)), thrice(allStale, 1), tx("commit", use(allStale, 1))), staleClean},
		{"own change in a savepoint", staleTable, join(thrice(allStale, 1), tx("commit", own("SAVEPOINT a"), own("ALTER TABLE cache_stale ADD c INT"), thrice(allStale, 1), own("ROLLBACK TO a"), thrice(allStale, 1)), tx("commit", use(allStale, 1))), staleClean},
		{"own change", staleTable, join(thrice(allStale, 1), own("ALTER TABLE cache_stale ADD c INT"), thrice(allStale, 1), own("DROP TABLE cache_stale"), use(allStale, 1)), staleClean},
		{"first use where the table is another", staleTable, join(use(allStale, 1), tx("rollback", own("ALTER TABLE cache_stale ADD c INT"), thrice(allStale, 1)), tx("commit", thrice(allStale, 1))), staleClean},
	})
	all := "SELECT * FROM cache_stale WHERE a >= ? ORDER BY a"
	stored := "INSERT INTO cache_stale (a) VALUES (?)"
	onMySQL.run(t, []story{
		{"add column", staleTable, join(thrice(all, 1), other("ALTER TABLE cache_stale ADD c TEXT DEFAULT 'c'"), thrice(all, 1)), staleClean},
		{"add column in a transaction", staleTable, join(thrice(all, 1), other("ALTER TABLE cache_stale ADD c TEXT DEFAULT 'c'"), tx("commit", thrice(all, 1))), staleClean},
		{"drop column", staleTable, join(thrice(all, 1), other("ALTER TABLE cache_stale DROP b"), thrice(all, 1)), staleClean},
		{"drop a column that is named", staleTable, join(thrice("SELECT b FROM cache_stale WHERE a = ?", 1), other("ALTER TABLE cache_stale DROP b"), thrice("SELECT b FROM cache_stale WHERE a = ?", 1), other("ALTER TABLE cache_stale ADD b TEXT"), thrice("SELECT b FROM cache_stale WHERE a = ?", 1)), staleClean},
		{"type of a column", staleTable, join(thrice(all, 1), other("ALTER TABLE cache_stale MODIFY b VARCHAR(20)"), thrice(all, 1), other("ALTER TABLE cache_stale MODIFY b BIGINT UNSIGNED"), thrice(all, 1)), staleClean},
		{"type of what an argument is compared with", staleTable, join(thrice(all, 1), other("ALTER TABLE cache_stale MODIFY a VARCHAR(20)"), thrice(all, "x")), staleClean},
		{"wider type of an argument", staleTable, join(thrice(stored, 1), other("ALTER TABLE cache_stale MODIFY a BIGINT"), thrice(stored, 5_000_000_000), use(all, 0)), staleClean},
		{"number to text", staleTable, join(thrice(stored, 1), other("ALTER TABLE cache_stale MODIFY a TEXT"), thrice(stored, "x"), use("SELECT a FROM cache_stale WHERE 1 = ?", 1)), staleClean},
		{"default of a column", staleTable, join(thrice(stored, 1), other("ALTER TABLE cache_stale MODIFY b INT DEFAULT 7"), thrice(stored, 3), use(all, 0)), staleClean},
		{"drop and create", staleTable, join(thrice(all, 1), other("DROP TABLE cache_stale; "+staleTable), thrice(all, 1), other("DROP TABLE cache_stale; CREATE TABLE cache_stale (a INT, c TEXT)"), thrice(all, 1), other("DROP TABLE cache_stale"), thrice(all, 1), other(staleTable), thrice(all, 1)), staleClean},
		{"view", staleTable + "; CREATE OR REPLACE VIEW cache_stale_v AS SELECT a FROM cache_stale", join(thrice("SELECT * FROM cache_stale_v WHERE a >= ?", 1), other("CREATE OR REPLACE VIEW cache_stale_v AS SELECT b, a FROM cache_stale"), thrice("SELECT * FROM cache_stale_v WHERE a >= ?", 1)), staleClean + "; DROP VIEW IF EXISTS cache_stale_v"},
		{"table to view", staleTable, join(thrice(all, 1), other("RENAME TABLE cache_stale TO cache_stale2; CREATE VIEW cache_stale AS SELECT b AS a FROM cache_stale2"), thrice(all, 1)), "DROP VIEW IF EXISTS cache_stale; DROP TABLE IF EXISTS cache_stale2; " + staleClean},
		{"function", "CREATE OR REPLACE FUNCTION cache_stale_f(a INT) RETURNS INT RETURN a", join(thrice("SELECT cache_stale_f(?)", 1), other("CREATE OR REPLACE FUNCTION cache_stale_f(a INT) RETURNS TEXT RETURN CONCAT('x', a)"), thrice("SELECT cache_stale_f(?)", 1)), "DROP FUNCTION IF EXISTS cache_stale_f"},
		{"trigger", staleTable, join(thrice(stored, 1), other("CREATE TRIGGER cache_stale_g BEFORE INSERT ON cache_stale FOR EACH ROW SET NEW.b = 77"), thrice(stored, 5), use(all, 0)), staleClean},
		{"flush", staleTable, join(thrice(all, 1), other("FLUSH TABLES"), thrice(all, 1), other("TRUNCATE cache_stale"), thrice(all, 1)), staleClean},
		{"own change", staleTable, join(thrice(all, 1), own("ALTER TABLE cache_stale ADD c INT"), thrice(all, 1), tx("commit", own("ALTER TABLE cache_stale DROP c"), thrice(all, 1)), own("DROP TABLE cache_stale"), use(all, 1)), staleClean},
		{"collation of the table", staleTable + "; ALTER TABLE cache_stale MODIFY b VARCHAR(9)", join(thrice(all, 1), other("ALTER TABLE cache_stale CONVERT TO CHARACTER SET latin1"), thrice(all, 1)), staleClean},
	})
}

// What a session's own settings and tables make of a text they make of a kept statement, as soon as they change.
func TestStmtCacheSessionChanges(t *testing.T) {
	noon := "SELECT '2024-02-29 12:00'::timestamptz AT TIME ZONE 'UTC', $1::int"
	day := "SELECT '01/02/2024'::date, $1::int"
	paths := "CREATE SCHEMA cache_x; CREATE SCHEMA cache_y; CREATE TABLE cache_x.cache_stale (a INT); CREATE TABLE cache_y.cache_stale (a TEXT, b INT); INSERT INTO cache_x.cache_stale VALUES (1); INSERT INTO cache_y.cache_stale VALUES ('y', 2)"
	noPaths := "DROP SCHEMA IF EXISTS cache_x, cache_y CASCADE; DROP TABLE IF EXISTS cache_stale"
	some := "SELECT * FROM cache_stale WHERE 1 = $1"
	temp := "CREATE TEMP TABLE cache_stale AS SELECT 'temporary' AS x"
	makesTemp := "; CREATE OR REPLACE FUNCTION cache_stale_f() RETURNS void LANGUAGE plpgsql AS $$BEGIN " + temp + "; END$$"
	drops := staleClean + "; DROP FUNCTION IF EXISTS cache_stale_f"
	onPostgres.run(t, []story{
		{"TimeZone", "", join(thrice(noon, 1), own("SET TimeZone = 'Asia/Tokyo'"), thrice(noon, 1), own("SET TIME ZONE 'America/New_York'"), thrice(noon, 1), own("RESET TimeZone"), thrice(noon, 1), own("SET SESSION TIME ZONE 5"), thrice(noon, 1)), ""},
		{"TimeZone by function", "", join(thrice(noon, 1), own("SELECT set_config('TimeZone', 'Asia/Tokyo', false)"), thrice(noon, 1), thrice("SELECT set_config('TimeZone', $1, false)", "America/New_York"), thrice(noon, 1), own("SELECT pg_catalog.set_config('Time' || 'Zone', 'UTC', false)"), thrice(noon, 1)), ""},
		{"TimeZone by raw", "", join(thrice(noon, 1), hidden("SET TimeZone = 'Asia/Tokyo'"), thrice(noon, 1)), ""},
		{"TimeZone by a prepared statement", "", join(thrice(noon, 1), prepared("SET TimeZone = 'Asia/Tokyo'"), thrice(noon, 1), own("PREPARE p AS SELECT set_config('TimeZone', 'America/New_York', false)"), own("EXECUTE p"), thrice(noon, 1)), ""},
		{"temporary table by a prepared statement", staleTable, join(thrice(allStale, 1), prepared("CREATE TEMP TABLE cache_stale (a INT, b INT)"), thrice(allStale, 1)), staleClean},
		{"TimeZone by UPDATE", "", join(thrice(noon, 1), own("UPDATE pg_settings SET setting = 'Asia/Tokyo' WHERE name = 'TimeZone'"), thrice(noon, 1)), ""},
		{"TimeZone in a block", "", join(thrice(noon, 1), own("DO $$BEGIN SET TimeZone = 'Asia/Tokyo'; END$$"), thrice(noon, 1)), ""},
		{"TimeZone among others", "", join(thrice(noon, 1), own("SELECT 1; /* x */ SET TimeZone = 'Asia/Tokyo'"), thrice(noon, 1)), ""},
		{"TimeZone that is rolled back", "", join(use(noon, 1), tx("rollback", own("SET TimeZone = 'Asia/Tokyo'"), thrice(noon, 1)), thrice(noon, 1)), ""},
		{"TimeZone, local", "", join(use(noon, 1), tx("commit", own("SET LOCAL TimeZone = 'Asia/Tokyo'"), thrice(noon, 1)), thrice(noon, 1), tx("commit", own("SELECT set_config('TimeZone', 'Asia/Tokyo', true)"), thrice(noon, 1)), thrice(noon, 1)), ""},
		{"TimeZone, local, kept before", "", join(thrice(noon, 1), tx("commit", use(noon, 1), own("SET LOCAL TimeZone = 'Asia/Tokyo'"), thrice(noon, 1)), tx("commit", thrice(noon, 1))), ""},
		{"TimeZone of a savepoint", "", join(use(noon, 1), tx("commit", own("SAVEPOINT a"), own("SET TimeZone = 'Asia/Tokyo'"), thrice(noon, 1), own("ROLLBACK TO a"), thrice(noon, 1)), thrice(noon, 1)), ""},
		{"DateStyle", "", join(thrice(day, 1), own("SET DateStyle = 'ISO, DMY'"), thrice(day, 1)), ""},
		{"IntervalStyle", "", join(thrice("SELECT '-1 2:03:04'::interval, $1::int", 1), own("SET IntervalStyle = 'sql_standard'"), thrice("SELECT '-1 2:03:04'::interval, $1::int", 1)), ""},
		{"standard_conforming_strings", "", join(thrice(`SELECT 'a\\b', $1::int`, 1), own("SET standard_conforming_strings = off"), thrice(`SELECT 'a\\b', $1::int`, 1)), ""},
		{"text search", "", join(thrice("SELECT to_tsvector('the cats')::text, $1::int", 1), own("SET default_text_search_config = 'english'"), thrice("SELECT to_tsvector('the cats')::text, $1::int", 1)), ""},
		{"array_nulls", "", join(thrice("SELECT '{NULL}'::text[], $1::int", 1), own("SET array_nulls = off"), thrice("SELECT '{NULL}'::text[], $1::int", 1)), ""},
		{"xmloption", "", join(thrice("SELECT xmlparse(content '<a/>')::text, 'x'::xml::text, $1::int", 1), own("SET XML OPTION DOCUMENT"), thrice("SELECT xmlparse(content '<a/>')::text, 'x'::xml::text, $1::int", 1)), ""},
		{"role", staleTable + "; DROP ROLE IF EXISTS cache_role; CREATE ROLE cache_role", join(thrice(allStale, 1), own("SET ROLE cache_role"), thrice(allStale, 1), own("RESET ROLE"), thrice(allStale, 1), tx("rollback", own("SET LOCAL ROLE cache_role"), use(allStale, 1)), thrice(allStale, 1)), staleClean + "; DROP ROLE IF EXISTS cache_role"},
		{"search_path", paths, join(own("SET search_path = cache_x"), thrice(some, 1), own("SET search_path = cache_y"), thrice(some, 1), own("SET search_path = cache_y, cache_x"), thrice(some, 1)), noPaths},
		{"search_path by function", paths, join(own("SELECT set_config('search_path', 'cache_x', false)"), thrice(some, 1), own(`SELECT "set_config"('search_path', 'cache_y', false)`), thrice(some, 1)), noPaths},
		{"search_path, local", paths, join(own("SET search_path = cache_x"), thrice(some, 1), tx("commit", own("SET LOCAL search_path = cache_y"), thrice(some, 1)), thrice(some, 1), tx("commit", own("SELECT set_config('search_path', 'cache_y', true)"), thrice(some, 1)), tx("commit", thrice(some, 1))), noPaths},
		{"search_path and an argument's type", paths, join(own("SET search_path = cache_x"), thrice("INSERT INTO cache_stale (a) VALUES ($1)", 5), own("SET search_path = cache_y"), thrice("INSERT INTO cache_stale (a) VALUES ($1)", "x"), use(some, 1)), noPaths},
		{"schema renamed", paths, join(own("SET search_path = cache_x"), thrice(some, 1), other("ALTER SCHEMA cache_x RENAME TO cache_z; ALTER SCHEMA cache_y RENAME TO cache_x"), thrice(some, 1)), "DROP SCHEMA IF EXISTS cache_z CASCADE; " + noPaths},
		{"temporary table", staleTable, join(thrice(allStale, 1), own("CREATE TEMP TABLE cache_stale (a INT, t TEXT)"), thrice(allStale, 1), own("DROP TABLE pg_temp.cache_stale"), thrice(allStale, 1)), staleClean},
		{"temporary table of the same shape", staleTable, join(thrice(allStale, 1), own("CREATE TEMP TABLE cache_stale (a INT, b INT)"), thrice(allStale, 1), own("DROP TABLE pg_temp.cache_stale"), thrice(allStale, 1)), staleClean},
		{"temporary table that is rolled back", staleTable, join(thrice(allStale, 1), tx("rollback", own("CREATE TEMP TABLE cache_stale (a INT, b INT)"), thrice(allStale, 1)), thrice(allStale, 1)), staleClean},
		{"temporary table that ends with the transaction", staleTable, join(thrice(allStale, 1), tx("commit", own("CREATE TEMP TABLE cache_stale (a INT, b INT) ON COMMIT DROP"), thrice(allStale, 1)), thrice(allStale, 1)), staleClean},
		{"temporary table by SELECT", staleTable, join(thrice(allStale, 1), own("SELECT 5 AS a, 6 AS b INTO TEMP cache_stale"), thrice(allStale, 1)), staleClean},
		{"temporary table by EXECUTE", staleTable, join(thrice(allStale, 1), own("PREPARE p AS SELECT 5 AS a, 6 AS b"), own("CREATE TEMP TABLE cache_stale AS EXECUTE p"), thrice(allStale, 1)), staleClean},
		{"temporary table by a block", staleTable, join(thrice(allStale, 1), own("DO $$BEGIN CREATE TEMP TABLE cache_stale (a INT, b INT); END$$"), thrice(allStale, 1)), staleClean},
		{"temporary table by EXPLAIN", staleTable, join(thrice(allStale, 1), own("EXPLAIN ANALYZE CREATE TEMP TABLE cache_stale AS SELECT 5 AS a, 6 AS b"), thrice(allStale, 1)), staleClean},
		{"TimeZone by EXPLAIN", "", join(thrice(noon, 1), own("PREPARE p AS SELECT set_config('TimeZone', 'Asia/Tokyo', false)"),
			thrice(noon, 1), own("EXPLAIN ANALYZE EXECUTE p"), thrice(noon, 1)), ""},
		{"temporary table by a function", staleTable + makesTemp, join(thrice("SELECT * FROM cache_stale WHERE $1 = 1", 1), own("SELECT cache_stale_f()"), thrice("SELECT * FROM cache_stale WHERE $1 = 1", 1)), drops},
		{"temporary table by CALL", staleTable + "; CREATE OR REPLACE PROCEDURE cache_stale_p() LANGUAGE plpgsql AS $$BEGIN " + temp + "; END$$", join(thrice("SELECT * FROM cache_stale WHERE $1 = 1", 1), own("CALL cache_stale_p()"), thrice("SELECT * FROM cache_stale WHERE $1 = 1", 1)), staleClean + "; DROP PROCEDURE IF EXISTS cache_stale_p"},
		{"TimeZone by CALL", "CREATE OR REPLACE PROCEDURE cache_stale_p() LANGUAGE plpgsql AS $$BEGIN SET TimeZone = 'Asia/Tokyo'; END$$", join(thrice(noon, 1), own("CALL cache_stale_p()"), thrice(noon, 1)), "DROP PROCEDURE IF EXISTS cache_stale_p"},
		{"DISCARD ALL", staleTable, join(thrice(allStale, 1), own("SET TimeZone = 'Asia/Tokyo'"), own("DISCARD ALL"), thrice(allStale, 1), thrice(noon, 1), own("DISCARD PLANS"), use(noon, 1)), staleClean},
		{"DEALLOCATE", staleTable, join(thrice(allStale, 1), own("DEALLOCATE ALL"), thrice(allStale, 1), hidden("DEALLOCATE ALL"), thrice(allStale, 1), hidden("DISCARD ALL"), thrice(allStale, 1)), staleClean},
		{"DEALLOCATE in a block", staleTable, join(thrice(allStale, 1), own("DO $$BEGIN EXECUTE 'DEALLOCATE ALL'; END$$"), thrice(allStale, 1), tx("commit", own("DO $$BEGIN EXECUTE 'DEALLOCATE ALL'; END$$"), thrice(allStale, 1))), staleClean},
		{"DEALLOCATE in a function", staleTable + "; CREATE OR REPLACE FUNCTION cache_stale_f() RETURNS int LANGUAGE plpgsql AS $$BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN 1; END$$", join(thrice(allStale, 1), own("SELECT cache_stale_f()"), thrice(allStale, 1)), drops},
		{"prepared under names like the driver's", "", join(thrice("SELECT $1::int", 1), hidden("DEALLOCATE ALL"), own(`PREPARE "1" AS SELECT 111, $1::int`), own(`PREPARE "2" AS SELECT 222, $1::int`), own(`PREPARE "3" AS SELECT 333, $1::int`), thrice("SELECT $1::int", 1)), ""},
	})
	inDB := "CREATE DATABASE cache_other; CREATE TABLE cache_other.cache_stale (a VARCHAR(9), c INT, d INT); INSERT INTO cache_other.cache_stale VALUES ('7', 8, 9); " + staleTable
	noDB := "DROP DATABASE IF EXISTS cache_other; " + staleClean
	all := "SELECT * FROM cache_stale WHERE a >= ?"
	quoted := `SELECT "a", 'a' FROM cache_stale WHERE a >= ?`
	same := func(text string, arg any, between ...string) (steps []step) {
		steps = thrice(text, arg)
		for _, statement := range between {
			steps = join(steps, own(statement), thrice(text, arg))
		}
		return steps
	}
	onMySQL.run(t, []story{
		{"USE", inDB, same(all, 1, "USE cache_other", "USE pooled_test", "/* x */ use `cache_other`", "SELECT 1; USE pooled_test"), noDB},
		{"USE in a transaction", inDB, join(thrice(all, 1), tx("commit", own("USE cache_other"), thrice(all, 1)), thrice(all, 1), tx("rollback", own("USE pooled_test"), thrice(all, 1)), thrice(all, 1)), noDB},
		{"USE by raw", inDB, join(thrice(all, 1), hidden("USE cache_other"), thrice(all, 1)), noDB},
		{"ANSI_QUOTES by a prepared statement", staleTable, join(thrice(quoted, 1), prepared("SET sql_mode = 'ANSI_QUOTES'"), thrice(quoted, 1)), staleClean},
		{"USE by a prepared statement", inDB, join(thrice(all, 1), prepared("USE cache_other"), thrice(all, 1)), noDB},
		{"USE by EXECUTE", inDB, same(all, 1, "EXECUTE IMMEDIATE 'USE cache_other'", "PREPARE p FROM 'SELECT 1'"), noDB},
		{"database gone", inDB, join(own("USE cache_other"), thrice(all, 1), other("DROP DATABASE cache_other"), thrice(all, 1), other("CREATE DATABASE cache_other; CREATE TABLE cache_other.cache_stale (a INT)"), thrice(all, 1)), noDB},
		{"ANSI_QUOTES", staleTable, same(quoted, 1, "SET sql_mode = 'ANSI_QUOTES'", "SET @@session.sql_mode = ''", "SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')"), staleClean},
		{"PIPES_AS_CONCAT", "", same("SELECT 'a' || ?", "b", "SET sql_mode = 'PIPES_AS_CONCAT'"), ""},
		{"NO_BACKSLASH_ESCAPES", "", same(`SELECT 'a\\b', ?`, 1, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'"), ""},
		{"IGNORE_SPACE, ORACLE", staleTable, same("SELECT CONCAT('a', NULL), ?", 1, "SET sql_mode = 'ORACLE'"), staleClean},
		{"strictness", staleTable, same("INSERT INTO cache_stale (a) VALUES (?)", "x", "SET sql_mode = ''", "SET sql_mode = 'STRICT_ALL_TABLES'"), staleClean},
		{"ANSI_QUOTES by a block", staleTable, same(quoted, 1, "BEGIN NOT ATOMIC SET sql_mode = 'ANSI_QUOTES'; END"), staleClean},
		{"ANSI_QUOTES by EXECUTE", staleTable, same(quoted, 1, "EXECUTE IMMEDIATE 'SET sql_mode = ''ANSI_QUOTES'''"), staleClean},
		{"ANSI_QUOTES by CALL", staleTable + "; CREATE OR REPLACE PROCEDURE cache_stale_p() SET sql_mode = 'ANSI_QUOTES'", same(quoted, 1, "CALL cache_stale_p()"), staleClean + "; DROP PROCEDURE IF EXISTS cache_stale_p"},
		{"ANSI_QUOTES for one statement", staleTable, same(quoted, 1, "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT 1"), staleClean},
		{"ANSI_QUOTES by raw", staleTable, join(thrice(quoted, 1), hidden("SET sql_mode = 'ANSI_QUOTES'"), thrice(quoted, 1)), staleClean},
		{"names", "", same("SELECT 'é', COLLATION('é'), CHARSET(?)", "é", "SET NAMES latin1", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET CHARACTER SET latin1", "SET collation_connection = utf8mb4_general_ci"), ""},
		{"time zone", "", same("SELECT FROM_UNIXTIME(?), TIMESTAMP '2024-02-29 12:00:00'", 1000, "SET time_zone = '+09:00'"), ""},
		{"timestamp", "", same("SELECT IF(@@timestamp > 2000, 'today', NOW()), ?", 1, "SET timestamp = 1000", "SET timestamp = 2000"), ""},
		{"division", "", same("SELECT 1 / 3, 1 / ?", 3, "SET div_precision_increment = 10"), ""},
		{"weeks", "", same("SELECT WEEK('2024-02-29'), DATE_FORMAT('2024-02-29', '%W'), ?", 1, "SET default_week_format = 3", "SET lc_time_names = 'de_DE'"), ""},
		{"limits", staleTable, same("SELECT GROUP_CONCAT(a), ? FROM cache_stale", 1, "SET group_concat_max_len = 4", "SET sql_select_limit = 1"), staleClean},
		{"types of variables", "", same("SELECT @v, ?", 1, "SET @v = 1", "SET @v = 'text'", "SET @v = 1.5", "SELECT @v := NULL", "SELECT 'x' INTO @v", "SET @v = x'00ff'"), ""},
		{"variables by queries", "", join(thrice("SELECT @w, ?", 1), thrice("SELECT @w := ?", 5), thrice("SELECT @w, ?", 1), thrice("SELECT @w := ?", "text"), thrice("SELECT @w, ?", 1), thrice("SELECT ? INTO @w", 1.5), thrice("SELECT @w, ?", 1)), ""},
		{"temporary table", staleTable, same(all, 1, "CREATE TEMPORARY TABLE cache_stale (a INT, t TEXT)", "DROP TEMPORARY TABLE cache_stale", "CREATE TEMPORARY TABLE cache_stale SELECT 5 AS a, 6 AS b", "DROP TABLE cache_stale"), staleClean},
		{"temporary table by CALL", staleTable + "; CREATE OR REPLACE PROCEDURE cache_stale_p() CREATE TEMPORARY TABLE cache_stale (a INT, t TEXT)", same(all, 1, "CALL cache_stale_p()"), staleClean + "; DROP PROCEDURE IF EXISTS cache_stale_p"},
		{"foreign keys, autocommit", staleTable, join(same("UPDATE cache_stale SET b = ?", 1, "SET autocommit = 0"), own("SET autocommit = 1"), use(all, 0)), staleClean},
		{"last insert id", "CREATE TABLE cache_stale (a INT PRIMARY KEY AUTO_INCREMENT, b INT)", join(thrice("INSERT INTO cache_stale (b) VALUES (?)", 1), thrice("SELECT LAST_INSERT_ID(), ?", 1), thrice("SELECT LAST_INSERT_ID(?)", 7), thrice("SELECT LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS(), ?", 1)), staleClean},
		{"DEALLOCATE", "", same("SELECT ?", 1, "PREPARE p FROM 'SELECT 1'", "EXECUTE p", "DEALLOCATE PREPARE p"), ""},
		{"warnings", staleTable, join(own("SET sql_mode = ''"), thrice("INSERT INTO cache_stale (a) VALUES (?)", "x"), use("SELECT @@warning_count, ?", 1), own("SHOW WARNINGS")), staleClean},
	})
}

// What nobody tells the pool: a type that changes elsewhere under arguments that still fit, a setting that a function changes, a table that
// comes before another in the path. Kept statements stay what they were until they are given up, as docs/stmt-cache.md says.
func TestStmtCacheLimits(t *testing.T) {
	insert := "INSERT INTO cache_stale (a) VALUES ($1)"
	stored := use("SELECT a FROM cache_stale WHERE 1 = $1::int", 1)
	noon := "SELECT '2024-02-29 12:00'::timestamptz AT TIME ZONE 'UTC', $1::int"
	some := "SELECT * FROM cache_stale WHERE 1 = $1"
	tokyo := "CREATE OR REPLACE FUNCTION cache_stale_f() RETURNS int LANGUAGE plpgsql AS $$BEGIN SET TimeZone = 'Asia/Tokyo'; RETURN 1; END$$"
	temps := staleTable + "; CREATE OR REPLACE FUNCTION cache_stale_f() RETURNS void LANGUAGE plpgsql AS $$BEGIN CREATE TEMP TABLE cache_stale AS SELECT 'temporary' AS x; END$$"
	paths := "CREATE SCHEMA cache_x; CREATE SCHEMA cache_y; CREATE TABLE cache_y.cache_stale (a TEXT, b INT); INSERT INTO cache_y.cache_stale VALUES ('y', 2)"
	now := time.Date(2024, 2, 29, 12, 0, 0, 0, time.FixedZone("", 5*3600))
	onPostgres.run(t, []story{
		{"timestamp to timestamptz", "CREATE TABLE cache_stale (a TIMESTAMP)", join(thrice(insert, now), other("ALTER TABLE cache_stale ALTER a TYPE TIMESTAMPTZ"), dispose(), thrice(insert, now), stored), staleClean},
		{"char to text", "CREATE TABLE cache_stale (a CHAR(5))", join(thrice(insert, "x  "), other("ALTER TABLE cache_stale ALTER a TYPE TEXT"), dispose(), thrice(insert, "y  "), stored), staleClean},
		{"date to timestamp", "CREATE TABLE cache_stale (a DATE)", join(thrice(insert, now), other("ALTER TABLE cache_stale ALTER a TYPE TIMESTAMP"), dispose(), thrice(insert, now), stored), staleClean},
		{"TimeZone in a function", tokyo, join(thrice(noon, 1), own("SELECT cache_stale_f()"), own("DISCARD PLANS"), thrice(noon, 1)), "DROP FUNCTION IF EXISTS cache_stale_f"},
		{"second temporary table, by a function", temps, join(own("CREATE TEMP TABLE cache_first (a INT)"), thrice(some, 1), own("SELECT cache_stale_f()"), own("DISCARD PLANS"), thrice(some, 1)), staleClean + "; DROP FUNCTION IF EXISTS cache_stale_f"},
		{"a table earlier in the path", paths, join(own("SET search_path = cache_x, cache_y"), thrice(some, 1), other("CREATE TABLE cache_x.cache_stale (z INT); INSERT INTO cache_x.cache_stale VALUES (26)"), own("DISCARD PLANS"), thrice(some, 1)), "DROP SCHEMA IF EXISTS cache_x, cache_y CASCADE"},
	})
}

// Of a type that has been dropped and created the server speaks with an error that may come from anywhere: it is the program's, once.
func TestStmtCacheTypeOfResult(t *testing.T) {
	admin := openOne(t, onPostgres, "postgres")
	const create, drop = "CREATE TYPE cache_stale_t AS ENUM ('a', 'b')", "DROP TYPE IF EXISTS cache_stale_t"
	mustRun(t, admin, drop+"; "+create)
	t.Cleanup(func() { admin.Exec(drop) })
	db := openCached(t, onPostgres)
	const query = "SELECT 'a'::cache_stale_t, $1::int"
	for range 3 {
		answered(t.Context(), db, query, 1)
	}
	mustRun(t, admin, drop+"; "+create)
	answered(t.Context(), db, query, 1)
	want := answered(t.Context(), admin, query, 1)
	for range 3 {
		if have := answered(t.Context(), db, query, 1); have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}

// What one connection of the pool does to a table, the others know, also those that are lent, and whether it has come back or not.
func TestStmtCacheChangesInThePool(t *testing.T) {
	s := onPostgres
	now := time.Date(2024, 2, 29, 12, 0, 0, 0, time.FixedZone("", 5*3600))
	for _, how := range []string{"autocommit", "conn", "transaction", "prepared", "prepared and back", "rolled back"} {
		for _, user := range []string{"autocommit", "conn"} {
			t.Run(how+", "+user, func(t *testing.T) {
				db := openServer(t, "pooled", s.dsn(t), cacheOf(cacheSize), "pool_max_conns=2")
				table(t, db, "cache_shared", "a TIMESTAMP")
				conns := []*sql.Conn{}
				for range 2 { // a conn for each
					conn, err := db.Conn(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					conns = append(conns, conn)
					for range 3 {
						pooledtest.MustExec(t, conn, "INSERT INTO cache_shared VALUES ($1)", now)
					}
				}
				const change = "ALTER TABLE cache_shared ALTER a TYPE TIMESTAMPTZ"
				switch how {
				case "autocommit":
					pooledtest.Give(t, conns[1])
					pooledtest.MustExec(t, db, change)
				case "conn": // it is kept: what has been done is done
					pooledtest.MustExec(t, conns[1], change)
				case "prepared", "prepared and back":
					stmt, err := conns[1].PrepareContext(t.Context(), change)
					if err != nil {
						t.Fatal(err)
					}
					defer stmt.Close()
					if _, err := stmt.Exec(); err != nil {
						t.Fatal(err)
					}
				case "transaction", "rolled back":
					tx, err := conns[1].BeginTx(t.Context(), nil)
					if err != nil {
						t.Fatal(err)
					}
					pooledtest.MustExec(t, tx, change)
					if how == "rolled back" {
						err = tx.Rollback()
						pooledtest.MustExec(t, conns[1], change)
					} else {
						err = tx.Commit()
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if how == "prepared and back" {
					pooledtest.Give(t, conns[1])
				}
				var op operator = conns[0]
				if user == "autocommit" {
					pooledtest.Give(t, conns[0])
					op = db
				}
				pooledtest.MustExec(t, op, "DELETE FROM cache_shared")
				for range 3 {
					pooledtest.MustExec(t, op, "INSERT INTO cache_shared VALUES ($1)", now)
				}
				if have := pooledtest.ScanOne[int](t, op, "SELECT count(*) FROM cache_shared WHERE a = '2024-02-29 07:00Z'"); have != 3 {
					t.Errorf("have %d rows of that moment, want 3", have)
				}
			})
		}
	}
}

// sideways lets one connection of a pool keep a statement and use it, another change what it is about, and the first
// use it again. It returns what the program sees before and after.
func (s server) sideways(t *testing.T, driver string, setup, clean []string, change change, use func(operator) string,
	options ...string) (seen []string) {
	t.Helper()
	admin := openServer(t, s.bare, s.dsn(t))
	for _, text := range append(clean, setup...) {
		pooledtest.MustExec(t, admin, text)
	}
	defer func() {
		for _, text := range clean {
			pooledtest.MustExec(t, admin, text)
		}
	}()
	if driver == "pooled" {
		options = append(options, cacheOf(cacheSize), "pool_max_conns=2")
	}
	db := openServer(t, driver, s.dsn(t), options...)
	defer db.Close()
	db.SetMaxOpenConns(2)
	conns := [2]*sql.Conn{}
	for i := range conns {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	for range 3 {
		seen = append(seen, use(conns[0]))
	}
	change(t, db, conns[1])
	for range 3 {
		seen = append(seen, use(conns[0]))
	}
	return seen
}

// change is what happens on another connection of the same pool.
type change func(*testing.T, *sql.DB, *sql.Conn)

// by is a change by one statement, whose error is a part of the story.
func by(text string) change {
	return func(t *testing.T, _ *sql.DB, conn *sql.Conn) { conn.ExecContext(t.Context(), text) }
}

// What can hide a change to a table counts as one: the statements that other connections keep are prepared again.
func TestStmtCacheHiddenChangesInThePool(t *testing.T) {
	const (
		alter = "ALTER TABLE cache_shared ALTER a TYPE TIMESTAMPTZ"
		noon  = "2024-02-29 12:00:00+05"
	)
	clean := []string{"DROP TABLE IF EXISTS cache_shared", "DROP PROCEDURE IF EXISTS cache_shared_p"}
	procedure := func(body string) string {
		return "CREATE PROCEDURE cache_shared_p() LANGUAGE plpgsql AS $$ BEGIN " + body + " END $$"
	}
	insert := func(op operator) string {
		done(t.Context(), op, "DELETE FROM cache_shared")
		return done(t.Context(), op, "INSERT INTO cache_shared VALUES ($1)", noon) + " " +
			answered(t.Context(), op, "SELECT a AT TIME ZONE 'UTC' FROM cache_shared")
	}
	for name, test := range map[string]struct {
		procedure string
		change    change
	}{
		"DO":                          {"NULL;", by("DO $$ BEGIN " + alter + "; END $$")},
		"DO of a string":              {"NULL;", by("DO 'BEGIN " + alter + "; END'")},
		"CALL":                        {alter + ";", by("CALL cache_shared_p()")},
		"CALL behind a query":         {alter + ";", by("SELECT 'a\\'; CALL cache_shared_p()")},
		"CALL that commits and fails": {alter + "; COMMIT; RAISE 'enough';", by("CALL cache_shared_p()")},
		"behind a query":              {"NULL;", by("SELECT 1; " + alter)},
		"in a transaction by texts": {"NULL;", func(t *testing.T, _ *sql.DB, conn *sql.Conn) {
			for _, text := range []string{"BEGIN", alter, "SELECT 1", "COMMIT"} {
				pooledtest.MustExec(t, conn, text)
			}
		}},
		"prepared": {alter + ";", func(t *testing.T, _ *sql.DB, conn *sql.Conn) {
			stmt, err := conn.PrepareContext(t.Context(), "CALL cache_shared_p()")
			if err != nil {
				t.Fatal(err)
			}
			defer stmt.Close()
			if _, err := stmt.Exec(); err != nil {
				t.Error(err)
			}
		}},
		"in a transaction": {alter + ";", func(t *testing.T, _ *sql.DB, conn *sql.Conn) {
			tx, err := conn.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			pooledtest.MustExec(t, tx, "CALL cache_shared_p()")
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
		}},
		"Raw": {"NULL;", func(t *testing.T, db *sql.DB, conn *sql.Conn) {
			pooledtest.Give(t, conn)
			if err := behind(t.Context(), db, alter); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			setup := []string{"CREATE TABLE cache_shared (a TIMESTAMP)", procedure(test.procedure)}
			want := onPostgres.sideways(t, "postgres", setup, clean, test.change, insert, "TimeZone=UTC")
			wantSame(t, onPostgres.sideways(t, "pooled", setup, clean, test.change, insert, "TimeZone=UTC"), want)
			if want[0] == want[5] {
				t.Errorf("have %q before and after the change, want two answers: there is no change to be seen", want)
			}
		})
	}
}

// A table that is new may come before the one that a kept statement is about.
func TestStmtCacheNewTablesInThePool(t *testing.T) {
	clean := []string{"DROP SCHEMA IF EXISTS cache_x, cache_y CASCADE"}
	setup := []string{"CREATE SCHEMA cache_x", "CREATE SCHEMA cache_y", "CREATE TABLE cache_y.cache_shared (a INT)"}
	ask := func(op operator) string {
		return answered(t.Context(), op, "SELECT * FROM cache_shared WHERE 1 = $1", 1)
	}
	for _, create := range []string{
		"CREATE TABLE cache_x.cache_shared AS SELECT 26 AS z",
		"SELECT 26 AS z INTO cache_x.cache_shared",
		"EXPLAIN ANALYZE CREATE TABLE cache_x.cache_shared AS SELECT 26 AS z",
		"EXPLAIN ANALYZE SELECT 26 AS z INTO cache_x.cache_shared",
		"DO $$ BEGIN CREATE TABLE cache_x.cache_shared AS SELECT 26 AS z; END $$",
	} {
		t.Run(create, func(t *testing.T) {
			const path = "search_path=cache_x,cache_y"
			want := onPostgres.sideways(t, "postgres", setup, clean, by(create), ask, path)
			wantSame(t, onPostgres.sideways(t, "pooled", setup, clean, by(create), ask, path), want)
			if want[0] == want[5] {
				t.Errorf("have %q before and after, want two answers", want)
			}
		})
	}
}

// MariaDB prepares a statement again by itself when a table is another, whoever has changed it, so nothing has to be
// hidden from the pool. These are the ways to hide it.
func TestStmtCacheHiddenChangesOnMySQL(t *testing.T) {
	clean := []string{"DROP TABLE IF EXISTS cache_shared", "DROP PROCEDURE IF EXISTS cache_shared_p"}
	for _, columns := range [][3]any{
		{"a INT", "a TEXT", 7},
		{"a TIMESTAMP", "a DATE", "2020-01-01 10:00:00"},
		{"a VARCHAR(8) CHARACTER SET latin1", "a VARCHAR(8) CHARACTER SET utf8mb4", "é"},
		{"a DECIMAL(10,3)", "a INT", "1.2345"},
		{"a ENUM('a', 'b')", "a ENUM('b', 'a')", "a"},
		{"a FLOAT", "a DOUBLE", 1.23456789},
		{"a INT, b INT DEFAULT 1", "a INT, ADD c INT DEFAULT 3", 5},
	} {
		alter := fmt.Sprint("ALTER TABLE cache_shared MODIFY ", columns[1])
		use := func(op operator) string {
			done(t.Context(), op, "DELETE FROM cache_shared")
			return fmt.Sprint(
				done(t.Context(), op, "INSERT INTO cache_shared (a) VALUES (?)", columns[2]),
				answered(t.Context(), op, "SELECT * FROM cache_shared WHERE 1 = ?", 1),
				answered(t.Context(), op, "SELECT COUNT(*) FROM cache_shared WHERE a = ?", columns[2]))
		}
		setup := []string{
			fmt.Sprintf("CREATE TABLE cache_shared (%s)", columns[0]),
			"CREATE PROCEDURE cache_shared_p() " + alter,
		}
		for _, change := range []string{
			"CALL cache_shared_p()",
			"EXECUTE IMMEDIATE \"" + alter + "\"",
			"BEGIN NOT ATOMIC " + alter + "; END",
		} {
			t.Run(fmt.Sprint(columns[1], " by ", change[:7]), func(t *testing.T) {
				want := onMySQL.sideways(t, "mysql", setup, clean, by(change), use)
				wantSame(t, onMySQL.sideways(t, "pooled", setup, clean, by(change), use), want)
			})
		}
	}
}

// In a transaction a kept statement that somebody else has made stale may fail, for it would fail if it was prepared again: PostgreSQL
// has ended the transaction. It fails once; what comes after it is as it always was.
func TestStmtCacheStaleInTransaction(t *testing.T) {
	s := onPostgres
	for name, change := range map[string]string{
		"add column": "ALTER TABLE cache_stale ADD c INT", "drop column": "ALTER TABLE cache_stale DROP b", "type": "ALTER TABLE cache_stale ALTER b TYPE TEXT",
		"create": "DROP TABLE cache_stale; CREATE TABLE cache_stale (a INT)", "type of an argument": "ALTER TABLE cache_stale ALTER a TYPE NUMERIC",
	} {
		t.Run(name, func(t *testing.T) {
			admin := openOne(t, s, s.bare)
			mustRun(t, admin, staleClean+"; "+staleTable)
			t.Cleanup(func() { admin.Exec(staleClean) })
			db := openCached(t, s)
			for range 3 {
				answered(t.Context(), db, allStale, 1)
			}
			mustRun(t, admin, change)
			want := answered(t.Context(), admin, allStale, 1)
			for try := range 3 {
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				have := answered(t.Context(), tx, allStale, 1)
				if stale := strings.Contains(have, "0A000"); have != want && !(stale && try == 0) {
					t.Errorf("transaction %d: have %s, want %s", try, have, want)
				}
				if have := shownError(tx.Commit()); try > 0 && have != "no error" {
					t.Errorf("commit %d: have %s, want no error", try, have)
				}
			}
			if have := answered(t.Context(), db, allStale, 1); have != want {
				t.Errorf("have %s, want %s", have, want)
			}
			if have := kept(t, db, ""); have != 1 {
				t.Errorf("have %d statements kept, want 1", have)
			}
		})
	}
}

// An error with the code of a stale statement that comes from the program's own functions is an error of the
// statement, which has been executed, and is not executed again.
func TestStmtCacheOwnErrorsAreNotStale(t *testing.T) {
	onPostgres.run(t, []story{
		{"raised", "CREATE SEQUENCE cache_stale_s; CREATE FUNCTION cache_stale_f(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('cache_stale_s'); RAISE 'cached plan must not change result type' USING ERRCODE = '0A000'; END$$",
			join(thrice("SELECT cache_stale_f($1)", 1), thrice("SELECT last_value FROM cache_stale_s WHERE 1 = $1", 1)), "DROP FUNCTION IF EXISTS cache_stale_f(int); DROP SEQUENCE IF EXISTS cache_stale_s"},
		{"unknown statement", "CREATE SEQUENCE cache_stale_s; CREATE FUNCTION cache_stale_f(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('cache_stale_s'); EXECUTE 'EXECUTE nowhere'; RETURN 1; END$$",
			join(thrice("SELECT cache_stale_f($1)", 1), thrice("SELECT last_value FROM cache_stale_s WHERE 1 = $1", 1)), "DROP FUNCTION IF EXISTS cache_stale_f(int); DROP SEQUENCE IF EXISTS cache_stale_s"},
		{"raised syntax error", "CREATE SEQUENCE cache_stale_s; CREATE FUNCTION cache_stale_f(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('cache_stale_s'); EXECUTE 'SELECT nothing'; RETURN 1; END$$",
			join(thrice("SELECT cache_stale_f($1)", 1), thrice("SELECT last_value FROM cache_stale_s WHERE 1 = $1", 1)), "DROP FUNCTION IF EXISTS cache_stale_f(int); DROP SEQUENCE IF EXISTS cache_stale_s"},
		{"table read from text", staleTable, join(thrice("SELECT count(*) FROM cache_stale WHERE query_to_xml($1, true, false, '') IS NOT NULL", "SELECT nothing"), use(allStale, 0)), staleClean},
	})
}

// A moment that PostgreSQL reads from a text is that of each use.
func TestStmtCacheMomentsGoOn(t *testing.T) {
	for _, literal := range []string{"'now'::timestamptz", "timestamp 'now'", "'NOW'::timestamp", "CAST('now' AS timestamptz)", "' now '::timestamptz", "timestamptz(6) 'now'", `"timestamptz"('now')`,
		"'Now'::timestamptz + interval '1 day'", "('{now}'::timestamptz[])[1]", "('[now,)'::tstzrange)::text", "('(now)'::cache_moment).a", "$$now$$::timestamptz", `E'\156ow'::timestamptz`, `U&'\006eow'::timestamptz`} {
		t.Run(literal, func(t *testing.T) {
			admin := openServer(t, "postgres", onPostgres.dsn(t))
			pooledtest.MustExec(t, admin, "DROP TYPE IF EXISTS cache_moment; CREATE TYPE cache_moment AS (a timestamptz)")
			db := openCached(t, onPostgres)
			seen := map[string]bool{}
			for range 4 {
				seen[fmt.Sprint(pooledtest.ScanOne[any](t, db, "SELECT "+literal+" WHERE 1 = $1", 1))] = true
			}
			if len(seen) != 4 {
				t.Errorf("have %d moments in 4 uses, want 4", len(seen))
			}
		})
	}
}

// What a hook does to a server connection by Exec or by the parent's own is seen as a program's statement is.
func TestStmtCacheAndHooks(t *testing.T) {
	s := onPostgres
	for _, how := range []string{"Exec", "Raw"} {
		t.Run(how, func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			const clean = "DROP SCHEMA IF EXISTS cache_x, cache_y CASCADE"
			mustRun(t, admin, clean+"; CREATE SCHEMA cache_x; CREATE SCHEMA cache_y; CREATE TABLE cache_x.cache_stale (a INT); CREATE TABLE cache_y.cache_stale (a TEXT)")
			t.Cleanup(func() { admin.Exec(clean) })
			tenant := "cache_x"
			cfg, err := pooled.ParseDSN(pooledtest.WithOptions(s.dsn(t), cacheOf(cacheSize)))
			if err != nil {
				t.Fatal(err)
			}
			cfg.Hooks = pooled.Hooks{Checkout: func(ctx context.Context, c *pooled.ServerConn) error {
				if how == "Exec" {
					return c.Exec(ctx, "SET search_path = "+tenant)
				}
				_, err := c.Raw().(driver.ExecerContext).ExecContext(ctx, "SET search_path = "+tenant, nil)
				return err
			}}
			db, err := pooled.Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			db.SetMaxOpenConns(1)
			insert := func(arg any) {
				t.Helper()
				for range 3 {
					if _, err := db.Exec("INSERT INTO cache_stale VALUES ($1)", arg); err != nil {
						t.Errorf("%s: %v", tenant, err)
					}
				}
			}
			insert(1)
			tenant = "cache_y"
			insert("text")
			tenant = "cache_x"
			insert(2)
			for table, want := range map[string]int{"cache_x": 6, "cache_y": 3} {
				if have := pooledtest.ScanOne[int](t, admin, "SELECT count(*) FROM "+table+".cache_stale"); have != want {
					t.Errorf("%s: have %d rows, want %d", table, have, want)
				}
			}
		})
	}
}
