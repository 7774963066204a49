package sqltext_test

import (
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/sqltext"
)

// sessionRule is one rule's statements and what they must be taken for.
type sessionRule struct {
	rule    string
	want    bool
	queries []string
}

const (
	cleanSession   = false
	touchedSession = true
)

func checkTouches(t *testing.T, d sqltext.Kind, table []sessionRule) {
	t.Helper()
	for _, r := range table {
		t.Run(r.rule, func(t *testing.T) {
			for _, q := range r.queries {
				if have := sqltext.TouchesSession(d, q); have != r.want {
					t.Errorf("touchesSession(%s, %q)\nhave %v\nwant %v", dialectNames[d], q, have, r.want)
				}
			}
		})
	}
}

// everydayStatements are clean in every dialect.
var everydayStatements = []string{
	"", " \n", ";", "/* c */", "-- c\n",
	"SELECT 1", "select * from t where id = 17", "SELECT 1;", " SELECT 1 ; \n", "/* c */ SELECT 1", "-- c\nSELECT 1",
	"SELECT id, name, type, status, created_at, is_active FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.state <> 'x'",
	"SELECT count(*) FROM attempts WHERE template_id IN (1, 2)", "SELECT temperature, attempts FROM templates", "SELECT retrieval, my_pragma FROM contemp", "SELECT temp FROM readings r WHERE r.temp > 20",
	"INSERT INTO t (a, b) VALUES (1, 'x')", "insert into sets (setting, reset_at) values (1, 2)",
	"INSERT INTO t SELECT * FROM u", "DELETE FROM t WHERE a = 1", "UPDATE t SET a = 1, b = 'x' WHERE id = 3", "UPDATE t set a=a+1",
	"SELECT max(a) FROM t WHERE next_at < 5 AND evaluation = 1 GROUP BY user_id HAVING count(*) > 1",
	"ROLLBACK", "COMMIT", "commit;",
}

func TestTouchesSessionEveryday(t *testing.T) {
	for d := range dialectNames {
		t.Run(dialectNames[d], func(t *testing.T) {
			checkTouches(t, d, []sessionRule{{"everyday", cleanSession, everydayStatements}})
		})
	}
}

