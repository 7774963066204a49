package sqltext_test

import (
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/sqltext"
)

func TestPreparable(t *testing.T) {
	const pg, my = sqltext.Postgres, sqltext.MySQL
	for _, test := range []struct {
		kind  sqltext.Kind
		query string
		want  bool
	}{
		{pg, "SELECT $1", true},
		{pg, " /* a */ -- b\n select $1 ;", true},
		{pg, "(SELECT $1)", true},
		{pg, "INSERT INTO t VALUES ($1) RETURNING id", true},
		{pg, "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x WHERE a = $1", true},
		{pg, "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", true},
		{pg, "REPLACE INTO t VALUES (1)", false},
		{pg, "COPY t FROM STDIN", false},
		{pg, "SELECT $1; SELECT 2", false},
		{pg, "SELECT ';', $1", true},
		{pg, "BEGIN", false},
		{pg, "SET x = $1", false},
		{pg, "CALL p($1)", false},
		{pg, "EXPLAIN SELECT $1", false},
		{pg, "", false},
		{pg, "SELECT now(), $1", true},
		{pg, "SELECT NOW ( ), ' ', $1", true},
		{pg, "SELECT today, tomorrow FROM t WHERE a = $1", true},
		{pg, "SELECT 'now()'::timestamptz, $1", false},
		{pg, "SELECT ' _now'::timestamptz, $1", false},
		{pg, "SELECT now() /* it's */, $1", false},
		{pg, "SELECT 1 /* it's */, $1", true},
		{pg, "SELECT 'known', 'it''s', $1", true},
		{pg, "SELECT 'now'::timestamptz, $1", false},
		{pg, "SELECT * FROM t WHERE day > date 'Yesterday' AND id = $1", false},
		{pg, "SELECT $$yesterday$$::date, $1", false},
		{pg, `SELECT E'n\x6fw'::timestamptz, $1`, false},
		{pg, `SELECT U&'n\006fw'::timestamptz, $1`, false},
		{pg, "SELECT 'no'\n'w'::timestamptz, $1", false},
		{pg, `SELECT a ~ '\d+', $1`, true},
		{pg, "SELECT 'it''s', 'e', ' ' || $1", true},
		{pg, "SELECT known, snow, nowhere, today_s FROM t WHERE id = $1 FOR UPDATE NOWAIT", true},
		{pg, "SELECT $1 -- " + strings.Repeat("x", 17<<10), false},
		{my, "SELECT ?", true},
		{my, "REPLACE INTO t VALUES (?)", true},
		{my, "SELECT 'today', ?", true},
		{my, "MERGE INTO t", false},
		{my, "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", false},
		{my, "SELECT ? /*! , 2 */", false},
		{my, "SELECT ?; SELECT 2", false},
		{my, "DO SLEEP(?)", false},
	} {
		if have := sqltext.Preparable(test.kind, test.query); have != test.want {
			t.Errorf("%v, %.60q: have %t, want %t", test.kind, test.query, have, test.want)
		}
	}
}

