package postgres_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/sqltext"
)

const (
	leavesNone = sqltext.EffectNone
	leavesTx   = sqltext.EffectTx
	leavesAny  = sqltext.EffectAny

	cleanSession   = false
	touchedSession = true
)

func TestLeaves(t *testing.T) {
	pooledtest.CheckLeaves(t, postgres.Dialect.Rules, []pooledtest.Leaving{
		{"nothing", leavesNone, []string{"", " \t\r\n\v\f", ";", " ; ;", "-- c", "--c", "/* c */", "/* /* */ */"}},
		{"statements that commit by themselves", leavesNone, []string{
			"SELECT 1", "insert into t values (1)", "Update t set a=1", "DELETE FROM t",
			"MERGE INTO t USING u ON a=b WHEN MATCHED THEN DELETE", "UPSERT INTO t VALUES (1)",
			"WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)", "TABLE t", "COPY t TO '/dev/null'", "SHOW all",
			"EXPLAIN ANALYZE SELECT 1",
			"SET search_path = a", "SET LOCAL a.b = 1", "RESET ALL", "DISCARD ALL", "LISTEN a", "UNLISTEN *",
			"NOTIFY a", "CREATE TABLE t (a int)", "ALTER TABLE t ADD b int",
			"DROP TABLE t", "TRUNCATE t", "COMMENT ON TABLE t IS 'x'", "GRANT ALL ON t TO u", "REVOKE ALL ON t FROM u",
			"REASSIGN OWNED BY a TO b",
			"IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c", "SECURITY LABEL ON TABLE t IS 'x'", "ANALYZE", "ANALYSE t",
			"VACUUM", "REINDEX TABLE t", "CLUSTER",
			"REFRESH MATERIALIZED VIEW v", "CHECKPOINT", "DECLARE c CURSOR FOR SELECT 1", "FETCH c", "MOVE c",
			"CLOSE c", "DEALLOCATE ALL", "LOCK TABLE t", "LOAD 'x'",
			"SELECT'x'", "SELECT\"a\"FROM t", "SELECT-1",
		}},
		{"blanks before", leavesNone, []string{
			"-- c\nSELECT 1", "--c\nSELECT 1", "--c\rSELECT 1", "/* /* */ BEGIN */ SELECT 1", "/*/**/*/SELECT 1",
			"/*!*/SELECT 1", "(SELECT 1)", ";(SELECT 1)",
		}},
		{"a keyword glued to a dollar", leavesTx, []string{"SELECT$1", "SELECT$$a$$"}},
		{"one semicolon", leavesNone, []string{
			"SELECT 1;", "SELECT 1 ; \n;\t", "SELECT 1; --c", "SELECT 1; /* /* */ c */",
		}},
		{"semicolons in quotes and comments", leavesNone, []string{
			"SELECT ';a'", "SELECT 'a;''b;'", `SELECT ";a"`, `SELECT ";""a"`, "SELECT $$;a$$", "SELECT $a$;$$;$a$",
			"SELECT $a$ $b$; $a$", "SELECT /* ; */ 1",
			"SELECT /* /* */ ; */ 1", "SELECT 1 --; a", "SELECT $1, $2, '; a'", "SELECT E'a\\n; b'",
			`SELECT E'\\', '; b'`, `SELECT "\", '; b'`, "SELECT 'é; ü'", "SELECT a#b, '; x'", "SELECT 1 --; a\r + 1",
		}},
		{"transactions", leavesTx, []string{
			"BEGIN", "begin", "BEGIN;", "BEGIN WORK", "BEGIN ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION",
			"COMMIT", "COMMIT AND CHAIN", "END", "END AND CHAIN", "ROLLBACK", "ROLLBACK AND CHAIN",
			"ABORT", "SAVEPOINT a", "RELEASE a", "PREPARE TRANSACTION 'x'", "PREPARE s AS SELECT 1",
			"COMMIT PREPARED 'x'", "--c\rBEGIN", "/* c */BEGIN",
		}},
		{"code", leavesNone, []string{"CALL p()", "DO $$BEGIN END$$", "EXECUTE s"}},
		{"unknown words", leavesTx, []string{
			"SELECTX", "SELECT1", "SELECTé", "#SELECT 1", "\ufeffSELECT 1", "'SELECT'", "(BEGIN)", "(DELETE FROM t)",
			"(", "/* /* */ SELECT 1", "/* SELECT 1", "--\x00\nSELECT 1",
		}},
		{"several statements", leavesTx, []string{
			"SELECT 1; SELECT 2", "SELECT 1;BEGIN", "SELECT 1; --c\nBEGIN", "SELECT 1 --'\n; BEGIN --'",
			"SELECT 1 --'\r; BEGIN --'", "SELECT 1 /* /* ' */ */; BEGIN --'", "SELECT 1 /* */; BEGIN /* */",
			"SELECT $a$ ' $a$; BEGIN --'", "SELECT $$'$$; BEGIN --'", "SELECT \"'\"; BEGIN --'",
			"SELECT \"\\\"; BEGIN --\"", "SELECT 1 # 2; BEGIN", "SELECT ` 1; BEGIN --`", "SELECT ARRAY[']']; BEGIN --'",
		}},
		{"semicolons that depend on the session", leavesTx, []string{
			`SELECT '\'; BEGIN --'`, `SELECT E'\''; BEGIN --'`, `SELECT '\\\'; BEGIN --'`, "SELECT '\x81\\'; BEGIN --'",
			"SELECT $\x81\\$ ' $\x81\\$; BEGIN --'", "SELECT a$$; BEGIN --$$", "SELECT 0x1F$$'$$; BEGIN --'",
			"SELECT $1$$; BEGIN --$$", "SELECT $é$ ' $é$; BEGIN --'", "SELECT $a; BEGIN --$", "SELECT $a, '; BEGIN'",
			"SELECT $$; BEGIN", "SELECT \\; BEGIN", "SELECT '; BEGIN", "SELECT \"; BEGIN", "SELECT '\x00; a'",
			"SELECT /* /* */ ; BEGIN",
			"SELECT 1 AS \x81[$$; BEGIN --$$", "SELECT '\x81\\\\', '; BEGIN --'",
		}},
	})
}

