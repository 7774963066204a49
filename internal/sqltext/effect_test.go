package sqltext_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/sqltext"
)

// Short names for the tables below.
const (
	leavesNone = sqltext.EffectNone
	leavesTx   = sqltext.EffectTx
	leavesAny  = sqltext.EffectAny

	unknownSQL = sqltext.Unknown
	mysqlSQL   = sqltext.MySQL
	pgSQL      = sqltext.Postgres
	sqliteSQL  = sqltext.SQLite
	mssqlSQL   = sqltext.SQLServer
)

var dialectNames = map[sqltext.Kind]string{
	unknownSQL: "unknown", mysqlSQL: "MySQL", pgSQL: "PostgreSQL", sqliteSQL: "SQLite", mssqlSQL: "SQLServer",
}

// classified is one rule's statements and what they must be taken for.
type classified struct {
	rule    string
	want    sqltext.Effect
	queries []string
}

func checkClassified(t *testing.T, d sqltext.Kind, table []classified) {
	t.Helper()
	for _, c := range table {
		t.Run(c.rule, func(t *testing.T) {
			for _, q := range c.queries {
				if have := sqltext.Classify(d, q); have != c.want {
					t.Errorf("classify(%s, %q)\nhave %v\nwant %v", dialectNames[d], q, have, c.want)
				}
			}
		})
	}
}