func TestUnsettles(t *testing.T) {
	const pg, my = sqltext.Postgres, sqltext.MySQL
	for _, test := range []struct {
		kind  sqltext.Kind
		query string
		want  string
	}{
		{pg, "SELECT 1", "no"},
		{pg, "SELECT 1; UPDATE t SET a = 1", "no"},
		{pg, "BEGIN", "no"},
		{pg, "ROLLBACK TO SAVEPOINT a", "no"},
		{pg, "CALL p()", "for all"},
		{pg, "DO $$ BEGIN END $$", "for all"},
		{pg, "COMMIT PREPARED 'a'", "for all"},
		{pg, "commit /* a */ prepared 'a'", "for all"},
		{pg, "COMMIT AND CHAIN", "no"},
		{pg, "ROLLBACK PREPARED 'a'", "no"},
		{pg, "PREPARE TRANSACTION 'a'", "no"},
		{pg, "SOMETHING NEW", "for all"},
		{pg, "INSERT INTO t SELECT 1", "no"},
		{pg, "WITH x AS (INSERT  INTO t VALUES (1) RETURNING a) SELECT a FROM x", "no"},
		{pg, "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", "no"},
		{pg, "SELECT temperature, template, created FROM t", "no"},
		{pg, "SELECT 1 AS a INTO TEMP t", "for good"},
		{pg, "SELECT 1 AS a INTO t", "for all"},
		{pg, "SELECT 1 AS a INTO t; SELECT 1 AS a INTO TEMP u", "for all"},
		{pg, "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1", "for all"},
		{pg, "EXPLAIN (ANALYZE) CREATE TEMP TABLE t AS SELECT 1", "for good"},
		{pg, "EXPLAIN ANALYZE EXECUTE p", "for good"},
		{pg, "EXPLAIN ANALYZE UPDATE t SET a = 1", "no"},
		{pg, "SELECT run('create table t (a int)')", "for good"},
		{pg, "LOAD 'x'", "for good"},
		{pg, "UPDATE pg_settings SET setting = 'UTC' WHERE name = 'TimeZone'", "for good"},
		{pg, "SELECT pg_advisory_lock(1)", "no"},
		{pg, "SET LOCAL search_path = x", "for now"},
		{pg, "BEGIN; SET LOCAL TIME ZONE 'UTC'", "for now"},
		{pg, "SET search_path TO x", "for good"},
		{pg, "set session timezone = 'UTC'", "for good"},
		{pg, "SET \"search_path\" TO x", "for good"},
		{pg, "SET LOCAL statement_timeout = '1s'", "no"},
		{pg, "SET LOCAL app.tenant = '7'", "no"},
		{pg, "SET SESSION app.tenant = '7'", "no"},
		{pg, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "no"},
		{pg, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "no"},
		{pg, "SET SESSION AUTHORIZATION x", "for good"},
		{pg, "SET ROLE x", "for good"},
		{pg, "SELECT set_config('app.tenant', $1, true)", "no"},
		{pg, "SELECT pg_catalog.Set_Config ( 'app.tenant', $1, true)", "no"},
		{pg, "SELECT set_config('search_path', $1, true)", "for good"},
		{pg, "SELECT set_config($1, $2, true)", "for good"},
		{pg, "SELECT set_config('app.a', '1', true), set_config('timezone', 'UTC', true)", "for good"},
		{pg, "RESET ALL", "for good"},
		{pg, "DISCARD PLANS", "for good"},
		{pg, "DEALLOCATE x", "for good"},
		{pg, "ALTER TABLE t ADD c int", "for all"},
		{pg, "DROP TABLE t", "for all"},
		{pg, "CREATE TABLE t (a int)", "for all"},
		{pg, "CREATE TEMP TABLE t (a int)", "for good"},
		{pg, "create temporary view t as select 1", "for good"},
		{pg, "CREATE TEMP TABLE t (a int); CREATE TABLE u (a int)", "for all"},
		{pg, "SELECT 1; DROP TABLE t", "for all"},
		{pg, "EXECUTE x", "for good"},
		{pg, "SELECT 'it\\'s", "no"},                  // whatever it is, it begins with SELECT and nothing is behind it
		{pg, "SELECT 'a\\'; DROP TABLE t", "for all"}, // doubtful, and so are these:
		{pg, "SELECT 'a\\'; CALL p()", "for all"},
		{pg, "SELECT 'a\\'; Do 'x'", "for all"},
		{pg, "ALTER TABLE t ADD CHECK (a <> 'a\\'); SELECT 1", "for all"},
		{pg, "DO 'a\\'; SELECT 1", "for all"},
		{pg, "SELECT 'a\\'; SELECT 1 FROM window_domains", "for good"},
		{my, "SELECT 1", "no"},
		{my, "CREATE TABLE t (a int)", "no"},
		{my, "START TRANSACTION", "no"},
		{my, "USE other", "for good"},
		{my, "SET time_zone = '+00:00'", "for good"},
		{my, "SET @a = 1", "for good"},
		{my, "ALTER TABLE t ADD c int", "for all"},
		{my, "RENAME TABLE t TO u", "for all"},
		{my, "DEALLOCATE PREPARE x", "for good"},
		{my, "CALL p()", "for good"},
		{my, "SELECT 1 /*! ; USE x */", "for good"},
		{my, "SELECT 1; USE x", "for good"},
	} {
		if have := sqltext.Unsettles(test.kind, test.query).String(); have != test.want {
			t.Errorf("%v, %q: have %q, want %q", test.kind, test.query, have, test.want)
		}
	}
}