func TestTouches(t *testing.T) {
	pooledtest.CheckTouches(t, postgres.Dialect.Rules, []pooledtest.Touching{
		{"statements that leave the session alone", cleanSession, []string{
			"MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", "UPSERT INTO t VALUES (1)",
			"WITH c AS (SELECT 1) SELECT * FROM c",
			"VALUES (1)", "TABLE t",
			"COPY t FROM STDIN", "COPY (SELECT 1) TO STDOUT", "SHOW search_path", "EXPLAIN ANALYZE SELECT 1",
			"NOTIFY a, 'b'", "FETCH 5 FROM c", "CLOSE c", "LOCK TABLE t",
			"CREATE TABLE t (a int)", "CREATE INDEX CONCURRENTLY i ON t (a)", "ALTER TABLE t ADD b int", "DROP TABLE t",
			"TRUNCATE t", "COMMENT ON TABLE t IS 'x'",
			"GRANT SELECT ON t TO u", "VACUUM t", "ANALYZE t", "REINDEX TABLE t", "REFRESH MATERIALIZED VIEW v",
			"CHECKPOINT",
			"SELECT * FROM t FOR UPDATE", "SELECT currval('s'), lastval()", "SELECT current_setting('a.b')",
			"(SELECT 1) UNION (SELECT 2)", "((VALUES (1)))",
		}},
		{"transactions", cleanSession, []string{
			"BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION READ ONLY", "END", "ABORT",
			"COMMIT AND CHAIN", "ROLLBACK TO SAVEPOINT a", "SAVEPOINT a", "RELEASE a",
			"DECLARE c CURSOR FOR SELECT 1", "BEGIN; INSERT INTO t VALUES (1); COMMIT", "SELECT 1; SELECT ';'; -- c",
		}},
		{"SET within a transaction", cleanSession, []string{
			"SET LOCAL work_mem = '1MB'", "set local my.setting to 'x'", `SET LOCAL "my.setting" = 1`,
			"SET /* c */ LOCAL -- c\n role x", "SET TRANSACTION READ ONLY",
			"SET CONSTRAINTS ALL DEFERRED", "BEGIN; SET LOCAL work_mem = '1MB'; SELECT 1; COMMIT",
			"SET LOCAL SESSION AUTHORIZATION x",
		}},
		{"SET", touchedSession, []string{
			"SET work_mem = '1MB'", "SET SESSION work_mem = '1MB'", "SET ROLE x", "SET NAMES 'x'",
			"SET TIME ZONE LOCAL", "SET SESSION AUTHORIZATION x",
			"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
			"SET local.x = '1'", "SET local . x = '1'", "SET local/**/.x = '1'", "SET transaction.x = 1",
			"SET constraints.x TO 1", "SET local = 1", "SET LOCAL", "SET LOCAL /* c", "SET /* c", "SET",
			"SET localx = 1", "set \"local\" = 1",
			"SELECT 1; SET a.b = 1", "SET LOCAL a.b = 1; SET a.b = 1", "BEGIN; SET a.b = 1; COMMIT",
			"RESET work_mem", "RESET ALL", "DISCARD ALL", "DISCARD TEMP",
		}},
		{"functions that set", touchedSession, []string{
			"SELECT set_config('a.b', 'c', false)", "select SET_CONFIG('a.b', 'c', false)",
			`SELECT "set_config"('a.b', 'c', false)`, "SELECT pg_catalog.set_config ('a', 'b', false)",
			"SELECT pg_catalog . /* c */ set_config('a', 'b', false)",
			`SELECT U&"\0073et_config"('a', 'b', false)`, `SELECT u&"set!005fconfig" UESCAPE '!' ('a', 'b', false)`,
			"SELECT SET_CONF\u0130G('a', 'b', false)",
			"UPDATE pg_settings SET setting = '1MB' WHERE name = 'work_mem'",
			`UPDATE pg_catalog."pg_settings" SET setting = 'x'`,
			"VALUES (set_config('a.b', 'c', false))", "WITH c AS (SELECT set_config('a.b', 'c', false)) SELECT 1",
			"INSERT INTO t SELECT set_config('a.b', 'c', false)",
			"COPY (SELECT set_config('a.b', 'c', false)) TO STDOUT",
			"EXPLAIN ANALYZE SELECT set_config('a.b', 'c', false)", "SELECT setseed(0.5)", "SELECT set_limit(0.9)",
			"SELECT isn_weak(true)", "SELECT sepgsql_setcon('x')", "UPDATE t SET a = nextval('s')",
			"SELECT nextval('s')", "SELECT setval('s', 1)", "SELECT 1; SELECT nextval('s')",
		}},
		{"functions that lock", touchedSession, []string{
			"SELECT pg_advisory_lock(1)", "SELECT pg_advisory_lock_shared(1)", "SELECT pg_try_advisory_lock(1, 2)",
			"SELECT pg_advisory_unlock_all()", "SELECT PG_Advisory_Lock(1)", `SELECT "pg_try_advisory_lock"(1)`,
		}},
		{"functions that run a text", touchedSession, []string{
			"SELECT query_to_xml('SELECT set_' || 'config(...)', true, false, '')",
			"SELECT query_to_xmlschema('x', true, false, '')", "SELECT cursor_to_xml('c', 1, true, false, '')",
			"SELECT * FROM ts_stat('x')", "SELECT ts_rewrite(a, 'SELECT t, s FROM x')",
			"SELECT * FROM crosstab('x') AS c(a int)", "SELECT * FROM connectby('x', 'a', 'b', 'c', 0)",
			"SELECT * FROM xpath_table('a', 'b', 'c', 'd', 'e')",
		}},
		{"functions with a handle", touchedSession, []string{
			"SELECT lo_open(1, 2)", "SELECT dblink_connect('c', 'x')",
			"SELECT pg_create_physical_replication_slot('s', true, true)",
			"SELECT pg_create_logical_replication_slot('s', 'x', true)",
			"SELECT pg_copy_physical_replication_slot('s', 't', true)",
			"SELECT pg_replication_origin_session_setup('o')",
			"SELECT * FROM pg_logical_slot_get_changes('s', NULL, NULL)", "SELECT pg_backup_start('x')",
			"SELECT pg_start_backup('x', false, false)", "SELECT pg_stop_backup(false)",
		}},
		{"temporary relations", touchedSession, []string{
			"CREATE TEMP TABLE t (a int)", "create temporary view v as select 1", "CREATE LOCAL TEMP TABLE t (a int)",
			"CREATE GLOBAL TEMPORARY TABLE t (a int)", "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
			"CREATE TEMP SEQUENCE s", "CREATE/**/TEMP/**/TABLE t (a int)", "CREATE -- c\n TEMP\nTABLE t (a int)",
			"SELECT 1 AS a INTO TEMP t", "SELECT 1 INTO TEMPORARY TABLE t", "SELECT temp INTO LOCAL TEMP t FROM r",
			"SELECT 1INTO/* /* */ */TEMP t", "EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1",
			"WITH c AS (SELECT 1) SELECT * INTO TEMP t FROM c", "TABLE u INTO TEMP t",
			"CREATE TABLE pg_temp.t (a int)", `CREATE FUNCTION "pg_temp".f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
			"CREATE TABLE pg_temp_3.t (a int)", `CREATE TABLE U&"pg\005ftemp".t (a int)`,
		}},
		{"columns and tables named temp", cleanSession, []string{
			"CREATE TABLE temp (a int)", "CREATE TABLE t (temp int, temporary bool)", "INSERT INTO r (temp) VALUES (1)",
			"INSERT INTO temps VALUES (1)", `SELECT "temp" INTO t FROM r`, "SELECT temp INTO t FROM r",
			"DROP TABLE temp",
		}},
		{"statements off the list", touchedSession, []string{
			"PREPARE s AS SELECT 1", "EXECUTE s", "DEALLOCATE ALL", "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
			"declare c cursor with\nhold for select 1", "LISTEN a", "UNLISTEN *", "LOAD 'x'", "DO $$BEGIN END$$",
			"CALL p()", "PREPARE TRANSACTION 'x'",
			"x", "SELEC 1", "'SELECT'", "(SET a.b = 1)", "(INSERT INTO t VALUES (1))", "(", "( /*", "\ufeffSELECT 1",
			"selectx", "SELECT.1",
		}},
		{"what can't be told", touchedSession, []string{
			`SELECT '\';SET a.b = 1 --'`, `SELECT '\'';SET a.b = 1 --'`, "SELECT a$$;SET a.b = 1 --$$", "SELECT 1 /*;x",
			"/* /* */ SELECT 1", "SELECT ';x", "SELECT 1; 'x'",
		}},
		{"text beyond ASCII", cleanSession, []string{
			"INSERT INTO t VALUES ('Zürich')", "SELECT größe FROM maße WHERE ort = 'Łódź'", "SELECT étemp INTO t",
			"UPDATE t SET a = '漢字'", "SELECT 'a@b.c', '#'",
		}},
	})
}