func TestTouchesSessionPostgres(t *testing.T) {
	checkTouches(t, pgSQL, []sessionRule{
		{"statements that leave the session alone", cleanSession, []string{
			"MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", "WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)", "TABLE t",
			"COPY t FROM STDIN", "COPY (SELECT 1) TO STDOUT", "SHOW search_path", "EXPLAIN ANALYZE SELECT 1", "NOTIFY a, 'b'", "FETCH 5 FROM c", "CLOSE c", "LOCK TABLE t",
			"CREATE TABLE t (a int)", "CREATE INDEX CONCURRENTLY i ON t (a)", "ALTER TABLE t ADD b int", "DROP TABLE t", "TRUNCATE t", "COMMENT ON TABLE t IS 'x'",
			"GRANT SELECT ON t TO u", "VACUUM t", "ANALYZE t", "REINDEX TABLE t", "REFRESH MATERIALIZED VIEW v", "CHECKPOINT",
			"SELECT * FROM t FOR UPDATE", "SELECT currval('s'), lastval()", "SELECT current_setting('a.b')", "(SELECT 1) UNION (SELECT 2)", "((VALUES (1)))",
		}},
		{"transactions", cleanSession, []string{
			"BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION READ ONLY", "END", "ABORT", "COMMIT AND CHAIN", "ROLLBACK TO SAVEPOINT a", "SAVEPOINT a", "RELEASE a",
			"DECLARE c CURSOR FOR SELECT 1", "BEGIN; INSERT INTO t VALUES (1); COMMIT", "SELECT 1; SELECT ';'; -- c",
		}},
		{"SET within a transaction", cleanSession, []string{
			"SET LOCAL work_mem = '1MB'", "set local my.setting to 'x'", `SET LOCAL "my.setting" = 1`, "SET /* c */ LOCAL -- c\n role x", "SET TRANSACTION READ ONLY",
			"SET CONSTRAINTS ALL DEFERRED", "BEGIN; SET LOCAL work_mem = '1MB'; SELECT 1; COMMIT", "SET LOCAL SESSION AUTHORIZATION x",
		}},
		{"SET", touchedSession, []string{
			"SET work_mem = '1MB'", "SET SESSION work_mem = '1MB'", "SET ROLE x", "SET NAMES 'x'", "SET TIME ZONE LOCAL", "SET SESSION AUTHORIZATION x", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
			"SET local.x = '1'", "SET local . x = '1'", "SET local/**/.x = '1'", "SET transaction.x = 1", "SET constraints.x TO 1", "SET local = 1", "SET LOCAL", "SET LOCAL /* c", "SET /* c", "SET", "SET localx = 1", "set \"local\" = 1",
			"SELECT 1; SET a.b = 1", "SET LOCAL a.b = 1; SET a.b = 1", "BEGIN; SET a.b = 1; COMMIT",
			"RESET work_mem", "RESET ALL", "DISCARD ALL", "DISCARD TEMP",
		}},
		{"functions that set", touchedSession, []string{
			"SELECT set_config('a.b', 'c', false)", "select SET_CONFIG('a.b', 'c', false)", `SELECT "set_config"('a.b', 'c', false)`, "SELECT pg_catalog.set_config ('a', 'b', false)", "SELECT pg_catalog . /* c */ set_config('a', 'b', false)",
			`SELECT U&"\0073et_config"('a', 'b', false)`, `SELECT u&"set!005fconfig" UESCAPE '!' ('a', 'b', false)`, "SELECT SET_CONF\u0130G('a', 'b', false)",
			"UPDATE pg_settings SET setting = '1MB' WHERE name = 'work_mem'", `UPDATE pg_catalog."pg_settings" SET setting = 'x'`,
			"VALUES (set_config('a.b', 'c', false))", "WITH c AS (SELECT set_config('a.b', 'c', false)) SELECT 1", "INSERT INTO t SELECT set_config('a.b', 'c', false)", "COPY (SELECT set_config('a.b', 'c', false)) TO STDOUT",
			"EXPLAIN ANALYZE SELECT set_config('a.b', 'c', false)", "SELECT setseed(0.5)", "SELECT set_limit(0.9)", "SELECT isn_weak(true)", "SELECT sepgsql_setcon('x')", "UPDATE t SET a = nextval('s')",
			"SELECT nextval('s')", "SELECT setval('s', 1)", "SELECT 1; SELECT nextval('s')",
		}},
		{"functions that lock", touchedSession, []string{
			"SELECT pg_advisory_lock(1)", "SELECT pg_advisory_lock_shared(1)", "SELECT pg_try_advisory_lock(1, 2)", "SELECT pg_advisory_unlock_all()", "SELECT PG_Advisory_Lock(1)", `SELECT "pg_try_advisory_lock"(1)`,
		}},
		{"functions that run a text", touchedSession, []string{
			"SELECT query_to_xml('SELECT set_' || 'config(...)', true, false, '')", "SELECT query_to_xmlschema('x', true, false, '')", "SELECT cursor_to_xml('c', 1, true, false, '')",
			"SELECT * FROM ts_stat('x')", "SELECT ts_rewrite(a, 'SELECT t, s FROM x')", "SELECT * FROM crosstab('x') AS c(a int)", "SELECT * FROM connectby('x', 'a', 'b', 'c', 0)", "SELECT * FROM xpath_table('a', 'b', 'c', 'd', 'e')",
		}},
		{"functions with a handle", touchedSession, []string{
			"SELECT lo_open(1, 2)", "SELECT dblink_connect('c', 'x')", "SELECT pg_create_physical_replication_slot('s', true, true)", "SELECT pg_create_logical_replication_slot('s', 'x', true)", "SELECT pg_copy_physical_replication_slot('s', 't', true)",
			"SELECT pg_replication_origin_session_setup('o')", "SELECT * FROM pg_logical_slot_get_changes('s', NULL, NULL)", "SELECT pg_backup_start('x')", "SELECT pg_start_backup('x', false, false)", "SELECT pg_stop_backup(false)",
		}},
		{"temporary relations", touchedSession, []string{
			"CREATE TEMP TABLE t (a int)", "create temporary view v as select 1", "CREATE LOCAL TEMP TABLE t (a int)", "CREATE GLOBAL TEMPORARY TABLE t (a int)", "CREATE OR REPLACE TEMP VIEW v AS SELECT 1", "CREATE TEMP SEQUENCE s", "CREATE/**/TEMP/**/TABLE t (a int)", "CREATE -- c\n TEMP\nTABLE t (a int)",
			"SELECT 1 AS a INTO TEMP t", "SELECT 1 INTO TEMPORARY TABLE t", "SELECT temp INTO LOCAL TEMP t FROM r", "SELECT 1INTO/* /* */ */TEMP t", "EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1", "WITH c AS (SELECT 1) SELECT * INTO TEMP t FROM c", "TABLE u INTO TEMP t",
			"CREATE TABLE pg_temp.t (a int)", `CREATE FUNCTION "pg_temp".f() RETURNS int LANGUAGE sql AS 'SELECT 1'`, "CREATE TABLE pg_temp_3.t (a int)", `CREATE TABLE U&"pg\005ftemp".t (a int)`,
		}},
		{"columns and tables named temp", cleanSession, []string{
			"CREATE TABLE temp (a int)", "CREATE TABLE t (temp int, temporary bool)", "INSERT INTO r (temp) VALUES (1)", "INSERT INTO temps VALUES (1)", `SELECT "temp" INTO t FROM r`, "SELECT temp INTO t FROM r", "DROP TABLE temp",
		}},
		{"statements off the list", touchedSession, []string{
			"PREPARE s AS SELECT 1", "EXECUTE s", "DEALLOCATE ALL", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "declare c cursor with\nhold for select 1", "LISTEN a", "UNLISTEN *", "LOAD 'x'", "DO $$BEGIN END$$", "CALL p()", "PREPARE TRANSACTION 'x'",
			"x", "SELEC 1", "'SELECT'", "(SET a.b = 1)", "(INSERT INTO t VALUES (1))", "(", "( /*", "\ufeffSELECT 1", "selectx", "SELECT.1",
		}},
		{"what can't be told", touchedSession, []string{
			`SELECT '\';SET a.b = 1 --'`, `SELECT '\'';SET a.b = 1 --'`, "SELECT a$$;SET a.b = 1 --$$", "SELECT 1 /*;x", "/* /* */ SELECT 1", "SELECT ';x", "SELECT 1; 'x'",
		}},
		{"text beyond ASCII", cleanSession, []string{"INSERT INTO t VALUES ('Zürich')", "SELECT größe FROM maße WHERE ort = 'Łódź'", "SELECT étemp INTO t", "UPDATE t SET a = '漢字'", "SELECT 'a@b.c', '#'"}},
	})
}

