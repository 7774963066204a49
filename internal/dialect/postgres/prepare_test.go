package postgres_test

import (
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/sqltext"
)

func TestPreparable(t *testing.T) {
	for _, test := range []struct {
		query string
		want  bool
	}{
		{"SELECT $1", true},
		{" /* a */ -- b\n select $1 ;", true},
		{"(SELECT $1)", true},
		{"INSERT INTO t VALUES ($1) RETURNING id", true},
		{"WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x WHERE a = $1", true},
		{"MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", true},
		{"REPLACE INTO t VALUES (1)", false},
		{"COPY t FROM STDIN", false},
		{"SELECT $1; SELECT 2", false},
		{"SELECT ';', $1", true},
		{"BEGIN", false},
		{"SET x = $1", false},
		{"CALL p($1)", false},
		{"EXPLAIN SELECT $1", false},
		{"", false},
		{"SELECT now(), $1", true},
		{"SELECT NOW ( ), ' ', $1", true},
		{"SELECT today, tomorrow FROM t WHERE a = $1", true},
		{"SELECT 'now()'::timestamptz, $1", false},
		{"SELECT ' _now'::timestamptz, $1", false},
		{"SELECT now() /* it's */, $1", false},
		{"SELECT 1 /* it's */, $1", true},
		{"SELECT 'known', 'it''s', $1", true},
		{"SELECT 'now'::timestamptz, $1", false},
		{"SELECT * FROM t WHERE day > date 'Yesterday' AND id = $1", false},
		{"SELECT $$yesterday$$::date, $1", false},
		{`SELECT E'n\x6fw'::timestamptz, $1`, false},
		{`SELECT U&'n\006fw'::timestamptz, $1`, false},
		{"SELECT 'no'\n'w'::timestamptz, $1", false},
		{`SELECT a ~ '\d+', $1`, true},
		{"SELECT 'it''s', 'e', ' ' || $1", true},
		{"SELECT known, snow, nowhere, today_s FROM t WHERE id = $1 FOR UPDATE NOWAIT", true},
		{"SELECT $1 -- " + strings.Repeat("x", 17<<10), false},
	} {
		if have := postgres.Dialect.Rules.Preparable(test.query); have != test.want {
			t.Errorf("%.60q: have %t, want %t", test.query, have, test.want)
		}
	}
}

func TestInvalidates(t *testing.T) {
	const (
		none     = sqltext.InvalidatesNone
		forNow   = sqltext.InvalidatesForNow
		session  = sqltext.InvalidatesSession
		sessions = sqltext.InvalidatesSessions
	)
	for _, test := range []struct {
		query string
		want  sqltext.Invalidation
	}{
		{"SELECT 1", none},
		{"SELECT 1; UPDATE t SET a = 1", none},
		{"BEGIN", none},
		{"ROLLBACK TO SAVEPOINT a", none},
		{"CALL p()", sessions},
		{"DO $$ BEGIN END $$", sessions},
		{"COMMIT PREPARED 'a'", sessions},
		{"commit /* a */ prepared 'a'", sessions},
		{"COMMIT AND CHAIN", none},
		{"ROLLBACK PREPARED 'a'", none},
		{"PREPARE TRANSACTION 'a'", none},
		{"SOMETHING NEW", sessions},
		{"INSERT INTO t SELECT 1", none},
		{"WITH x AS (INSERT  INTO t VALUES (1) RETURNING a) SELECT a FROM x", none},
		{"MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", none},
		{"SELECT temperature, template, created FROM t", none},
		{"SELECT 1 AS a INTO TEMP t", session},
		{"SELECT 1 AS a INTO t", sessions},
		{"SELECT 1 AS a INTO t; SELECT 1 AS a INTO TEMP u", sessions},
		{"EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1", sessions},
		{"EXPLAIN (ANALYZE) CREATE TEMP TABLE t AS SELECT 1", session},
		{"EXPLAIN ANALYZE EXECUTE p", session},
		{"EXPLAIN ANALYZE UPDATE t SET a = 1", none},
		{"SELECT run('create table t (a int)')", session},
		{"LOAD 'x'", session},
		{"UPDATE pg_settings SET setting = 'UTC' WHERE name = 'TimeZone'", session},
		{"SELECT pg_advisory_lock(1)", none},
		{"SET LOCAL search_path = x", forNow},
		{"BEGIN; SET LOCAL TIME ZONE 'UTC'", forNow},
		{"SET search_path TO x", session},
		{"set session timezone = 'UTC'", session},
		{"SET \"search_path\" TO x", session},
		{"SET LOCAL statement_timeout = '1s'", none},
		{"SET LOCAL app.tenant = '7'", none},
		{"SET SESSION app.tenant = '7'", none},
		{"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", none},
		{"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", none},
		{"SET SESSION AUTHORIZATION x", session},
		{"SET ROLE x", session},
		{"SELECT set_config('app.tenant', $1, true)", none},
		{"SELECT pg_catalog.Set_Config ( 'app.tenant', $1, true)", none},
		{"SELECT set_config('search_path', $1, true)", session},
		{"SELECT set_config($1, $2, true)", session},
		{"SELECT set_config('app.a', '1', true), set_config('timezone', 'UTC', true)", session},
		{"RESET ALL", session},
		{"DISCARD PLANS", session},
		{"DEALLOCATE x", session},
		{"ALTER TABLE t ADD c int", sessions},
		{"DROP TABLE t", sessions},
		{"CREATE TABLE t (a int)", sessions},
		{"CREATE TEMP TABLE t (a int)", session},
		{"create temporary view t as select 1", session},
		{"CREATE TEMP TABLE t (a int); CREATE TABLE u (a int)", sessions},
		{"SELECT 1; DROP TABLE t", sessions},
		{"EXECUTE x", session},
		{"SELECT 'it\\'s", none},                 // whatever it is, it begins with SELECT and nothing is behind it
		{"SELECT 'a\\'; DROP TABLE t", sessions}, // ambiguous, and so are these:
		{"SELECT 'a\\'; CALL p()", sessions},
		{"SELECT 'a\\'; Do 'x'", sessions},
		{"ALTER TABLE t ADD CHECK (a <> 'a\\'); SELECT 1", sessions},
		{"DO 'a\\'; SELECT 1", sessions},
		{"SELECT 'a\\'; SELECT 1 FROM window_domains", session},
	} {
		if have := postgres.Dialect.Rules.InvalidatesBy(test.query); have != test.want {
			t.Errorf("%q: have %v, want %v", test.query, have, test.want)
		}
	}
}
