package mysql_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
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
	pooledtest.CheckLeaves(t, mysql.Dialect.Rules, []pooledtest.Leaving{
		{"nothing", leavesNone, []string{
			"", " \t\r\n\v\f", ";", " ; ;", "-- c", "--", "# c", "/* c */", "/**/ ; -- c\n",
		}},
		{"statements that commit by themselves", leavesNone, []string{
			"SELECT 1", "insert into t values (1)", "Update t set a=1", "DELETE FROM t", "REPLACE t VALUES (1)",
			"WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)", "TABLE t", "LOAD DATA INFILE 'x' INTO TABLE t",
			"SHOW TABLES", "EXPLAIN SELECT 1", "DESCRIBE t", "DESC t", "ANALYZE TABLE t", "USE db",
			"ALTER TABLE t ADD b int", "DROP TABLE t", "DROP TEMPORARY TABLE t", "TRUNCATE t", "RENAME TABLE t TO u",
			"GRANT ALL ON t TO u", "REVOKE ALL ON t FROM u", "CREATE TABLE t (a int)",
			"CREATE TEMPORARY TABLE t (a int)",
			"SELECT * FROM t FOR UPDATE", "SELECT'x'", "SELECT*FROM t", "SELECT(1)", "SELECT`a`FROM t", "SELECT/**/1",
			"SELECT-1",
		}},
		{"blanks before", leavesNone, []string{
			" SELECT 1", "\n\t;SELECT 1", "-- c\nSELECT 1", "--\nSELECT 1", "--\tc\nSELECT 1", "--\x01c\nSELECT 1",
			"--\x7fc\nSELECT 1",
			"# c\nSELECT 1", "#\n#\nSELECT 1", "/* c */SELECT 1", "/* /* */SELECT 1", "/*+ hint */SELECT 1",
			"/* ; */ SELECT 1",
			"-- BEGIN\r\nSELECT 1", "-- a\rBEGIN\nSELECT 1",
		}},
		{"parentheses", leavesNone, []string{
			"(SELECT 1)", "((SELECT 1) UNION (SELECT 2))", "( /* c */ SELECT 1)", "(WITH c AS (SELECT 1) SELECT 1)",
			"(VALUES (1))", "(TABLE t)",
		}},
		{"parentheses before what is no query", leavesAny, []string{
			"(BEGIN)", "(INSERT INTO t VALUES (1))", "(", "( ", "(;SELECT 1)", "(/*",
		}},
		{"one semicolon", leavesNone, []string{
			"SELECT 1;", "SELECT 1 ; \n;\t", "SELECT 1; -- c", "SELECT 1; /* c */ # c", "SELECT 1; -- c\n; # c\n",
		}},
		{"semicolons in quotes and comments", leavesNone, []string{
			"SELECT ';a'", "SELECT 'a;''b;'", `SELECT ";a"`, `SELECT ";""a"`, "SELECT `;a`", "SELECT `a``;b`",
			"SELECT /* ; */ 1", "SELECT 1 -- ; a",
			"SELECT 1 # ; a\n", "SELECT 'é;a'", "SELECT 'é; ü'", `SELECT 'a\n; b'`, `SELECT '\\', '; b'`,
			`SELECT '\\\\; b'`, `SELECT '\a\n\t; b'`,
			`INSERT INTO t VALUES ('{"a": "b;c"}')`, "SELECT 1 -- ;\n + 1", `SELECT "it's; ok"`, "SELECT 'x' '; y'",
			"SELECT 5-3, '; x'", "SELECT 6/3, '; x'",
		}},
		{"transactions", leavesTx, []string{
			"BEGIN", "begin", "BEGIN WORK", "BEGIN /* c */ WORK -- c", "BEGIN;", "BEGIN WORK;", "START TRANSACTION",
			"START TRANSACTION READ ONLY",
			"COMMIT", "COMMIT AND CHAIN", "ROLLBACK", "ROLLBACK TO a", "SAVEPOINT a", "RELEASE SAVEPOINT a",
			"XA START 'x'", "XA END 'x'",
			"DO 1", "LOCK TABLES t READ", "UNLOCK TABLES", "HANDLER t OPEN", "FLUSH TABLES", "START SLAVE", "KILL 1",
			"CHECK TABLE t", "HELP 'x'",
			"CREATE TABLE t (a int) START TRANSACTION", "CREATE TABLE t (a int)\n\tstart /* c */ Transaction",
		}},
		{"SET", leavesTx, []string{
			"SET NAMES utf8mb4", "SET @a = 1", "set session sql_mode = ''",
			"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET PASSWORD = 'x'",
		}},
		{"SET of what decides", leavesAny, []string{
			"SET autocommit=0", "set AutoCommit = 1", "SET @@session.autocommit=0", "SET @@autocommit:=0",
			"SET `autocommit`=0", "SET @a=1, autocommit=0",
			"SET/**/autocommit=0", "SET completion_type=1", "SET @@COMPLETION_TYPE='CHAIN'", "SET GLOBAL autocommit=0",
			"SET STATEMENT autocommit=0 FOR SELECT 1",
			"SET /* c */ statement max_statement_time=1 FOR COMMIT", "SET \u00e1utocommit=0",
			"SET GLOBAL init_connect='SET autocommit=0'",
			"SET @a=1; SET autocommit=0",
		}},
		{"what can run anything", leavesAny, []string{
			"CALL p()", "call p", "EXECUTE s", "EXECUTE IMMEDIATE 'BEGIN'", "PREPARE s FROM 'BEGIN'",
			"BEGIN NOT ATOMIC SELECT 1; END", "BEGIN SELECT 1; END",
			"BEGIN WORKS", "BEGIN 1", "BEGIN (", "BEGIN WORK WORK", "IF 1 THEN BEGIN END; END IF", "IF 1", "CASE 1",
			"LOOP", "WHILE 1 DO", "REPEAT", "FOR i IN 1..2",
			"DECLARE a int", "<<l>> BEGIN", "BINLOG 'x'", "DELIMITER //", "l: BEGIN NOT ATOMIC END", "BEGIN /* c",
			"BEGIN WORK /* c",
		}},
		{"unknown words", leavesAny, []string{
			"SELECTX 1", "SELECT1", "SELECT_1", "SELECT$", "SELECTé", "SELECT@a", "SELECT.5", "SELEC", "select#",
			"show: LOOP", "\xa0SELECT 1", "\ufeffSELECT 1", "1", "'SELECT'", "`SELECT`", "{SELECT 1}", "--SELECT 1",
			"-", "/", "\x00SELECT 1", "savepointsavepointsavepoint a",
		}},
		{"executable comments", leavesAny, []string{
			"/*! BEGIN */", "/*!50000 BEGIN */", "/*M! BEGIN */", "/*M!100100 BEGIN */", "SELECT 1 /*! + 1 */",
			"SELECT 1 /*!; BEGIN */", "SELECT 1/2 /*m! */", "SELECT '/*!'", "-- /*! \nSELECT 1",
		}},
		{"several statements", leavesTx, []string{
			"SELECT 1; SELECT 2", "SELECT 1; -- c\n SELECT 2;", "SELECT 1; BEGIN", "SELECT 1;BEGIN;",
			"INSERT INTO t VALUES (';'); COMMIT", "SELECT 1; (SELECT 2)",
			"SELECT 1 -- '\n; BEGIN -- '", "SELECT 1 # '\n; BEGIN -- '", "SELECT 1 /* ' */; BEGIN /* ' */",
			"SELECT 1 --1; BEGIN", "SELECT `'`; BEGIN -- '",
			`SELECT "'"; BEGIN -- '`, "SELECT 'a''; '; BEGIN", "SELECT '; -- '; BEGIN", "SELECT '; /* '; BEGIN -- */",
			"SELECT ';-'; BEGIN",
		}},
		{"several statements, one of the worst", leavesAny, []string{
			"SELECT 1; SET autocommit=0", "SELECT 1;;; CALL p()", "BEGIN; CALL p()",
			"SELECT 1; /* c */ PREPARE s FROM 'x'", "SELECT 1; x", "SELECT 1; (BEGIN)",
			"CREATE PROCEDURE p() BEGIN SET autocommit=0; END", "SELECT 1; /* c", "BEGIN; SET autocommit=0; END",
			"SELECT '\\\\\\\\'; CALL p() -- '", "SELECT --1; CALL p()",
		}},
		{"semicolons that depend on the session", leavesAny, []string{
			`SELECT '\'; BEGIN -- '`, `SELECT '\''; BEGIN -- '`, `SELECT "\"; BEGIN -- "`, `SELECT '\\\'; BEGIN -- '`,
			"SELECT '\x81\\'; BEGIN -- '", "SELECT '\x81\\\\', '; BEGIN -- '",
			"SELECT `\xe2`; BEGIN", `SELECT "é"; BEGIN`, "SELECT é`; BEGIN -- `", "SELECT \\N; BEGIN",
			"SELECT --\xa0; BEGIN", "SELECT $$ ' $$; BEGIN -- '", "SELECT '\x00; a'",
			"SELECT 1 -- \x00; BEGIN", "SELECT '; BEGIN", "SELECT `; BEGIN", `SELECT "; BEGIN`, "SELECT /* ; BEGIN",
			"SELECT é\\; BEGIN",
		}},
	})
}