func TestTouchesSessionMySQL(t *testing.T) {
	checkTouches(t, mysqlSQL, []sessionRule{
		{"statements that leave the session alone", cleanSession, []string{
			"REPLACE t VALUES (1)", "WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)", "TABLE t", "LOAD DATA INFILE 'x' INTO TABLE t (a, b)", "SHOW TABLES", "SHOW CREATE TABLE t", "EXPLAIN SELECT 1", "DESCRIBE t", "DESC t",
			"CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "DROP TABLE t", "TRUNCATE t", "RENAME TABLE t TO u", "GRANT SELECT ON t TO u", "REVOKE SELECT ON t FROM u",
			"ANALYZE TABLE t", "OPTIMIZE TABLE t", "CHECK TABLE t", "CHECKSUM TABLE t", "REPAIR TABLE t",
			"SELECT * FROM t FOR UPDATE", "SELECT `a` FROM `t` # c", "(SELECT 1) UNION (SELECT 2)", "INSERT INTO t SET a = 1", "SELECT 1 -- c\n", "SELECT 5-3, 6/2",
		}},
		{"transactions", cleanSession, []string{
			"BEGIN", "BEGIN WORK", "BEGIN; INSERT INTO t VALUES (1); COMMIT", "START TRANSACTION", "START /* c */ TRANSACTION READ ONLY", "COMMIT AND CHAIN", "ROLLBACK TO a", "SAVEPOINT a", "RELEASE SAVEPOINT a", "SELECT 1; SELECT ';a'",
		}},
		{"SET", touchedSession, []string{
			"SET a = 1", "SET @a = 1", "SET NAMES utf8mb4", "SET TRANSACTION READ ONLY", "SET STATEMENT max_statement_time=1 FOR SELECT 1", "SET LOCAL a = 1", "SET ROLE x", "SET autocommit=1", "SET PASSWORD = 'x'", "BEGIN; SET a = 1; COMMIT", "BEGIN NOT ATOMIC SET a = 1; END", "BEGIN SET a = 1; END", "BEGIN NOT ATOMIC", "BEGIN SET a = 1",
		}},
		{"user variables", touchedSession, []string{
			"SELECT @a := 1", "SELECT 1 INTO @a", "SELECT @'a b' := 1", "SELECT @`a` := 1", "SELECT 'x', @\"a\" := 1", "SELECT @ a := 1", "SELECT @@@a := 1", "SELECT @@a, @b := 1", "SELECT @ @a", "SELECT 1,@a:=1", "INSERT INTO t VALUES (@a := 1)", "UPDATE t SET a = (@a := a + 1)", "LOAD DATA INFILE 'x' INTO TABLE t (a, @b)", "EXPLAIN SELECT @a := 1",
			"SELECT '' '', @a := 1", "SELECT 'it''s', @a := 1", `SELECT '\\', @a := 1`, `SELECT '\', @a := 1, '`, "SELECT 1 -- '\n, @a := 1", "SELECT 1 /* ' */, @a := 1 /* ' */", "SELECT 1 # '\n, @a := 1", "SELECT \"'\", @a := 1 -- '", "SELECT é, @a := 1", "SELECT 'é', @a := 1", "SELECT \x81@@a := 1", "SELECT `\x81`, @a := 1 -- `", "SELECT $$, @a := 1", "SELECT $$'$$, @a := 1 -- '", "SELECT \x81`, @a := 1 -- `", "SELECT '@",
		}},
		{"no user variables", cleanSession, []string{"SELECT @@version", "SELECT @@session.sql_mode, @@global.autocommit", "SELECT 'a@b.c'", `INSERT INTO t VALUES ("a@b.c", 'x@y')`, "SELECT 1 -- @a\n", "SELECT /* @a */ 1", "SELECT `a@b` FROM t", "SELECT 'it''s a@b'", "SELECT 1--'\n, @a := 1 -- '", `SELECT 'a\n@b'`, "INSERT INTO t VALUES ('é@ü')"}},
		{"locks", touchedSession, []string{
			"SELECT GET_LOCK('a', 0)", "SELECT `get_lock`('a', 0)", "SELECT get_lock ('a', 0)", "SELECT RELEASE_LOCK('a')", "SELECT release_all_locks()", "INSERT INTO t SELECT get_lock('a', 1)", "ANALYZE FORMAT=JSON SELECT get_lock('a', 1)", "SELECT service_get_write_locks('a', 'b', 1)", "SELECT service_release_locks('a')", "SELECT version_tokens_lock_shared('a', 1)",
			"LOCK TABLES t READ", "UNLOCK TABLES", "FLUSH TABLES WITH READ LOCK", "BACKUP STAGE START", "BACKUP LOCK t", "HANDLER t OPEN", "XA START 'x'",
		}},
		{"last_insert_id", touchedSession, []string{
			"SELECT LAST_INSERT_ID(5)", "UPDATE s SET id = LAST_INSERT_ID(id + 1)", "SELECT last_insert_id ( 5 )", "SELECT `last_insert_id`(5)", "SELECT last_insert_id(/* c */5)", "SELECT last_insert_id/**/(5)", "SELECT \"last_insert_id\"(5)", "SELECT last_insert_id --\xa0\n(5)", "SELECT last_insert_id -- \x00\n(5)", "SELECT last_insert_id(), last_insert_id(5)", "SELECT last_insert_id( /*", "SELECT last_insert_id(",
			"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)",
		}},
		{"last_insert_id read", cleanSession, []string{"SELECT LAST_INSERT_ID()", "SELECT last_insert_id ( )", "SELECT `last_insert_id`( /* c */ )", "SELECT last_insert_id FROM t", "SELECT @@last_insert_id", "SELECT last_insert_ids(5)", "INSERT INTO t VALUES (LAST_INSERT_ID(), 1)"}},
		{"sequences", touchedSession, []string{"SELECT NEXTVAL(s)", "SELECT NEXT VALUE FOR s", "SELECT next/**/value for s", "SELECT next\nVALUE\nFOR s", "SELECT SETVAL(s, 5)", "SELECT s.nextval", "SELECT next /*"}},
		{"columns named next", cleanSession, []string{"SELECT next FROM t", "SELECT next, value FROM t", "SELECT t.next_value FROM t", "SELECT * FROM t ORDER BY a OFFSET 1 ROWS FETCH NEXT 5 ROWS ONLY"}},
		{"temporary tables", touchedSession, []string{"CREATE TEMPORARY TABLE t (a int)", "create or replace temporary table t (a int)", "CREATE/**/TEMPORARY/**/TABLE t (a int)", "DROP TEMPORARY TABLE t", "CREATE GLOBAL TEMPORARY TABLE t (a int)", "CREATE TEMPORARY SEQUENCE s"}},
		{"default database", touchedSession, []string{"USE x", "DROP DATABASE x", "DROP SCHEMA x", "ALTER DATABASE x CHARACTER SET latin1", "CREATE OR REPLACE DATABASE x", "alter schema character set latin1"}},
		{"executable comments", touchedSession, []string{"/*! SET a = 1 */", "SELECT 1 /*!, @a := 1 */", "/*!50000 SELECT 1 */", "/*M! SELECT 1 */", "SELECT /*m!100 1 */"}},
		{"statements off the list", touchedSession, []string{
			"PREPARE s FROM 'SELECT 1'", "EXECUTE s", "EXECUTE IMMEDIATE 'SELECT 1'", "DEALLOCATE PREPARE s", "DROP PREPARE s", "CALL p()", "DO 1", "START SLAVE", "START ALL SLAVES", "RELEASE", "INSTALL SONAME 'x'", "RESET MASTER", "CHANGE MASTER TO a=1", "KILL 1", "IF 1 THEN SELECT 1; END IF", "BEGIN; END", "x", "l: LOOP SELECT 1; END LOOP", "truncate: BEGIN NOT ATOMIC SELECT 1; END", "GET DIAGNOSTICS a = NUMBER", "(SET a = 1)",
		}},
		{"names beyond ASCII that call", touchedSession, []string{"SELECT gét_lock('a', 1)", "SELECT GET_LOC\u212a ('a', 1)", "SELECT last_\u0130nsert_id/**/(5)", "SELECT `gét_lock`('a', 1)", "SELECT gét_lock\xa0('a', 1)", "SELECT 'é', gét_lock('a', 1)", "SELECT 1 --\xa0'\n, gét_lock('a', 1) -- '"}},
		{"text beyond ASCII", cleanSession, []string{"INSERT INTO t VALUES ('Zürich')", "SELECT 'é' /* é */ FROM t -- é", "UPDATE t SET a = '漢字' WHERE b = 'Łódź (PL)'", "SELECT größe, maß FROM t WHERE maß = 'ü'", "SELECT 1 AS é"}},
	})
}

