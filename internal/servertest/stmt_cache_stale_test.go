package servertest_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

const (
	staleTable = "CREATE TABLE cache_stale (a INT, b INT); INSERT INTO cache_stale VALUES (1, 10), (2, 20)"
	staleClean = "DROP TABLE IF EXISTS cache_stale CASCADE"
	allStale   = "SELECT * FROM cache_stale WHERE a >= $1 ORDER BY a"
)

// What a session's own settings and tables make of a text they make of a kept statement, as soon as they change.
func TestStmtCacheSessionChanges(t *testing.T) {
	noon := "SELECT '2024-02-29 12:00'::timestamptz AT TIME ZONE 'UTC', $1::int"
	day := "SELECT '01/02/2024'::date, $1::int"
	paths := "CREATE SCHEMA cache_x; CREATE SCHEMA cache_y; CREATE TABLE cache_x.cache_stale (a INT); CREATE TABLE " +
		"cache_y.cache_stale (a TEXT, b INT); INSERT INTO cache_x.cache_stale VALUES (1); INSERT INTO " +
		"cache_y.cache_stale VALUES ('y', 2)"
	noPaths := "DROP SCHEMA IF EXISTS cache_x, cache_y CASCADE; DROP TABLE IF EXISTS cache_stale"
	some := "SELECT * FROM cache_stale WHERE 1 = $1"
	temp := "CREATE TEMP TABLE cache_stale AS SELECT 'temporary' AS x"
	makesTemp := "; CREATE OR REPLACE FUNCTION cache_stale_f() RETURNS void LANGUAGE plpgsql AS $$BEGIN " + temp +
		"; END$$"
	drops := staleClean + "; DROP FUNCTION IF EXISTS cache_stale_f"
	onPostgres.run(t, []story{
		{"TimeZone", "", join(thrice(noon, 1), own("SET TimeZone = 'Asia/Tokyo'"), thrice(noon, 1),
			own("SET TIME ZONE 'America/New_York'"), thrice(noon, 1), own("RESET TimeZone"), thrice(noon, 1),
			own("SET SESSION TIME ZONE 5"), thrice(noon, 1)), ""},
		{"TimeZone by function", "", join(thrice(noon, 1), own("SELECT set_config('TimeZone', 'Asia/Tokyo', false)"),
			thrice(noon, 1), thrice("SELECT set_config('TimeZone', $1, false)", "America/New_York"), thrice(noon, 1),
			own("SELECT pg_catalog.set_config('Time' || 'Zone', 'UTC', false)"), thrice(noon, 1)), ""},
		{"TimeZone by raw", "", join(thrice(noon, 1), hidden("SET TimeZone = 'Asia/Tokyo'"), thrice(noon, 1)), ""},
		{"TimeZone by a prepared statement", "", join(thrice(noon, 1), prepared("SET TimeZone = 'Asia/Tokyo'"),
			thrice(noon, 1), own("PREPARE p AS SELECT set_config('TimeZone', 'America/New_York', false)"),
			own("EXECUTE p"), thrice(noon, 1)), ""},
		{"temporary table by a prepared statement", staleTable, join(thrice(allStale, 1),
			prepared("CREATE TEMP TABLE cache_stale (a INT, b INT)"), thrice(allStale, 1)), staleClean},
		{"TimeZone by UPDATE", "", join(thrice(noon, 1), own("UPDATE pg_settings SET setting = 'Asia/Tokyo' WHERE "+
			"name = 'TimeZone'"), thrice(noon, 1)), ""},
		{"TimeZone in a block", "", join(thrice(noon, 1), own("DO $$BEGIN SET TimeZone = 'Asia/Tokyo'; END$$"),
			thrice(noon, 1)), ""},
		{"TimeZone among others", "", join(thrice(noon, 1), own("SELECT 1; /* x */ SET TimeZone = 'Asia/Tokyo'"),
			thrice(noon, 1)), ""},
		{"TimeZone that is rolled back", "", join(use(noon, 1), tx("rollback", own("SET TimeZone = 'Asia/Tokyo'"),
			thrice(noon, 1)), thrice(noon, 1)), ""},
		{"TimeZone, local", "", join(use(noon, 1), tx("commit", own("SET LOCAL TimeZone = 'Asia/Tokyo'"),
			thrice(noon, 1)), thrice(noon, 1), tx("commit", own("SELECT set_config('TimeZone', 'Asia/Tokyo', true)"),
			thrice(noon, 1)), thrice(noon, 1)), ""},
		{"TimeZone, local, kept before", "", join(thrice(noon, 1), tx("commit", use(noon, 1),
			own("SET LOCAL TimeZone = 'Asia/Tokyo'"), thrice(noon, 1)), tx("commit", thrice(noon, 1))), ""},
		{"TimeZone of a savepoint", "", join(use(noon, 1), tx("commit", own("SAVEPOINT a"),
			own("SET TimeZone = 'Asia/Tokyo'"), thrice(noon, 1), own("ROLLBACK TO a"), thrice(noon, 1)), thrice(noon, 1)), ""},
		{"DateStyle", "", join(thrice(day, 1), own("SET DateStyle = 'ISO, DMY'"), thrice(day, 1)), ""},
		{"IntervalStyle", "", join(thrice("SELECT '-1 2:03:04'::interval, $1::int", 1),
			own("SET IntervalStyle = 'sql_standard'"), thrice("SELECT '-1 2:03:04'::interval, $1::int", 1)), ""},
		{"standard_conforming_strings", "", join(thrice(`SELECT 'a\\b', $1::int`, 1),
			own("SET standard_conforming_strings = off"), thrice(`SELECT 'a\\b', $1::int`, 1)), ""},
		{"text search", "", join(thrice("SELECT to_tsvector('the cats')::text, $1::int", 1),
			own("SET default_text_search_config = 'english'"), thrice("SELECT to_tsvector('the cats')::text, $1::int", 1)), ""},
		{"array_nulls", "", join(thrice("SELECT '{NULL}'::text[], $1::int", 1), own("SET array_nulls = off"),
			thrice("SELECT '{NULL}'::text[], $1::int", 1)), ""},
		{"xmloption", "", join(thrice("SELECT xmlparse(content '<a/>')::text, 'x'::xml::text, $1::int", 1),
			own("SET XML OPTION DOCUMENT"), thrice("SELECT xmlparse(content '<a/>')::text, 'x'::xml::text, $1::int", 1)), ""},
		{"role", staleTable + "; DROP ROLE IF EXISTS cache_role; CREATE ROLE cache_role", join(thrice(allStale, 1),
			own("SET ROLE cache_role"), thrice(allStale, 1), own("RESET ROLE"), thrice(allStale, 1),
			tx("rollback", own("SET LOCAL ROLE cache_role"), use(allStale, 1)), thrice(allStale, 1)), staleClean +
			"; DROP ROLE IF EXISTS cache_role"},
		{"search_path", paths, join(own("SET search_path = cache_x"), thrice(some, 1), own("SET search_path = cache_y"),
			thrice(some, 1), own("SET search_path = cache_y, cache_x"), thrice(some, 1)), noPaths},
		{"search_path by function", paths, join(own("SELECT set_config('search_path', 'cache_x', false)"),
			thrice(some, 1), own(`SELECT "set_config"('search_path', 'cache_y', false)`), thrice(some, 1)), noPaths},
		{"search_path, local", paths, join(own("SET search_path = cache_x"), thrice(some, 1),
			tx("commit", own("SET LOCAL search_path = cache_y"), thrice(some, 1)), thrice(some, 1),
			tx("commit", own("SELECT set_config('search_path', 'cache_y', true)"), thrice(some, 1)),
			tx("commit", thrice(some, 1))), noPaths},
		{"search_path and an argument's type", paths, join(own("SET search_path = cache_x"),
			thrice("INSERT INTO cache_stale (a) VALUES ($1)", 5), own("SET search_path = cache_y"),
			thrice("INSERT INTO cache_stale (a) VALUES ($1)", "x"), use(some, 1)), noPaths},
		{"schema renamed", paths, join(own("SET search_path = cache_x"), thrice(some, 1),
			other("ALTER SCHEMA cache_x RENAME TO cache_z; ALTER SCHEMA cache_y RENAME TO cache_x"), thrice(some, 1)),
			"DROP SCHEMA IF EXISTS cache_z CASCADE; " + noPaths},
		{"temporary table", staleTable, join(thrice(allStale, 1), own("CREATE TEMP TABLE cache_stale (a INT, t TEXT)"),
			thrice(allStale, 1), own("DROP TABLE pg_temp.cache_stale"), thrice(allStale, 1)), staleClean},
		{"temporary table of the same shape", staleTable, join(thrice(allStale, 1), own("CREATE TEMP TABLE "+
			"cache_stale (a INT, b INT)"), thrice(allStale, 1), own("DROP TABLE pg_temp.cache_stale"),
			thrice(allStale, 1)), staleClean},
		{"temporary table that is rolled back", staleTable, join(thrice(allStale, 1), tx("rollback",
			own("CREATE TEMP TABLE cache_stale (a INT, b INT)"), thrice(allStale, 1)), thrice(allStale, 1)), staleClean},
		{"temporary table that ends with the transaction", staleTable, join(thrice(allStale, 1),
			tx("commit", own("CREATE TEMP TABLE cache_stale (a INT, b INT) ON COMMIT DROP"), thrice(allStale, 1)),
			thrice(allStale, 1)), staleClean},
		{"temporary table by SELECT", staleTable, join(thrice(allStale, 1),
			own("SELECT 5 AS a, 6 AS b INTO TEMP cache_stale"), thrice(allStale, 1)), staleClean},
		{"temporary table by EXECUTE", staleTable, join(thrice(allStale, 1), own("PREPARE p AS SELECT 5 AS a, 6 AS b"),
			own("CREATE TEMP TABLE cache_stale AS EXECUTE p"), thrice(allStale, 1)), staleClean},
		{"temporary table by a block", staleTable, join(thrice(allStale, 1),
			own("DO $$BEGIN CREATE TEMP TABLE cache_stale (a INT, b INT); END$$"), thrice(allStale, 1)), staleClean},
		{"temporary table by EXPLAIN", staleTable, join(thrice(allStale, 1), own("EXPLAIN ANALYZE CREATE TEMP TABLE "+
			"cache_stale AS SELECT 5 AS a, 6 AS b"), thrice(allStale, 1)), staleClean},
		{"TimeZone by EXPLAIN", "", join(thrice(noon, 1), own("PREPARE p AS SELECT set_config('TimeZone', "+
			"'Asia/Tokyo', false)"),
			thrice(noon, 1), own("EXPLAIN ANALYZE EXECUTE p"), thrice(noon, 1)), ""},
		{"temporary table by a function", staleTable + makesTemp, join(thrice("SELECT * FROM cache_stale WHERE $1 = 1",
			1), own("SELECT cache_stale_f()"), thrice("SELECT * FROM cache_stale WHERE $1 = 1", 1)), drops},
		{"temporary table by CALL", staleTable + "; CREATE OR REPLACE PROCEDURE cache_stale_p() LANGUAGE plpgsql AS " +
			"$$BEGIN " + temp + "; END$$", join(thrice("SELECT * FROM cache_stale WHERE $1 = 1", 1),
			own("CALL cache_stale_p()"), thrice("SELECT * FROM cache_stale WHERE $1 = 1", 1)), staleClean +
			"; DROP PROCEDURE IF EXISTS cache_stale_p"},
		{"TimeZone by CALL", "CREATE OR REPLACE PROCEDURE cache_stale_p() LANGUAGE plpgsql AS $$BEGIN SET TimeZone = " +
			"'Asia/Tokyo'; END$$", join(thrice(noon, 1), own("CALL cache_stale_p()"), thrice(noon, 1)),
			"DROP PROCEDURE IF EXISTS cache_stale_p"},
		{"DISCARD ALL", staleTable, join(thrice(allStale, 1), own("SET TimeZone = 'Asia/Tokyo'"), own("DISCARD ALL"),
			thrice(allStale, 1), thrice(noon, 1), own("DISCARD PLANS"), use(noon, 1)), staleClean},
		{"DEALLOCATE", staleTable, join(thrice(allStale, 1), own("DEALLOCATE ALL"), thrice(allStale, 1),
			hidden("DEALLOCATE ALL"), thrice(allStale, 1), hidden("DISCARD ALL"), thrice(allStale, 1)), staleClean},
		{"DEALLOCATE in a block", staleTable, join(thrice(allStale, 1), own("DO $$BEGIN EXECUTE 'DEALLOCATE "+
			"ALL'; END$$"), thrice(allStale, 1), tx("commit", own("DO $$BEGIN EXECUTE 'DEALLOCATE ALL'; END$$"),
			thrice(allStale, 1))), staleClean},
		{"DEALLOCATE in a function", staleTable + "; CREATE OR REPLACE FUNCTION cache_stale_f() RETURNS int LANGUAGE " +
			"plpgsql AS $$BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN 1; END$$", join(thrice(allStale, 1),
			own("SELECT cache_stale_f()"), thrice(allStale, 1)), drops},
		{"prepared under names like the driver's", "", join(thrice("SELECT $1::int", 1), hidden("DEALLOCATE ALL"),
			own(`PREPARE "1" AS SELECT 111, $1::int`), own(`PREPARE "2" AS SELECT 222, $1::int`),
			own(`PREPARE "3" AS SELECT 333, $1::int`), thrice("SELECT $1::int", 1)), ""},
	})
	inDB := "CREATE DATABASE cache_other; CREATE TABLE cache_other.cache_stale (a VARCHAR(9), c INT, d INT); INSERT " +
		"INTO cache_other.cache_stale VALUES ('7', 8, 9); " + staleTable
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
		{"USE", inDB, same(all, 1, "USE cache_other", "USE pooled_test", "/* x */ use `cache_other`",
			"SELECT 1; USE pooled_test"), noDB},
		{"USE in a transaction", inDB, join(thrice(all, 1), tx("commit", own("USE cache_other"), thrice(all, 1)),
			thrice(all, 1), tx("rollback", own("USE pooled_test"), thrice(all, 1)), thrice(all, 1)), noDB},
		{"USE by raw", inDB, join(thrice(all, 1), hidden("USE cache_other"), thrice(all, 1)), noDB},
		{"ANSI_QUOTES by a prepared statement", staleTable,
			join(thrice(quoted, 1), prepared("SET sql_mode = 'ANSI_QUOTES'"), thrice(quoted, 1)), staleClean},
		{"USE by a prepared statement", inDB, join(thrice(all, 1), prepared("USE cache_other"), thrice(all, 1)), noDB},
		{"USE by EXECUTE", inDB, same(all, 1, "EXECUTE IMMEDIATE 'USE cache_other'", "PREPARE p FROM 'SELECT 1'"), noDB},
		{"database gone", inDB, join(own("USE cache_other"), thrice(all, 1), other("DROP DATABASE cache_other"),
			thrice(all, 1), other("CREATE DATABASE cache_other; CREATE TABLE cache_other.cache_stale (a INT)"),
			thrice(all, 1)), noDB},
		{"ANSI_QUOTES", staleTable, same(quoted, 1, "SET sql_mode = 'ANSI_QUOTES'", "SET @@session.sql_mode = ''",
			"SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')"), staleClean},
		{"PIPES_AS_CONCAT", "", same("SELECT 'a' || ?", "b", "SET sql_mode = 'PIPES_AS_CONCAT'"), ""},
		{"NO_BACKSLASH_ESCAPES", "", same(`SELECT 'a\\b', ?`, 1, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'"), ""},
		{"IGNORE_SPACE, ORACLE", staleTable, same("SELECT CONCAT('a', NULL), ?", 1, "SET sql_mode = 'ORACLE'"), staleClean},
		{"strictness", staleTable, same("INSERT INTO cache_stale (a) VALUES (?)", "x", "SET sql_mode = ''",
			"SET sql_mode = 'STRICT_ALL_TABLES'"), staleClean},
		{"ANSI_QUOTES by a block", staleTable, same(quoted, 1, "BEGIN NOT ATOMIC SET sql_mode = 'ANSI_QUOTES'; END"),
			staleClean},
		{"ANSI_QUOTES by EXECUTE", staleTable, same(quoted, 1, "EXECUTE IMMEDIATE 'SET sql_mode = ''ANSI_QUOTES'''"),
			staleClean},
		{"ANSI_QUOTES by CALL", staleTable + "; CREATE PROCEDURE " +
			"cache_stale_p() SET sql_mode = 'ANSI_QUOTES'", same(quoted, 1, "CALL cache_stale_p()"),
			staleClean + "; DROP PROCEDURE IF EXISTS cache_stale_p"},
		{"ANSI_QUOTES for one statement", staleTable, same(quoted, 1, "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR "+
			"SELECT 1"), staleClean},
		{"ANSI_QUOTES by raw", staleTable, join(thrice(quoted, 1), hidden("SET sql_mode = 'ANSI_QUOTES'"),
			thrice(quoted, 1)), staleClean},
		{"names", "", same("SELECT 'é', COLLATION('é'), CHARSET(?)", "é", "SET NAMES latin1",
			"SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET CHARACTER SET latin1",
			"SET collation_connection = utf8mb4_general_ci"), ""},
		{"time zone", "", same("SELECT FROM_UNIXTIME(?), TIMESTAMP '2024-02-29 12:00:00'", 1000,
			"SET time_zone = '+09:00'"), ""},
		{"timestamp", "", same("SELECT IF(@@timestamp > 2000, 'today', NOW()), ?", 1, "SET timestamp = 1000",
			"SET timestamp = 2000"), ""},
		{"division", "", same("SELECT 1 / 3, 1 / ?", 3, "SET div_precision_increment = 10"), ""},
		{"weeks", "", same("SELECT WEEK('2024-02-29'), DATE_FORMAT('2024-02-29', '%W'), ?", 1,
			"SET default_week_format = 3", "SET lc_time_names = 'de_DE'"), ""},
		{"limits", staleTable, same("SELECT GROUP_CONCAT(a), ? FROM cache_stale", 1, "SET group_concat_max_len = 4",
			"SET sql_select_limit = 1"), staleClean},
		{"types of variables", "", same("SELECT @v, ?", 1, "SET @v = 1", "SET @v = 'text'", "SET @v = 1.5",
			"SELECT @v := NULL", "SELECT 'x' INTO @v", "SET @v = x'00ff'"), ""},
		{"variables by queries", "", join(thrice("SELECT @w, ?", 1), thrice("SELECT @w := ?", 5),
			thrice("SELECT @w, ?", 1), thrice("SELECT @w := ?", "text"), thrice("SELECT @w, ?", 1),
			thrice("SELECT ? INTO @w", 1.5), thrice("SELECT @w, ?", 1)), ""},
		{"temporary table", staleTable, same(all, 1, "CREATE TEMPORARY TABLE cache_stale (a INT, t TEXT)",
			"DROP TEMPORARY TABLE cache_stale", "CREATE TEMPORARY TABLE cache_stale SELECT 5 AS a, 6 AS b",
			"DROP TABLE cache_stale"), staleClean},
		{"temporary table by CALL", staleTable + "; CREATE PROCEDURE " +
			"cache_stale_p() CREATE TEMPORARY TABLE cache_stale (a INT, t TEXT)", same(all, 1, "CALL cache_stale_p()"),
			staleClean + "; DROP PROCEDURE IF EXISTS cache_stale_p"},
		{"foreign keys, autocommit", staleTable, join(same("UPDATE cache_stale SET b = ?", 1, "SET autocommit = 0"),
			own("SET autocommit = 1"), use(all, 0)), staleClean},
		{"last insert id", "CREATE TABLE cache_stale (a INT PRIMARY KEY AUTO_INCREMENT, b INT)",
			join(thrice("INSERT INTO cache_stale (b) VALUES (?)", 1), thrice("SELECT LAST_INSERT_ID(), ?", 1),
				thrice("SELECT LAST_INSERT_ID(?)", 7), thrice("SELECT LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS(), ?",
					1)), staleClean},
		{"DEALLOCATE", "", same("SELECT ?", 1, "PREPARE p FROM 'SELECT 1'", "EXECUTE p", "DEALLOCATE PREPARE p"), ""},
		{"warnings", staleTable, join(own("SET sql_mode = ''"), thrice("INSERT INTO cache_stale (a) VALUES (?)", "x"),
			use("SELECT @@warning_count, ?", 1), own("SHOW WARNINGS")), staleClean},
	})
}