func TestClassifyMySQL(t *testing.T) {
	checkClassified(t, mysqlSQL, []classified{
		{"nothing", leavesNone, []string{"", " \t\r\n\v\f", ";", " ; ;", "-- c", "--", "# c", "/* c */", "/**/ ; -- c\n"}},
		{"statements that commit by themselves", leavesNone, []string{
			"SELECT 1", "insert into t values (1)", "Update t set a=1", "DELETE FROM t", "REPLACE t VALUES (1)",
			"WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)", "TABLE t", "LOAD DATA INFILE 'x' INTO TABLE t",
			"SHOW TABLES", "EXPLAIN SELECT 1", "DESCRIBE t", "DESC t", "ANALYZE TABLE t", "USE db",
			"ALTER TABLE t ADD b int", "DROP TABLE t", "DROP TEMPORARY TABLE t", "TRUNCATE t", "RENAME TABLE t TO u",
			"GRANT ALL ON t TO u", "REVOKE ALL ON t FROM u", "CREATE TABLE t (a int)", "CREATE TEMPORARY TABLE t (a int)",
			"SELECT * FROM t FOR UPDATE", "SELECT'x'", "SELECT*FROM t", "SELECT(1)", "SELECT`a`FROM t", "SELECT/**/1", "SELECT-1",
		}},
		{"blanks before", leavesNone, []string{
			" SELECT 1", "\n\t;SELECT 1", "-- c\nSELECT 1", "--\nSELECT 1", "--\tc\nSELECT 1", "--\x01c\nSELECT 1", "--\x7fc\nSELECT 1",
			"# c\nSELECT 1", "#\n#\nSELECT 1", "/* c */SELECT 1", "/* /* */SELECT 1", "/*+ hint */SELECT 1", "/* ; */ SELECT 1",
			"-- BEGIN\r\nSELECT 1", "-- a\rBEGIN\nSELECT 1",
		}},
		{"parentheses", leavesNone, []string{"(SELECT 1)", "((SELECT 1) UNION (SELECT 2))", "( /* c */ SELECT 1)", "(WITH c AS (SELECT 1) SELECT 1)", "(VALUES (1))", "(TABLE t)"}},
		{"parentheses before what is no query", leavesAny, []string{"(BEGIN)", "(INSERT INTO t VALUES (1))", "(", "( ", "(;SELECT 1)", "(/*"}},
		{"one semicolon", leavesNone, []string{"SELECT 1;", "SELECT 1 ; \n;\t", "SELECT 1; -- c", "SELECT 1; /* c */ # c", "SELECT 1; -- c\n; # c\n"}},
		{"semicolons in quotes and comments", leavesNone, []string{
			"SELECT ';a'", "SELECT 'a;''b;'", `SELECT ";a"`, `SELECT ";""a"`, "SELECT `;a`", "SELECT `a``;b`", "SELECT /* ; */ 1", "SELECT 1 -- ; a",
			"SELECT 1 # ; a\n", "SELECT 'é;a'", "SELECT 'é; ü'", `SELECT 'a\n; b'`, `SELECT '\\', '; b'`, `SELECT '\\\\; b'`, `SELECT '\a\n\t; b'`,
			`INSERT INTO t VALUES ('{"a": "b;c"}')`, "SELECT 1 -- ;\n + 1", `SELECT "it's; ok"`, "SELECT 'x' '; y'", "SELECT 5-3, '; x'", "SELECT 6/3, '; x'",
		}},
		{"transactions", leavesTx, []string{
			"BEGIN", "begin", "BEGIN WORK", "BEGIN /* c */ WORK -- c", "BEGIN;", "BEGIN WORK;", "START TRANSACTION", "START TRANSACTION READ ONLY",
			"COMMIT", "COMMIT AND CHAIN", "ROLLBACK", "ROLLBACK TO a", "SAVEPOINT a", "RELEASE SAVEPOINT a", "XA START 'x'", "XA END 'x'",
			"DO 1", "LOCK TABLES t READ", "UNLOCK TABLES", "HANDLER t OPEN", "FLUSH TABLES", "START SLAVE", "KILL 1", "CHECK TABLE t", "HELP 'x'",
			"CREATE TABLE t (a int) START TRANSACTION", "CREATE TABLE t (a int)\n\tstart /* c */ Transaction",
		}},
		{"SET", leavesTx, []string{"SET NAMES utf8mb4", "SET @a = 1", "set session sql_mode = ''", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET PASSWORD = 'x'"}},
		{"SET of what decides", leavesAny, []string{
			"SET autocommit=0", "set AutoCommit = 1", "SET @@session.autocommit=0", "SET @@autocommit:=0", "SET `autocommit`=0", "SET @a=1, autocommit=0",
			"SET/**/autocommit=0", "SET completion_type=1", "SET @@COMPLETION_TYPE='CHAIN'", "SET GLOBAL autocommit=0", "SET STATEMENT autocommit=0 FOR SELECT 1",
			"SET /* c */ statement max_statement_time=1 FOR COMMIT", "SET \u00e1utocommit=0", "SET GLOBAL init_connect='SET autocommit=0'",
			"SET @a=1; SET autocommit=0",
		}},
		{"what can run anything", leavesAny, []string{
			"CALL p()", "call p", "EXECUTE s", "EXECUTE IMMEDIATE 'BEGIN'", "PREPARE s FROM 'BEGIN'", "BEGIN NOT ATOMIC SELECT 1; END", "BEGIN SELECT 1; END",
			"BEGIN WORKS", "BEGIN 1", "BEGIN (", "BEGIN WORK WORK", "IF 1 THEN BEGIN END; END IF", "IF 1", "CASE 1", "LOOP", "WHILE 1 DO", "REPEAT", "FOR i IN 1..2",
			"DECLARE a int", "<<l>> BEGIN", "BINLOG 'x'", "DELIMITER //", "l: BEGIN NOT ATOMIC END", "BEGIN /* c", "BEGIN WORK /* c",
		}},
		{"unknown words", leavesAny, []string{"SELECTX 1", "SELECT1", "SELECT_1", "SELECT$", "SELECTé", "SELECT@a", "SELECT.5", "SELEC", "select#", "show: LOOP", "\xa0SELECT 1", "\ufeffSELECT 1", "1", "'SELECT'", "`SELECT`", "{SELECT 1}", "--SELECT 1", "-", "/", "\x00SELECT 1", "savepointsavepointsavepoint a"}},
		{"executable comments", leavesAny, []string{
			"/*! BEGIN */", "/*!50000 BEGIN */", "/*M! BEGIN */", "/*M!100100 BEGIN */", "SELECT 1 /*! + 1 */", "SELECT 1 /*!; BEGIN */", "SELECT 1/2 /*m! */", "SELECT '/*!'", "-- /*! \nSELECT 1",
		}},
		{"several statements", leavesTx, []string{
			"SELECT 1; SELECT 2", "SELECT 1; -- c\n SELECT 2;", "SELECT 1; BEGIN", "SELECT 1;BEGIN;", "INSERT INTO t VALUES (';'); COMMIT", "SELECT 1; (SELECT 2)",
			"SELECT 1 -- '\n; BEGIN -- '", "SELECT 1 # '\n; BEGIN -- '", "SELECT 1 /* ' */; BEGIN /* ' */", "SELECT 1 --1; BEGIN", "SELECT `'`; BEGIN -- '",
			`SELECT "'"; BEGIN -- '`, "SELECT 'a''; '; BEGIN", "SELECT '; -- '; BEGIN", "SELECT '; /* '; BEGIN -- */", "SELECT ';-'; BEGIN",
		}},
		{"several statements, one of the worst", leavesAny, []string{
			"SELECT 1; SET autocommit=0", "SELECT 1;;; CALL p()", "BEGIN; CALL p()", "SELECT 1; /* c */ PREPARE s FROM 'x'", "SELECT 1; x", "SELECT 1; (BEGIN)",
			"CREATE PROCEDURE p() BEGIN SET autocommit=0; END", "SELECT 1; /* c", "BEGIN; SET autocommit=0; END",
			"SELECT '\\\\\\\\'; CALL p() -- '", "SELECT --1; CALL p()",
		}},
		{"semicolons that depend on the session", leavesAny, []string{
			`SELECT '\'; BEGIN -- '`, `SELECT '\''; BEGIN -- '`, `SELECT "\"; BEGIN -- "`, `SELECT '\\\'; BEGIN -- '`, "SELECT '\x81\\'; BEGIN -- '", "SELECT '\x81\\\\', '; BEGIN -- '",
			"SELECT `\xe2`; BEGIN", `SELECT "é"; BEGIN`, "SELECT é`; BEGIN -- `", "SELECT \\N; BEGIN", "SELECT --\xa0; BEGIN", "SELECT $$ ' $$; BEGIN -- '", "SELECT '\x00; a'",
			"SELECT 1 -- \x00; BEGIN", "SELECT '; BEGIN", "SELECT `; BEGIN", `SELECT "; BEGIN`, "SELECT /* ; BEGIN", "SELECT é\\; BEGIN",
		}},
	})
}

func TestClassifyPostgres(t *testing.T) {
	checkClassified(t, pgSQL, []classified{
		{"nothing", leavesNone, []string{"", " \t\r\n\v\f", ";", " ; ;", "-- c", "--c", "/* c */", "/* /* */ */"}},
		{"statements that commit by themselves", leavesNone, []string{
			"SELECT 1", "insert into t values (1)", "Update t set a=1", "DELETE FROM t", "MERGE INTO t USING u ON a=b WHEN MATCHED THEN DELETE",
			"WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)", "TABLE t", "COPY t TO '/dev/null'", "SHOW all", "EXPLAIN ANALYZE SELECT 1",
			"SET search_path = a", "SET LOCAL a.b = 1", "RESET ALL", "DISCARD ALL", "LISTEN a", "UNLISTEN *", "NOTIFY a", "CREATE TABLE t (a int)", "ALTER TABLE t ADD b int",
			"DROP TABLE t", "TRUNCATE t", "COMMENT ON TABLE t IS 'x'", "GRANT ALL ON t TO u", "REVOKE ALL ON t FROM u", "REASSIGN OWNED BY a TO b",
			"IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c", "SECURITY LABEL ON TABLE t IS 'x'", "ANALYZE", "ANALYSE t", "VACUUM", "REINDEX TABLE t", "CLUSTER",
			"REFRESH MATERIALIZED VIEW v", "CHECKPOINT", "DECLARE c CURSOR FOR SELECT 1", "FETCH c", "MOVE c", "CLOSE c", "DEALLOCATE ALL", "LOCK TABLE t", "LOAD 'x'",
			"SELECT'x'", "SELECT\"a\"FROM t", "SELECT-1",
		}},
		{"blanks before", leavesNone, []string{"-- c\nSELECT 1", "--c\nSELECT 1", "--c\rSELECT 1", "/* /* */ BEGIN */ SELECT 1", "/*/**/*/SELECT 1", "/*!*/SELECT 1", "(SELECT 1)", ";(SELECT 1)"}},
		{"a keyword glued to a dollar", leavesTx, []string{"SELECT$1", "SELECT$$a$$"}},
		{"one semicolon", leavesNone, []string{"SELECT 1;", "SELECT 1 ; \n;\t", "SELECT 1; --c", "SELECT 1; /* /* */ c */"}},
		{"semicolons in quotes and comments", leavesNone, []string{
			"SELECT ';a'", "SELECT 'a;''b;'", `SELECT ";a"`, `SELECT ";""a"`, "SELECT $$;a$$", "SELECT $a$;$$;$a$", "SELECT $a$ $b$; $a$", "SELECT /* ; */ 1",
			"SELECT /* /* */ ; */ 1", "SELECT 1 --; a", "SELECT $1, $2, '; a'", "SELECT E'a\\n; b'", `SELECT E'\\', '; b'`, `SELECT "\", '; b'`, "SELECT 'é; ü'", "SELECT a#b, '; x'", "SELECT 1 --; a\r + 1",
		}},
		{"transactions", leavesTx, []string{
			"BEGIN", "begin", "BEGIN;", "BEGIN WORK", "BEGIN ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION", "COMMIT", "COMMIT AND CHAIN", "END", "END AND CHAIN", "ROLLBACK", "ROLLBACK AND CHAIN",
			"ABORT", "SAVEPOINT a", "RELEASE a", "PREPARE TRANSACTION 'x'", "PREPARE s AS SELECT 1", "COMMIT PREPARED 'x'", "--c\rBEGIN", "/* c */BEGIN",
		}},
		{"code", leavesNone, []string{"CALL p()", "DO $$BEGIN END$$", "EXECUTE s"}},
		{"unknown words", leavesTx, []string{"SELECTX", "SELECT1", "SELECTé", "#SELECT 1", "\ufeffSELECT 1", "'SELECT'", "(BEGIN)", "(DELETE FROM t)", "(", "/* /* */ SELECT 1", "/* SELECT 1", "--\x00\nSELECT 1"}},
		{"several statements", leavesTx, []string{
			"SELECT 1; SELECT 2", "SELECT 1;BEGIN", "SELECT 1; --c\nBEGIN", "SELECT 1 --'\n; BEGIN --'", "SELECT 1 --'\r; BEGIN --'", "SELECT 1 /* /* ' */ */; BEGIN --'", "SELECT 1 /* */; BEGIN /* */",
			"SELECT $a$ ' $a$; BEGIN --'", "SELECT $$'$$; BEGIN --'", "SELECT \"'\"; BEGIN --'", "SELECT \"\\\"; BEGIN --\"", "SELECT 1 # 2; BEGIN", "SELECT ` 1; BEGIN --`", "SELECT ARRAY[']']; BEGIN --'",
		}},
		{"semicolons that depend on the session", leavesTx, []string{
			`SELECT '\'; BEGIN --'`, `SELECT E'\''; BEGIN --'`, `SELECT '\\\'; BEGIN --'`, "SELECT '\x81\\'; BEGIN --'", "SELECT $\x81\\$ ' $\x81\\$; BEGIN --'", "SELECT a$$; BEGIN --$$", "SELECT 0x1F$$'$$; BEGIN --'",
			"SELECT $1$$; BEGIN --$$", "SELECT $é$ ' $é$; BEGIN --'", "SELECT $a; BEGIN --$", "SELECT $a, '; BEGIN'", "SELECT $$; BEGIN", "SELECT \\; BEGIN", "SELECT '; BEGIN", "SELECT \"; BEGIN", "SELECT '\x00; a'", "SELECT /* /* */ ; BEGIN",
			"SELECT 1 AS \x81[$$; BEGIN --$$", "SELECT '\x81\\\\', '; BEGIN --'",
		}},
	})
}

func TestClassifySQLite(t *testing.T) {
	checkClassified(t, sqliteSQL, []classified{
		{"nothing", leavesNone, []string{"", " \t\r\n\v\f", ";", "-- c", "--c", "/* c */", "/* /* */"}},
		{"statements that commit by themselves", leavesNone, []string{
			"SELECT 1", "insert into t values (1)", "Update t set a=1", "DELETE FROM t", "REPLACE INTO t VALUES (1)", "WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)",
			"EXPLAIN SELECT 1", "EXPLAIN BEGIN", "CREATE TABLE t (a)", "ALTER TABLE t ADD b", "DROP TABLE t", "REINDEX", "ANALYZE", "VACUUM", "SELECT'x'", "SELECT[a]FROM t",
		}},
		{"blanks before", leavesNone, []string{"-- c\nSELECT 1", "--c\nSELECT 1", "--c\rBEGIN\nSELECT 1", "/* /* */ SELECT 1", "/*!*/SELECT 1", ";;SELECT 1"}},
		{"one semicolon", leavesNone, []string{"SELECT 1;", "SELECT 1 ; \n;\t", "SELECT 1; --c", "SELECT 1; /* c */"}},
		{"semicolons in quotes and comments", leavesNone, []string{
			"SELECT ';a'", "SELECT 'a;''b;'", `SELECT ";a"`, "SELECT `;a`", "SELECT [;a]", "SELECT [a]['], ';a'", "SELECT /* ; */ 1", "SELECT 1 --; a", `SELECT '\', ';a'`, "SELECT ?1, ';a'", "SELECT 'é\\;a'",
		}},
		{"backslashes are bytes", leavesNone, []string{`SELECT '\', ';a'`, `SELECT "\", ';a'`, "SELECT 'é\\', ';a'"}},
		{"transactions", leavesTx, []string{
			"BEGIN", "begin immediate", "BEGIN;", "SAVEPOINT a", "RELEASE a", "COMMIT", "END", "ROLLBACK", "ROLLBACK TO a",
		}},
		{"not looked into", leavesTx, []string{"PRAGMA foreign_keys=on", "ATTACH ':memory:' AS a", "DETACH a"}},
		{"unknown words", leavesTx, []string{"SELECTX", "SELECT1", "#SELECT 1", "\ufeffSELECT 1", "(BEGIN", "('", "'SELECT'", "/* BEGIN", "--\x00\nSELECT 1", "[SELECT]"}},
		{"several statements", leavesTx, []string{
			"SELECT 1; SELECT 2", "SELECT 1;BEGIN", "SELECT 1; --c\nBEGIN", "SELECT 1 --'\n; BEGIN --'", "SELECT 1 /* /* ' */; BEGIN --'", "SELECT ['], 1; BEGIN --'", `SELECT '\'; BEGIN --'`, "SELECT `'`; BEGIN --'",
			"CREATE TRIGGER a AFTER INSERT ON t BEGIN DELETE FROM t; END",
		}},
		{"semicolons better left alone", leavesTx, []string{
			"SELECT $a('); BEGIN --')", "SELECT :a('); BEGIN --')", "SELECT @a('); BEGIN --')", "SELECT #a('); BEGIN --')", "SELECT '; BEGIN", "SELECT [; BEGIN", "SELECT /* ; BEGIN", "SELECT \\; BEGIN", "SELECT '\x00; a'",
		}},
	})
}

func TestClassifySQLServer(t *testing.T) {
	checkClassified(t, mssqlSQL, []classified{
		{"nothing", leavesNone, []string{"", " ;", "-- c", "--c\r\n", "/* /* */ */"}},
		{"statements that commit by themselves", leavesNone, []string{
			"SELECT 1", "insert t values (1)", "Update t set a=1", "DELETE t", "MERGE t USING u ON a=b WHEN MATCHED THEN DELETE;", "WITH c AS (SELECT 1 AS a) SELECT * FROM c",
			"CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "DROP TABLE t", "TRUNCATE TABLE t", "-- c\r\nSELECT 1", "/* /* */ */ SELECT 1", ";SELECT 1;",
			"SELECT 1 SELECT 2", "SELECT 'x''y' AS [a b]",
		}},
		{"transactions", leavesTx, []string{
			"BEGIN TRAN", "begin transaction a", "BEGIN DISTRIBUTED TRAN", "COMMIT", "ROLLBACK", "SAVE TRAN a", "SELECT 1 BEGIN TRAN", "SELECT 1 bEgIn TrAn", "UPDATE t SET a=1 BEGIN/**/TRANSACTION",
			"SELECT 1 BEGIN SELECT 2 END", "SELECT 'transfer'", "IF 1=1 SELECT 1", "DECLARE @a int", "SET NOCOUNT ON", "WHILE 1=0 SELECT 1", "PRINT 'x'", "USE db", "SELECT 1; SELECT 2", "SELECT 1; -- c",
		}},
		{"what can run anything", leavesAny, []string{
			"EXEC p", "execute p", "p", "dbo.p 1", "sp_who", "sys.sp_who", "[p]", "{call p}", "SELECT 1 EXEC p", "INSERT t EXEC p", "INSERT t eXeCute p", "SELECT 1 exec('BEGIN TRAN')", "SET IMPLICIT_TRANSACTIONS ON",
			"SELECT 1 set implicit_transactions on", "SELECT 1 SET ANSI_DEFAULTS ON", "set Ansi_Defaults on", "BEGIN TRAN SET IMPLICIT_TRANSACTIONS ON", "SELECT sp_x", "SELECT 1 XP_cmdshell", "BEGIN TRAN EXEC p",
			"-- exec\nSELECT 1", "-- SET IMPLICIT_TRANSACTIONS ON",
		}},
		{"unknown words", leavesAny, []string{"SELECTX", "SELECT@a", "SELECT#a", "SELECT.a", "(SELECT 1)", "RECEIVE * FROM q", "DBCC CHECKDB", "a: SELECT 1", "# c\nSELECT 1", "SELECT 'é'", "-- c\rSELECT 1", "-- a\rb\nSELECT 1", "/* /* */ SELECT 1", "DENY SELECT ON t TO u"}},
	})
}

func TestClassifyUnknown(t *testing.T) {
	checkClassified(t, unknownSQL, []classified{
		{"nothing", leavesNone, []string{"", " ;", "-- c", "/* c */"}},
		{"what is certain everywhere", leavesNone, []string{
			"SELECT 1", "insert into t values (1)", "Update t set a=1", "DELETE FROM t",
		}},
		{"blanks", leavesNone, []string{"SELECT 1;", "SELECT 1 ;\n", "-- c\nSELECT 1", "-- c\r\nSELECT 1", "/* c */ SELECT 1", ";SELECT 1"}},
		{"where dialects part", leavesAny, []string{
			"--c\nSELECT 1", "-- c\rSELECT 1", "# c\nSELECT 1", "/* /* */ SELECT 1", "/* /* */ */ SELECT 1", "/*! SELECT 1 */", "SELECT 1 /*! */", "SELECT 1; SELECT 2", "SELECT 1; -- c", "SELECT ';a'", "SELECT 'é'",
			"(SELECT 1)", "SELECT 1 BEGIN TRAN", "INSERT INTO t EXEC p", "SELECT 1 SET IMPLICIT_TRANSACTIONS ON", "SELECT * FROM t FOR UPDATE", "SELECT * FROM t WITH LOCK", "SELECT@a",
		}},
		{"all else", leavesAny, []string{"BEGIN", "COMMIT", "SET a = 1", "CREATE TABLE t (a int)", "CALL p()", "WITH c AS (SELECT 1) SELECT 1", "VALUES (1)", "REPLACE INTO t VALUES (1)", "EXPLAIN SELECT 1", "x"}},
	})
}

// TestClassifyKindOutOfRange: a dialect nobody knows is the unknown one.
func TestClassifyKindOutOfRange(t *testing.T) {
	for _, q := range []string{"SELECT 1", "SHOW TABLES"} {
		have, want := sqltext.Classify(99, q), sqltext.Classify(unknownSQL, q)
		if have != want {
			t.Errorf("classify(99, %q)\nhave %v\nwant %v", q, have, want)
		}
	}
}

func TestClassifyAllocatesNothing(t *testing.T) {
	for d, name := range dialectNames {
		for _, q := range classifyTexts {
			if n := testing.AllocsPerRun(100, func() { sqltext.Classify(d, q.text) }); n != 0 {
				t.Errorf("classify(%s, %q) allocations\nhave %v\nwant 0", name, q.text, n)
			}
		}
	}
}

var classifyTexts = []struct{ name, text string }{
	{"select", "SELECT id, name, email FROM users WHERE id = ?"},
	{"insert", "INSERT INTO orders (user_id, total, note) VALUES ($1, $2, $3) RETURNING id"},
	{"semicolon", "UPDATE users SET name = ? WHERE id = ?;"},
	{"comment", "/* trace=4bf92f3577b34da6a3ce929d0e0e4736 */ SELECT 1"},
	{"literal", "INSERT INTO logs (line) VALUES ('GET /a;b=c HTTP/1.1; it''s a line')"},
	{"set", "SET NAMES utf8mb4"},
	{"begin", "BEGIN"},
	{"long", "SELECT " + strings.Repeat("some_column, ", 150) + "1 FROM t"},
}

func BenchmarkClassify(b *testing.B) {
	for _, d := range []sqltext.Kind{mysqlSQL, pgSQL, sqliteSQL, mssqlSQL, unknownSQL} {
		for _, q := range classifyTexts {
			b.Run(fmt.Sprintf("%s/%s", dialectNames[d], q.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					sqltext.Classify(d, q.text)
				}
			})
		}
	}
}