func TestTouchesSessionSQLite(t *testing.T) {
	checkTouches(t, sqliteSQL, []sessionRule{
		{"statements that leave the session alone", cleanSession, []string{
			"REPLACE INTO t VALUES (1)", "WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)", "EXPLAIN QUERY PLAN SELECT 1", "CREATE TABLE t (a)", "CREATE VIRTUAL TABLE f USING fts5(a)", "ALTER TABLE t ADD b", "DROP TABLE t", "REINDEX", "ANALYZE", "VACUUM", "VACUUM INTO 'x'",
			"CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; END", "INSERT INTO t VALUES ('Zürich')", "SELECT * FROM pragma_table_info('t')", "SELECT [a b], `c`, \"d\" FROM t", "SELECT @a, :b, $c, ?1",
		}},
		{"transactions", cleanSession, []string{"BEGIN", "BEGIN IMMEDIATE", "END", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "BEGIN; INSERT INTO t VALUES (1); COMMIT"}},
		{"settings", touchedSession, []string{"PRAGMA cache_size = 5", "PRAGMA foreign_keys", "SELECT 1; PRAGMA foreign_keys = 1", "EXPLAIN PRAGMA cache_size = 5", "EXPLAIN QUERY PLAN PRAGMA foreign_keys = 1"}},
		{"databases", touchedSession, []string{"ATTACH 'x' AS y", "DETACH y", "SELECT 1; ATTACH 'x' AS y"}},
		{"temporary things", touchedSession, []string{
			"CREATE TEMP TABLE t (a)", "CREATE TEMPORARY TABLE t (a)", "create temp view v as select 1", "CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END", "CREATE/**/TEMP/**/TABLE t (a)", "EXPLAIN CREATE TEMP TABLE t (a)",
			"CREATE TABLE temp.t (a)", `CREATE TABLE "temp".t (a)`, "CREATE TABLE [temp].t (a)", "CREATE TABLE `temp` . t (a)", "CREATE TABLE 'temp'.t (a)", "CREATE TABLE temp /* c */ . t (a)", "INSERT INTO temp.t VALUES (1)", "CREATE VIRTUAL TABLE temp.f USING fts5(a)", "CREATE TABLE TEMP.t (a)", "SELECT temp /*",
		}},
		{"columns and tables named temp", cleanSession, []string{"SELECT temp, temporary FROM r", "CREATE TABLE temp (a)", "CREATE TABLE main.temp (temp)", "INSERT INTO r (temp) VALUES (1)", `SELECT "temp" FROM r`}},
		{"functions", touchedSession, []string{"SELECT load_extension('x')", "SELECT fts3_tokenizer('x', 'y')", "SELECT eval('x')"}},
		{"what can't be told", touchedSession, []string{"x", "SELECT $a(';PRAGMA x;')", "SELECT 1;\x00PRAGMA x", "SELECT ';x", "(PRAGMA x)", "-- \x00\nSELECT 1"}},
	})
}