// What nobody tells the pool: a type that changes elsewhere under arguments that still fit, a setting that a function
// changes, a table that comes before another in the path. Kept statements stay what they were until they are given up,
// as docs/stmt-cache.md says.
func TestStmtCacheLimits(t *testing.T) {
	insert := "INSERT INTO cache_stale (a) VALUES ($1)"
	stored := use("SELECT a FROM cache_stale WHERE 1 = $1::int", 1)
	noon := "SELECT '2024-02-29 12:00'::timestamptz AT TIME ZONE 'UTC', $1::int"
	some := "SELECT * FROM cache_stale WHERE 1 = $1"
	tokyo := "CREATE OR REPLACE FUNCTION cache_stale_f() RETURNS int LANGUAGE plpgsql AS $$BEGIN SET TimeZone = " +
		"'Asia/Tokyo'; RETURN 1; END$$"
	temps := staleTable + "; CREATE OR REPLACE FUNCTION cache_stale_f() RETURNS void LANGUAGE plpgsql AS $$BEGIN " +
		"CREATE TEMP TABLE cache_stale AS SELECT 'temporary' AS x; END$$"
	paths := "CREATE SCHEMA cache_x; CREATE SCHEMA cache_y; CREATE TABLE cache_y.cache_stale (a TEXT, b INT); INSERT " +
		"INTO cache_y.cache_stale VALUES ('y', 2)"
	now := time.Date(2024, 2, 29, 12, 0, 0, 0, time.FixedZone("", 5*3600))
	onPostgres.run(t, []story{
		{"timestamp to timestamptz", "CREATE TABLE cache_stale (a TIMESTAMP)", join(thrice(insert, now),
			other("ALTER TABLE cache_stale ALTER a TYPE TIMESTAMPTZ"), dispose(), thrice(insert, now), stored), staleClean},
		{"char to text", "CREATE TABLE cache_stale (a CHAR(5))", join(thrice(insert, "x  "),
			other("ALTER TABLE cache_stale ALTER a TYPE TEXT"), dispose(), thrice(insert, "y  "), stored), staleClean},
		{"date to timestamp", "CREATE TABLE cache_stale (a DATE)", join(thrice(insert, now),
			other("ALTER TABLE cache_stale ALTER a TYPE TIMESTAMP"), dispose(), thrice(insert, now), stored), staleClean},
		{"TimeZone in a function", tokyo, join(thrice(noon, 1), own("SELECT cache_stale_f()"), own("DISCARD PLANS"),
			thrice(noon, 1)), "DROP FUNCTION IF EXISTS cache_stale_f"},
		{"second temporary table, by a function", temps, join(own("CREATE TEMP TABLE cache_first (a INT)"),
			thrice(some, 1), own("SELECT cache_stale_f()"), own("DISCARD PLANS"), thrice(some, 1)), staleClean +
			"; DROP FUNCTION IF EXISTS cache_stale_f"},
		{"a table earlier in the path", paths, join(own("SET search_path = cache_x, cache_y"), thrice(some, 1),
			other("CREATE TABLE cache_x.cache_stale (z INT); INSERT INTO cache_x.cache_stale VALUES (26)"),
			own("DISCARD PLANS"), thrice(some, 1)), "DROP SCHEMA IF EXISTS cache_x, cache_y CASCADE"},
	})
}