func TestTouches(t *testing.T) {
	pooledtest.CheckTouches(t, mysql.Dialect.Rules, []pooledtest.Touching{
		{"statements that leave the session alone", cleanSession, []string{
			"REPLACE t VALUES (1)", "WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)", "TABLE t",
			"LOAD DATA INFILE 'x' INTO TABLE t (a, b)", "SHOW TABLES", "SHOW CREATE TABLE t", "EXPLAIN SELECT 1",
			"DESCRIBE t", "DESC t",
			"CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "DROP TABLE t", "TRUNCATE t", "RENAME TABLE t TO u",
			"GRANT SELECT ON t TO u", "REVOKE SELECT ON t FROM u",
			"ANALYZE TABLE t", "OPTIMIZE TABLE t", "CHECK TABLE t", "CHECKSUM TABLE t", "REPAIR TABLE t",
			"SELECT * FROM t FOR UPDATE", "SELECT `a` FROM `t` # c", "(SELECT 1) UNION (SELECT 2)",
			"INSERT INTO t SET a = 1", "SELECT 1 -- c\n", "SELECT 5-3, 6/2",
		}},
		{"transactions", cleanSession, []string{
			"BEGIN", "BEGIN WORK", "BEGIN; INSERT INTO t VALUES (1); COMMIT", "START TRANSACTION",
			"START /* c */ TRANSACTION READ ONLY", "COMMIT AND CHAIN", "ROLLBACK TO a", "SAVEPOINT a",
			"RELEASE SAVEPOINT a", "SELECT 1; SELECT ';a'",
		}},
		{"SET", touchedSession, []string{
			"SET a = 1", "SET @a = 1", "SET NAMES utf8mb4", "SET TRANSACTION READ ONLY",
			"SET STATEMENT max_statement_time=1 FOR SELECT 1", "SET LOCAL a = 1", "SET ROLE x", "SET autocommit=1",
			"SET PASSWORD = 'x'", "BEGIN; SET a = 1; COMMIT", "BEGIN NOT ATOMIC SET a = 1; END", "BEGIN SET a = 1; END",
			"BEGIN NOT ATOMIC", "BEGIN SET a = 1",
		}},
		{"user variables", touchedSession, []string{
			"SELECT @a := 1", "SELECT 1 INTO @a", "SELECT @'a b' := 1", "SELECT @`a` := 1", "SELECT 'x', @\"a\" := 1",
			"SELECT @ a := 1", "SELECT @@@a := 1", "SELECT @@a, @b := 1", "SELECT @ @a", "SELECT 1,@a:=1",
			"INSERT INTO t VALUES (@a := 1)", "UPDATE t SET a = (@a := a + 1)",
			"LOAD DATA INFILE 'x' INTO TABLE t (a, @b)", "EXPLAIN SELECT @a := 1",
			"SELECT '' '', @a := 1", "SELECT 'it''s', @a := 1", `SELECT '\\', @a := 1`, `SELECT '\', @a := 1, '`,
			"SELECT 1 -- '\n, @a := 1", "SELECT 1 /* ' */, @a := 1 /* ' */", "SELECT 1 # '\n, @a := 1",
			"SELECT \"'\", @a := 1 -- '", "SELECT é, @a := 1", "SELECT 'é', @a := 1", "SELECT \x81@@a := 1",
			"SELECT `\x81`, @a := 1 -- `", "SELECT $$, @a := 1", "SELECT $$'$$, @a := 1 -- '",
			"SELECT \x81`, @a := 1 -- `", "SELECT '@",
		}},
		{"no user variables", cleanSession, []string{
			"SELECT @@version", "SELECT @@session.sql_mode, @@global.autocommit", "SELECT 'a@b.c'",
			`INSERT INTO t VALUES ("a@b.c", 'x@y')`, "SELECT 1 -- @a\n", "SELECT /* @a */ 1", "SELECT `a@b` FROM t",
			"SELECT 'it''s a@b'", "SELECT 1--'\n, @a := 1 -- '", `SELECT 'a\n@b'`, "INSERT INTO t VALUES ('é@ü')",
		}},
		{"locks", touchedSession, []string{
			"SELECT GET_LOCK('a', 0)", "SELECT `get_lock`('a', 0)", "SELECT get_lock ('a', 0)",
			"SELECT RELEASE_LOCK('a')", "SELECT release_all_locks()", "INSERT INTO t SELECT get_lock('a', 1)",
			"ANALYZE FORMAT=JSON SELECT get_lock('a', 1)", "SELECT service_get_write_locks('a', 'b', 1)",
			"SELECT service_release_locks('a')", "SELECT version_tokens_lock_shared('a', 1)",
			"LOCK TABLES t READ", "UNLOCK TABLES", "FLUSH TABLES WITH READ LOCK", "BACKUP STAGE START", "BACKUP LOCK t",
			"HANDLER t OPEN", "XA START 'x'",
		}},
		{"last_insert_id", touchedSession, []string{
			"SELECT LAST_INSERT_ID(5)", "UPDATE s SET id = LAST_INSERT_ID(id + 1)", "SELECT last_insert_id ( 5 )",
			"SELECT `last_insert_id`(5)", "SELECT last_insert_id(/* c */5)", "SELECT last_insert_id/**/(5)",
			"SELECT \"last_insert_id\"(5)", "SELECT last_insert_id --\xa0\n(5)", "SELECT last_insert_id -- \x00\n(5)",
			"SELECT last_insert_id(), last_insert_id(5)", "SELECT last_insert_id( /*", "SELECT last_insert_id(",
			"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)",
		}},
		{"last_insert_id read", cleanSession, []string{
			"SELECT LAST_INSERT_ID()", "SELECT last_insert_id ( )", "SELECT `last_insert_id`( /* c */ )",
			"SELECT last_insert_id FROM t", "SELECT @@last_insert_id", "SELECT last_insert_ids(5)",
			"INSERT INTO t VALUES (LAST_INSERT_ID(), 1)",
		}},
		{"sequences", touchedSession, []string{
			"SELECT NEXTVAL(s)", "SELECT NEXT VALUE FOR s", "SELECT next/**/value for s", "SELECT next\nVALUE\nFOR s",
			"SELECT SETVAL(s, 5)", "SELECT s.nextval", "SELECT next /*",
		}},
		{"columns named next", cleanSession, []string{
			"SELECT next FROM t", "SELECT next, value FROM t", "SELECT t.next_value FROM t",
			"SELECT * FROM t ORDER BY a OFFSET 1 ROWS FETCH NEXT 5 ROWS ONLY",
		}},
		{"temporary tables", touchedSession, []string{
			"CREATE TEMPORARY TABLE t (a int)", "create or replace temporary table t (a int)",
			"CREATE/**/TEMPORARY/**/TABLE t (a int)", "DROP TEMPORARY TABLE t",
			"CREATE GLOBAL TEMPORARY TABLE t (a int)", "CREATE TEMPORARY SEQUENCE s",
		}},
		{"default database", touchedSession, []string{
			"USE x", "DROP DATABASE x", "DROP SCHEMA x", "ALTER DATABASE x CHARACTER SET latin1",
			"CREATE OR REPLACE DATABASE x", "alter schema character set latin1",
		}},
		{"executable comments", touchedSession, []string{
			"/*! SET a = 1 */", "SELECT 1 /*!, @a := 1 */", "/*!50000 SELECT 1 */", "/*M! SELECT 1 */",
			"SELECT /*m!100 1 */",
		}},
		{"statements off the list", touchedSession, []string{
			"PREPARE s FROM 'SELECT 1'", "EXECUTE s", "EXECUTE IMMEDIATE 'SELECT 1'", "DEALLOCATE PREPARE s",
			"DROP PREPARE s", "CALL p()", "DO 1", "START SLAVE", "START ALL SLAVES", "RELEASE", "INSTALL SONAME 'x'",
			"RESET MASTER", "CHANGE MASTER TO a=1", "KILL 1", "IF 1 THEN SELECT 1; END IF", "BEGIN; END", "x",
			"l: LOOP SELECT 1; END LOOP", "truncate: BEGIN NOT ATOMIC SELECT 1; END", "GET DIAGNOSTICS a = NUMBER",
			"(SET a = 1)",
		}},
		{"names beyond ASCII that call", touchedSession, []string{
			"SELECT gét_lock('a', 1)", "SELECT GET_LOC\u212a ('a', 1)", "SELECT last_\u0130nsert_id/**/(5)",
			"SELECT `gét_lock`('a', 1)", "SELECT gét_lock\xa0('a', 1)", "SELECT 'é', gét_lock('a', 1)",
			"SELECT 1 --\xa0'\n, gét_lock('a', 1) -- '",
		}},
		{"text beyond ASCII", cleanSession, []string{
			"INSERT INTO t VALUES ('Zürich')", "SELECT 'é' /* é */ FROM t -- é",
			"UPDATE t SET a = '漢字' WHERE b = 'Łódź (PL)'", "SELECT größe, maß FROM t WHERE maß = 'ü'", "SELECT 1 AS é",
		}},
	})
}