func TestTouchesSessionSQLServer(t *testing.T) {
	checkTouches(t, mssqlSQL, []sessionRule{
		{"plain statements", cleanSession, []string{
			"WITH c AS (SELECT 1 AS a) SELECT * FROM c", "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET a = 1;", "UPDATE t SET a += 1", "UPDATE t SET t.a = 1", "UPDATE t SET [a] = 1", "UPDATE t SET @v = a = 1", "BEGIN TRAN", "SAVE TRAN a", "SELECT * FROM OPENJSON(@p1)", "SELECT reverted, opened, used, resetting FROM t", "SELECT @p1, @@ROWCOUNT",
		}},
		{"all else", touchedSession, []string{
			"SELECT * INTO #t FROM t", "INSERT INTO ##t VALUES (1)", "SET NOCOUNT ON", "SELECT 1 SET NOCOUNT ON", "UPDATE t SET a = 1 SET ROWCOUNT 5", "SELECT 1 SET TRANSACTION ISOLATION LEVEL SNAPSHOT", "SELECT 1 SET CONTEXT_INFO 0x1", "SELECT 1 SET ROWCOUNT @p1", "SELECT 1 SET/*", "SELECT 1 SET",
			"EXEC sp_getapplock 'x'", "SELECT 1 EXEC sp_set_session_context 'a', 1", "INSERT INTO t EXEC p", "SELECT 1 USE master", "SELECT 1 OPEN SYMMETRIC KEY k DECRYPTION BY PASSWORD = 'x'", "SELECT 1 DECLARE c CURSOR FOR SELECT 1", "SELECT 1 DBCC TRACEON (1)", "SELECT 1 REVERT", "SELECT 1 SETUSER 'x'", "BEGIN EXECUTE AS USER = 'x' END",
			"sp_who", "CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "DROP TABLE t", "TRUNCATE TABLE t", "DECLARE @a int", "IF 1=1 SELECT 1", "USE master", "SELECT 1; SELECT 2", "SELECT 'Zürich'", "/* /* */ SELECT 1", "(SELECT 1)", "x",
		}},
	})
}