// In a transaction a kept statement that somebody else has made stale may fail, for it would fail if it was prepared
// again: PostgreSQL has ended the transaction. It fails once; what comes after it is as it always was.
func TestStmtCacheStaleInTransaction(t *testing.T) {
	s := onPostgres
	for name, change := range map[string]string{
		"add column": "ALTER TABLE cache_stale ADD c INT", "drop column": "ALTER TABLE cache_stale DROP b",
		"type":                "ALTER TABLE cache_stale ALTER b TYPE TEXT",
		"create":              "DROP TABLE cache_stale; CREATE TABLE cache_stale (a INT)",
		"type of an argument": "ALTER TABLE cache_stale ALTER a TYPE NUMERIC",
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
		{"raised", "CREATE SEQUENCE cache_stale_s; CREATE FUNCTION cache_stale_f(int) RETURNS int LANGUAGE plpgsql " +
			"AS $$BEGIN PERFORM nextval('cache_stale_s'); RAISE 'cached plan must not change result type' USING " +
			"ERRCODE = '0A000'; END$$",
			join(thrice("SELECT cache_stale_f($1)", 1), thrice("SELECT last_value FROM cache_stale_s WHERE 1 = $1", 1)),
			"DROP FUNCTION IF EXISTS cache_stale_f(int); DROP SEQUENCE IF EXISTS cache_stale_s"},
		{"unknown statement", "CREATE SEQUENCE cache_stale_s; CREATE FUNCTION cache_stale_f(int) RETURNS int " +
			"LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('cache_stale_s'); EXECUTE 'EXECUTE nowhere'; RETURN 1; END$$",
			join(thrice("SELECT cache_stale_f($1)", 1), thrice("SELECT last_value FROM cache_stale_s WHERE 1 = $1", 1)),
			"DROP FUNCTION IF EXISTS cache_stale_f(int); DROP SEQUENCE IF EXISTS cache_stale_s"},
		{"raised syntax error", "CREATE SEQUENCE cache_stale_s; CREATE FUNCTION cache_stale_f(int) RETURNS int " +
			"LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('cache_stale_s'); EXECUTE 'SELECT nothing'; RETURN 1; END$$",
			join(thrice("SELECT cache_stale_f($1)", 1), thrice("SELECT last_value FROM cache_stale_s WHERE 1 = $1", 1)),
			"DROP FUNCTION IF EXISTS cache_stale_f(int); DROP SEQUENCE IF EXISTS cache_stale_s"},
		{"table read from text", staleTable, join(thrice("SELECT count(*) FROM cache_stale WHERE query_to_xml($1, "+
			"true, false, '') IS NOT NULL", "SELECT nothing"), use(allStale, 0)), staleClean},
	})
}