func TestTouchesSessionUnknown(t *testing.T) {
	checkTouches(t, unknownSQL, []sessionRule{
		{"what is more than everyday somewhere", touchedSession, []string{
			"SELECT set_config('a', 'b', false)", "SELECT GET_LOCK('a', 1)", "SELECT @a := 1", "SELECT * INTO #t FROM t", "SELECT 1 SET NOCOUNT ON", "SELECT nextval('s')", "CREATE TABLE t (a int)", "EXPLAIN SELECT 1", "SHOW TABLES", "SELECT 1; SELECT 2", "SELECT 'Zürich'", "SELECT load_extension('x')",
			"SELECT rdb$set_context('USER_SESSION', 'a', 'b') FROM rdb$database", "SELECT dbms_session.x FROM dual", "SELECT 1 /*! 1 */", "SET a = 1", "USE x", "WITH c AS (SELECT 1) SELECT 1 INTO TEMP t", "ALTER SESSION SET a = 1", "/* /* */ SELECT 1", "--c\nSELECT 1", "x", "SELECT 1 INTO --c\nTEMP t", "DELETE FROM temp--c\n.t",
		}},
	})
}

// TestTouchesSessionWords: each word is found at either end of a text and in its
// midst, in any case. It holds the pivots, which a slip would blind.
func TestTouchesSessionWords(t *testing.T) {
	for d, words := range sqltext.SessionWords() {
		if len(words) == 0 {
			t.Errorf("%s: no words", dialectNames[d])
		}
		for _, w := range words {
			for _, q := range []string{"SELECT " + w, "SELECT 1, " + w + "(2)", "SELECT x" + w + "x", "SELECT 1 -- " + w, strings.ToUpper("SELECT " + w)} {
				if !sqltext.TouchesSession(d, q) {
					t.Errorf("touchesSession(%s, %q)\nhave false\nwant true", dialectNames[d], q)
				}
			}
		}
	}
}

func TestTouchesSessionAllocatesNothing(t *testing.T) {
	texts := append([]string{"SET a = 1", "SELECT last_insert_id(5)", "CREATE TEMP TABLE temp (a int)", "INSERT INTO t VALUES ('é@ü')", "BEGIN; SELECT 1; COMMIT"}, everydayStatements...)
	for d, name := range dialectNames {
		have := testing.AllocsPerRun(10, func() {
			for _, q := range texts {
				sqltext.TouchesSession(d, q)
			}
		})
		if have != 0 {
			t.Errorf("%s allocations\nhave %v\nwant 0", name, have)
		}
	}
}

// FuzzTouchesSession holds what must be true of any text in any dialect.
func FuzzTouchesSession(f *testing.F) {
	for _, c := range []pooledtest.Corpus{pooledtest.MySQLCorpus, pooledtest.PostgresCorpus, pooledtest.SQLiteCorpus} {
		for _, q := range c.Statements {
			f.Add(q)
		}
	}
	for _, q := range everydayStatements {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		for d, name := range dialectNames {
			have := sqltext.TouchesSession(d, q)
			if other := sqltext.TouchesSession(d, swapCase(q)); other != have {
				t.Errorf("touchesSession(%s, %q) in swapped case\nhave %v\nwant %v", name, q, other, have)
			}
			for _, blank := range []string{" ", "\n", ";", "-- c\n", "/* c */"} {
				if have && !sqltext.TouchesSession(d, blank+q) {
					t.Errorf("touchesSession(%s, %q)\nhave false\nwant true, as without the blank", name, blank+q)
				}
			}
			if !sqltext.TouchesSession(d, q+"\n; SET a.b = 1") {
				t.Errorf("touchesSession(%s, %q)\nhave false\nwant true, for the statement at the end", name, q+"\n; SET a.b = 1")
			}
			if have && !sqltext.TouchesSession(unknownSQL, q) {
				t.Errorf("touchesSession(unknown, %q)\nhave false\nwant true, as for %s", q, name)
			}
		}
	})
}

func BenchmarkTouchesSession(b *testing.B) {
	for _, bm := range []struct {
		name    string
		dialect sqltext.Kind
		query   string
	}{
		{"postgres/select", pgSQL, "SELECT id, name, created_at FROM customers WHERE account = $1"},
		{"postgres/insert", pgSQL, "INSERT INTO order_items (order_id, amount) VALUES ($1, $2)"},
		{"mysql/select", mysqlSQL, "SELECT id, name, created_at FROM customers WHERE account = ?"},
		{"mysql/insert", mysqlSQL, "INSERT INTO order_items (order_id, amount) VALUES (?, ?)"},
		{"mysql/email", mysqlSQL, "SELECT id, name, created FROM customers WHERE mail = 'a@b.ch'"},
		{"sqlite/select", sqliteSQL, "SELECT id, name, created_at FROM customers WHERE account = ?"},
		{"sqlserver/update", mssqlSQL, "UPDATE customers SET name = @p1, touched = @p2 WHERE id = @p3"},
		{"unknown/select", unknownSQL, "SELECT id, name, created_at FROM customers WHERE account = ?"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if sqltext.TouchesSession(bm.dialect, bm.query) {
					b.Fatalf("touchesSession(%q)\nhave true\nwant false", bm.query)
				}
			}
		})
	}
}