// A moment that PostgreSQL reads from a text is that of each use.
func TestStmtCacheMomentsGoOn(t *testing.T) {
	for _, literal := range []string{"'now'::timestamptz", "timestamp 'now'", "'NOW'::timestamp",
		"CAST('now' AS timestamptz)", "' now '::timestamptz", "timestamptz(6) 'now'", `"timestamptz"('now')`,
		"'Now'::timestamptz + interval '1 day'", "('{now}'::timestamptz[])[1]", "('[now,)'::tstzrange)::text",
		"('(now)'::cache_moment).a", "$$now$$::timestamptz", `E'\156ow'::timestamptz`, `U&'\006eow'::timestamptz`} {
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

// What a hook does to a server connection by Exec or by the driver's own is seen as a program's statement is.
func TestStmtCacheAndHooks(t *testing.T) {
	s := onPostgres
	for _, how := range []string{"Exec", "Raw"} {
		t.Run(how, func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			const clean = "DROP SCHEMA IF EXISTS cache_x, cache_y CASCADE"
			mustRun(t, admin, clean+"; CREATE SCHEMA cache_x; CREATE SCHEMA cache_y; CREATE TABLE "+
				"cache_x.cache_stale (a INT); CREATE TABLE cache_y.cache_stale (a TEXT)")
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
