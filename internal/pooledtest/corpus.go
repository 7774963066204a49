package pooledtest

import (
	"maps"
	"slices"
)

// Corpus is what a server is tried with. MySQLCorpusOn adds what only one of MySQL and MariaDB has.
type Corpus struct {
	// Modes are session settings, by name, that every statement is tried under.
	Modes map[string][]string

	// Statements may leave something behind or not, may succeed or fail.
	Statements []string

	// Dirty leave something behind for certain in the mode they stand under.
	Dirty map[string][]string

	// Atoms are what random texts are made of.
	Atoms []string
}

// commonStatements are for every server.
var commonStatements = []string{
	"", " ", ";", " ; ; ", "-- c", "--c", "/* c */", "/* /* */ */", "/* /* */", "/*", "#c", "# c\nSELECT 1",
	"SELECT 1", "select 1", "SeLeCt 1", "SELECT 1;", "SELECT 1;;", "SELECT 1 ; -- c", "SELECT 1; /* c */ ;",
	" \t\r\n\v\fSELECT 1", ";SELECT 1",
	"(SELECT 1)", "((SELECT 1))", "(SELECT 1) UNION (SELECT 2)", "( /* c */ SELECT 1)", "(BEGIN)", "(", "SELECT(1)",
	"SELECT'x'", "SELECT-1", "SELECT/**/1", "SELECT--\n1", "SELECT -- c\n1",
	"SELECT ';BEGIN'", "SELECT 'a'';BEGIN;'", `SELECT ";BEGIN"`, "SELECT `;BEGIN`", "SELECT [;BEGIN]",
	"SELECT $$;BEGIN$$", "SELECT /* ;BEGIN */ 1", "SELECT /* /* */ ;BEGIN */ 1", "SELECT 1 -- ;BEGIN",
	"SELECT 1 --;BEGIN", "SELECT 1 # ;BEGIN",
	`SELECT '\';BEGIN -- '`, `SELECT '\'';BEGIN -- '`, `SELECT '\\';BEGIN -- '`, `SELECT '\\\';BEGIN -- '`,
	`SELECT "\";BEGIN -- "`, `SELECT "\"";BEGIN -- "`, "SELECT `\\`;BEGIN -- `", `SELECT 'a\n;BEGIN'`,
	`SELECT '\\', ';BEGIN'`,
	`SELECT E'\';BEGIN --'`, `SELECT E'\'';BEGIN --'`, `SELECT U&'\';BEGIN --'`, `SELECT N'\';BEGIN -- '`,
	`SELECT 'a' 'b\';BEGIN -- '`, "SELECT 'a'\n'b\\';BEGIN --'", "SELECT E'a'\n'b\\';BEGIN --'",
	"SELECT 'é;BEGIN'", "SELECT é;BEGIN", "SELECT 'é\\';BEGIN -- '", "SELECT '\u4e2d';BEGIN", "SELECT `\u4e2d`;BEGIN",
	"SELECT 1 -- '\n;BEGIN -- '", "SELECT 1 --'\n;BEGIN --'", "SELECT 1 -- '\r;BEGIN -- '", "SELECT 1 # '\n;BEGIN -- '",
	"SELECT 1 /* ' */;BEGIN /* ' */", "SELECT 1 /* /* ' */;BEGIN /* ' */ */", "SELECT 1 /*/ ' /*/;BEGIN /*/ ' /*/",
	"SELECT 1 /**/;BEGIN/**/",
	"-- c\nBEGIN", "--c\nBEGIN", "-- c\rBEGIN", "--c\rBEGIN", "# c\nBEGIN", "#\nBEGIN", "/**/BEGIN", "/* c */ BEGIN",
	"/* /* */ BEGIN", "/* /* */ */ BEGIN", "/*/ BEGIN", "/*/*/BEGIN", "/***/BEGIN", ";BEGIN", ";;\n;BEGIN", "\vBEGIN",
	"\ufeffBEGIN", "\u00a0BEGIN", "--\u00a0\nBEGIN", "--\x01\nBEGIN", "--\nBEGIN", "--", "-- ", "BEGIN--", "BEGIN/**/",
	"BEGIN -- c", "BEGIN;",
	"BEGIN", "begin", "bEgIn", "BEGIN WORK", "BEGIN TRANSACTION", "START TRANSACTION", "start transaction read only",
	"SAVEPOINT a", "RELEASE SAVEPOINT a", "RELEASE a", "COMMIT", "COMMIT WORK", "COMMIT AND CHAIN",
	"COMMIT AND NO CHAIN", "END", "ROLLBACK", "ROLLBACK AND CHAIN", "ROLLBACK TO a", "ROLLBACK TO SAVEPOINT a",
	"BEGIN; COMMIT", "BEGIN; ROLLBACK", "BEGIN; SELECT 1", "BEGIN; x", "BEGIN; COMMIT; BEGIN",
	"BEGIN; COMMIT AND CHAIN", "BEGIN; ROLLBACK AND CHAIN", "SELECT 1; BEGIN", "SELECT 1; SELECT 2",
	"SELECT 1;BEGIN;SELECT 1;", "SAVEPOINT a; SELECT 1", "BEGIN; SAVEPOINT a; ROLLBACK TO a",
	"x", "SELEC 1", "SELECT x", "SELECTBEGIN", "1", "'BEGIN'", "SELECT 1 BEGIN", "EXPLAIN SELECT 1", "EXPLAIN BEGIN",
	"EXPLAIN", "VALUES (1)", "WITH c AS (SELECT 1) SELECT * FROM c", "SELECT 1 FOR UPDATE",
	"DO SLEEP(0)", "EXECUTE s", "PREPARE s FROM 'BEGIN'", "DEALLOCATE s", "USE x", "SET autocommit=0",
	"SET AUTOCOMMIT TO OFF", "XA START 'x'", "LOCK TABLES t READ", "DECLARE a int", "CALL nothing()", "IF 1 THEN BEGIN",
	"PRAGMA x", "ATTACH ':memory:' AS x",
}

// CommonAtoms open, close or look as if they did.
var CommonAtoms = []string{
	"'", `"`, "`", `\`, "'a'", "''", "'a''b'", `'\'`, `'\''`, `'\\'`, `'\\\'`, `'\n'`, `"\"`, `"a"`, `""`, "`a`", "``",
	"`\\`", "/*", "*/", "/* c */", "/* ' */", "/* /* */", "/* /* ' */ */", "--", "-- c", "--c", "-- '\n", "--'\n",
	"-- '\r", "--\n",
	"#", "# c\n", "# '\n", "#'\n", "$$", "$$'$$", "$a$", "$a$'$a$", "$1", "$", "a$$", "E'", `E'\'`, `E'\''`, "U&'",
	"N'a'", "[", "]", "[']", "(", ")", "@", ":a", "?", ";", ";;", "\n", "\r", " ", "1", "a", "é", "'é'", "\u4e2d",
	"0x1f", "1e5", "-", "/", "*", "+",
}

// PostgresFixtures stand in a schema of their own.
var PostgresFixtures = []string{
	"CREATE SCHEMA classify",
	"CREATE TABLE classify.t (a int PRIMARY KEY, b text)",
	"CREATE VIEW classify.v AS SELECT * FROM classify.t",
	"CREATE MATERIALIZED VIEW classify.m AS SELECT * FROM classify.t",
	"CREATE FUNCTION classify.f() RETURNS int LANGUAGE plpgsql AS $$BEGIN INSERT INTO classify.t VALUES (1) ON " +
		"CONFLICT DO NOTHING; RETURN 1; END$$",
	"CREATE PROCEDURE classify.p() LANGUAGE plpgsql AS $$BEGIN INSERT INTO classify.t VALUES (2) ON CONFLICT DO " +
		"NOTHING; END$$",
	"CREATE PROCEDURE classify.c() LANGUAGE plpgsql AS $$BEGIN INSERT INTO classify.t VALUES (3) ON CONFLICT DO " +
		"NOTHING; COMMIT; INSERT INTO classify.t VALUES (4) ON CONFLICT DO NOTHING; END$$",
	"CREATE PROCEDURE classify.chain() LANGUAGE plpgsql AS $$BEGIN COMMIT AND CHAIN; INSERT INTO classify.t VALUES " +
		"(5) ON CONFLICT DO NOTHING; ROLLBACK AND CHAIN; END$$",
	"CREATE PROCEDURE classify.s() LANGUAGE sql AS 'SELECT 1'",
	"CREATE FUNCTION classify.same(int) RETURNS int LANGUAGE sql AS 'SELECT $1'",
	"CREATE OPERATOR classify.` (RIGHTARG = int, FUNCTION = classify.same)",
}

var PostgresCorpus = Corpus{
	Modes: map[string][]string{
		"default":             nil,
		"no standard strings": {"SET standard_conforming_strings = off", "SET escape_string_warning = off"},
	},
	Statements: append([]string{
		"SELECT * FROM classify.t FOR UPDATE", "SELECT classify.f()", "SELECT * INTO TEMP u FROM classify.t",
		"INSERT INTO classify.t VALUES (10) ON CONFLICT DO NOTHING", "UPDATE classify.t SET b='x'",
		"DELETE FROM classify.t WHERE a=10 RETURNING *",
		"WITH c AS (INSERT INTO classify.t VALUES (11) ON CONFLICT DO NOTHING RETURNING a) SELECT * FROM c",
		"MERGE INTO classify.t USING (SELECT 12 AS x) s ON a=x WHEN NOT MATCHED THEN INSERT VALUES (x)", "TABLE classify.t",
		"COPY (SELECT 1) TO '/dev/null'", "COPY classify.t FROM '/dev/null'", "SHOW ALL",
		"EXPLAIN ANALYZE INSERT INTO classify.t VALUES (13) ON CONFLICT DO NOTHING", "EXPLAIN ANALYZE EXECUTE s",
		"SET search_path = classify", "SET LOCAL search_path = classify", "SET TRANSACTION ISOLATION LEVEL " +
			"SERIALIZABLE", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET CONSTRAINTS ALL DEFERRED",
		"SET ROLE NONE", "RESET ALL", "DISCARD ALL", "DISCARD TEMP",
		"LISTEN a", "NOTIFY a", "UNLISTEN *", "CREATE TEMP TABLE u (a int)", "CREATE TEMP TABLE u ON COMMIT DROP AS " +
			"SELECT 1", "CREATE TABLE classify.u AS SELECT 1", "DROP TABLE IF EXISTS classify.u",
		"ALTER TABLE classify.t ALTER b SET DEFAULT 'x'", "TRUNCATE classify.t",
		"CREATE INDEX CONCURRENTLY i ON classify.t (b)", "DROP INDEX CONCURRENTLY IF EXISTS classify.i",
		"COMMENT ON TABLE classify.t IS 'x'", "GRANT SELECT ON classify.t TO PUBLIC", "REVOKE SELECT ON classify.t " +
			"FROM PUBLIC", "REASSIGN OWNED BY nobody TO nobody", "IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c",
		"SECURITY LABEL ON TABLE classify.t IS 'x'",
		"ANALYZE classify.t", "ANALYSE classify.t", "VACUUM classify.t", "VACUUM ANALYZE classify.t",
		"REINDEX TABLE classify.t", "REINDEX TABLE CONCURRENTLY classify.t", "CLUSTER classify.t USING t_pkey",
		"REFRESH MATERIALIZED VIEW classify.m", "CHECKPOINT",
		"DECLARE c CURSOR FOR SELECT 1", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DECLARE c CURSOR WITH HOLD FOR " +
			"SELECT 1; FETCH c", "FETCH c", "MOVE c", "CLOSE ALL", "DEALLOCATE ALL", "LOCK TABLE classify.t", "LOAD 'plpgsql'",
		"PREPARE s AS SELECT 1", "PREPARE s AS SELECT 1; EXECUTE s", "PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'",
		"ROLLBACK PREPARED 'x'", "CREATE TABLE classify.w AS EXECUTE s",
		"DO $$BEGIN NULL; END$$", "DO $$BEGIN COMMIT; END$$", "DO $$BEGIN COMMIT AND CHAIN; END$$",
		"DO $$BEGIN ROLLBACK AND CHAIN; PERFORM 1; END$$", "DO $$BEGIN RAISE 'x'; END$$", "DO $$BEGIN EXECUTE " +
			"'BEGIN'; END$$", "DO $$BEGIN EXECUTE 'COMMIT AND CHAIN'; END$$", "DO $$BEGIN EXECUTE 'SAVEPOINT a'; END$$",
		"DO $$BEGIN COMMIT; PERFORM 1/0; END$$", "DO $$BEGIN COMMIT AND CHAIN; PERFORM 1/0; END$$",
		"DO $$BEGIN COMMIT AND CHAIN; SET TRANSACTION READ ONLY; END$$", "DO $$BEGIN BEGIN PERFORM 1/0; EXCEPTION " +
			"WHEN OTHERS THEN NULL; END; COMMIT AND CHAIN; END$$", "DO $$BEGIN CALL classify.chain(); END$$",
		"DO $$BEGIN FOR i IN 1..3 LOOP COMMIT AND CHAIN; END LOOP; END$$", "EXECUTE s", "EXECUTE s(1)",
		"PREPARE s AS BEGIN", "PREPARE s AS CALL classify.chain()", "DO $$BEGIN EXECUTE 'START TRANSACTION'; END$$",
		"do language plpgsql 'begin commit; end'",
		"CALL classify.p()", "CALL classify.c()", "CALL classify.chain()", "CALL classify.s()",
		"call classify.nothing()", "CALL classify.c(); SELECT 1", "SELECT 1; CALL classify.c()",
		"CREATE PROCEDURE classify.q() BEGIN ATOMIC SELECT 1; SELECT 2; END",
		"BEGIN; CALL classify.p()", "BEGIN; CALL classify.c()", "BEGIN ISOLATION LEVEL SERIALIZABLE",
		"BEGIN READ ONLY, DEFERRABLE", "SELECT 1; COMMIT AND CHAIN", "SELECT 1; SAVEPOINT a", "END AND CHAIN",
		"ABORT AND CHAIN", "ABORT", "SELECT $a$;BEGIN;$a$", "SELECT $a$ $$;BEGIN; $$ $a$",
		"SELECT $a$ ' $a$;BEGIN --'", "SELECT a$$;BEGIN --$$", "SELECT 0x1F$$'$$;BEGIN --'", "SELECT $1$$'$$;BEGIN --'",
		"SELECT 1$$'$$;BEGIN --'", "SELECT $é$ ' $é$;BEGIN --'", "SELECT \"\\\";BEGIN --\"", "SELECT 1 # '\n;BEGIN --'",
		"SELECT 1 @/* ' */;BEGIN --'", "SELECT 1 +-- '\n;BEGIN --'",
		"SELECT set_config('search_path', 'x', true)", "SELECT pg_advisory_lock(1)", "SELECT pg_export_snapshot()",
		"SELECT txid_current()", "CREATE DATABASE classify TEMPLATE nothing", "ALTER SYSTEM RESET nothing",
		"CREATE SCHEMA classify_x CREATE TABLE a (b int); DROP SCHEMA classify_x CASCADE",
	}, commonStatements...),
	Dirty: map[string][]string{
		"default": {
			"BEGIN", "START TRANSACTION", "SELECT 1; BEGIN", "BEGIN; COMMIT AND CHAIN", "BEGIN; SELECT x",
			"BEGIN; SELECT 1/0", "/* /* */ */ BEGIN", "-- c\rBEGIN", ";BEGIN", `SELECT '\';BEGIN --'`,
			`SELECT E'\'';BEGIN --'`, "SELECT $a$ ' $a$;BEGIN --'",
			`SELECT 1 AS "\";BEGIN --"`, "SELECT 1 /* /* ' */ */;BEGIN --'", "SELECT 1 --'\r;BEGIN --'",
			"SELECT 1 AS a$$;BEGIN --$$", "SELECT $a$ $$ $a$;BEGIN --$$", "SELECT 1 /* /* */ ' */;BEGIN --'",
			"SELECT 1 # 2;BEGIN", "SELECT OPERATOR(classify.`) 1;BEGIN --`", "SELECT ARRAY[']'];BEGIN --'",
			`SELECT "\" FROM (SELECT 1 AS "\") s;BEGIN --"`,
		},
		"no standard strings": {`SELECT '\'';BEGIN --'`, "SELECT 'a'\n'b\\'';BEGIN --'"},
	},
	Atoms: CommonAtoms,
}

var SQLiteCorpus = Corpus{
	Modes: map[string][]string{
		"default": nil,
		"tables": {"CREATE TABLE t (a INTEGER PRIMARY KEY, b)", "CREATE TABLE u (a)", "CREATE TRIGGER tr AFTER " +
			"INSERT ON t BEGIN INSERT INTO u VALUES (new.a); END", "CREATE VIEW v AS SELECT * FROM t",
			"INSERT INTO t VALUES (1, 'x')"},
	},
	Statements: append([]string{
		"SELECT * FROM t", "INSERT INTO t VALUES (2, 'y')", "INSERT OR ROLLBACK INTO t VALUES (1, 'y')",
		"INSERT OR ABORT INTO t VALUES (1, 'y')", "INSERT OR FAIL INTO t VALUES (2, 'y'), (1, 'y')",
		"UPDATE t SET b='z'", "DELETE FROM t RETURNING a", "REPLACE INTO t VALUES (1, 'z')",
		"WITH c AS (SELECT 3) INSERT INTO t SELECT *, 1 FROM c",
		"VALUES (1), (2)", "EXPLAIN INSERT INTO t VALUES (1, 2)", "EXPLAIN QUERY PLAN SELECT * FROM t",
		"EXPLAIN COMMIT", "EXPLAIN SAVEPOINT a", "EXPLAIN PRAGMA user_version=2", "explain begin immediate",
		"CREATE TABLE w (a)", "CREATE TEMP TABLE w (a)", "CREATE TABLE w AS SELECT 1", "CREATE INDEX i ON t (b)",
		"CREATE VIRTUAL TABLE w USING fts5(a)", "CREATE VIRTUAL TABLE w USING nothing",
		"CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; END", "CREATE TRIGGER x AFTER INSERT ON t BEGIN " +
			"SELECT RAISE(ROLLBACK, 'x'); END; INSERT INTO t VALUES (9, 9)", "ALTER TABLE t ADD c",
		"ALTER TABLE t RENAME TO w", "DROP TABLE t", "DROP VIEW v", "REINDEX", "REINDEX t", "ANALYZE", "ANALYZE t",
		"VACUUM", "VACUUM x", "VACUUM INTO ''",
		"PRAGMA user_version = 3", "PRAGMA journal_mode = WAL", "PRAGMA locking_mode = EXCLUSIVE",
		"PRAGMA wal_checkpoint", "PRAGMA integrity_check", "PRAGMA defer_foreign_keys = on",
		"ATTACH ':memory:' AS y; INSERT INTO t VALUES (8, 8)", "DETACH y", "SELECT load_extension('x')",
		"SELECT writefile('x', 'y')", "SELECT RAISE(ROLLBACK, 'x')",
		"BEGIN DEFERRED", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE TRANSACTION", "BEGIN CONCURRENT", "END TRANSACTION",
		"SAVEPOINT a; RELEASE a", "SAVEPOINT a; ROLLBACK TO a", "SAVEPOINT a; ROLLBACK", "RELEASE a", "SELECT [;BEGIN]",
		"SELECT ['];BEGIN --'", "SELECT []];BEGIN", "SELECT 1 AS [a[];BEGIN", "SELECT 1 AS [a['];BEGIN --'",
		"SELECT $a(';BEGIN;')", "SELECT $a(');BEGIN --')", "SELECT :a(');BEGIN --')", "SELECT @a(');BEGIN --')",
		"SELECT #a(');BEGIN --')", "SELECT $a::b(');BEGIN --')", "SELECT $::a;BEGIN", "SELECT x'00';BEGIN",
		"SELECT x';BEGIN'", "SELECT 1 --\r;BEGIN", "SELECT 1 --\r'\n;BEGIN --'", "SELECT 1/*", "SELECT 1; /*",
		"SELECT 1;\x00BEGIN", "\x00BEGIN", "SELECT 1 \x00;BEGIN",
		"SELECT 1->'$;BEGIN'", "SELECT '{}'->>'$.a;BEGIN'", "SELECT 1 AS `a`` ' `;BEGIN --'",
		"SELECT 1 AS \"a\"\" ' \";BEGIN --'", "/*/BEGIN", "/* */BEGIN/* */", "/*BEGIN*/SELECT 1", "--\nBEGIN\n--",
		"\fBEGIN", "\rBEGIN",
	}, commonStatements...),
	Dirty: map[string][]string{
		"default": {
			"BEGIN", "BEGIN IMMEDIATE", "BEGIN TRANSACTION;", "SAVEPOINT a", "SELECT 1; BEGIN", "SELECT 1; SAVEPOINT a",
			"/* /* */ BEGIN", "--c\nBEGIN", "\ufeffBEGIN", ";;BEGIN", `SELECT '\';BEGIN --'`,
			"SELECT 1 AS ['];BEGIN --'", "SELECT 1 AS `'`;BEGIN --'",
			"SELECT 1 /* /* ' */;BEGIN --'", "SELECT 1 /* /* */;BEGIN -- */", "BEGIN; SELECT x",
		},
	},
	Atoms: append([]string{"$a(", "$a(')", ":a(')", "[a", "AS ['],", "AS [", "x'", "\ufeff"}, CommonAtoms...),
}

var MySQLFixtures = []string{
	"CREATE TABLE classify_t (a int PRIMARY KEY, b text) ENGINE=InnoDB",
	"CREATE TABLE classify_m (a int) ENGINE=MyISAM",
	"CREATE VIEW classify_v AS SELECT * FROM classify_t",
	"CREATE TRIGGER classify_tr AFTER INSERT ON classify_t FOR EACH ROW INSERT INTO classify_m VALUES (NEW.a)",
	"CREATE FUNCTION classify_f() RETURNS int DETERMINISTIC BEGIN REPLACE INTO classify_t VALUES (1, 'f'); RETURN 1; END",
	"CREATE FUNCTION classify_g() RETURNS int DETERMINISTIC BEGIN CALL classify_off(); RETURN 1; END",
	"CREATE FUNCTION classify_h() RETURNS int DETERMINISTIC BEGIN CALL classify_begin(); RETURN 1; END",
	"CREATE PROCEDURE classify_p() SELECT 1",
	"CREATE PROCEDURE classify_off() SET autocommit=0",
	"CREATE PROCEDURE classify_begin() BEGIN START TRANSACTION; REPLACE INTO classify_t VALUES (2, 'p'); END",
	"CREATE PROCEDURE classify_chain() SET completion_type=1",
}

var MySQLLeftovers = []string{
	"DROP VIEW IF EXISTS classify_v", "DROP TABLE IF EXISTS classify_t", "DROP TABLE IF EXISTS classify_m",
	"DROP TABLE IF EXISTS classify_u", "DROP TABLE IF EXISTS classify_w", "DROP TABLE IF EXISTS classify_y",
	"DROP FUNCTION IF EXISTS classify_f", "DROP FUNCTION IF EXISTS classify_g", "DROP FUNCTION IF EXISTS classify_h",
	"DROP FUNCTION IF EXISTS classify_js",
	"DROP PROCEDURE IF EXISTS classify_q",
	"DROP PROCEDURE IF EXISTS classify_p", "DROP PROCEDURE IF EXISTS classify_off",
	"DROP PROCEDURE IF EXISTS classify_begin", "DROP PROCEDURE IF EXISTS classify_chain",
}

var MySQLCorpus = Corpus{
	Modes: map[string][]string{
		"default":              nil,
		"no backslash escapes": {"SET sql_mode = 'NO_BACKSLASH_ESCAPES'"},
		"ANSI quotes":          {"SET sql_mode = 'ANSI_QUOTES'"},
		"neither":              {"SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"},
		"GBK":                  {"SET NAMES gbk"},
		"latin1":               {"SET NAMES latin1"},
	},
	Statements: append([]string{
		"SELECT * FROM classify_t FOR UPDATE", "SELECT * FROM classify_t LOCK IN SHARE MODE", "SELECT classify_f()",
		"SELECT classify_g()", "SELECT classify_h()", "SELECT SLEEP(0), GET_LOCK('classify', 0)", "SELECT 1 INTO @a",
		"SELECT @@autocommit := 0", "SELECT 1 INTO @@autocommit", "SELECT @autocommit := 0",
		"INSERT INTO classify_t VALUES (10, 'x')", "INSERT INTO classify_t SELECT 11, 'x' ON DUPLICATE KEY " +
			"UPDATE b='y'", "INSERT INTO classify_t SET a=12", "UPDATE classify_t SET b='z'",
		"DELETE FROM classify_t WHERE a=10", "DELETE FROM classify_t WHERE a=11 RETURNING a",
		"REPLACE INTO classify_t VALUES (13, 'x')", "REPLACE classify_t SET a=14",
		"WITH c AS (SELECT 1) SELECT * FROM c FOR UPDATE", "TABLE classify_t", "VALUES (1), (2)",
		"LOAD DATA INFILE '/nothing' INTO TABLE classify_t", "LOAD INDEX INTO CACHE classify_m", "SHOW TABLES",
		"SHOW CREATE TABLE classify_t", "SHOW ENGINE INNODB STATUS", "SHOW WARNINGS", "SHOW BINLOG EVENTS",
		"SHOW VARIABLES LIKE 'autocommit'", "EXPLAIN UPDATE classify_t SET b='z'", "EXPLAIN SELECT classify_f()",
		"EXPLAIN FORMAT=JSON SELECT 1", "EXPLAIN CALL classify_off()", "EXPLAIN SET autocommit=0",
		"DESCRIBE classify_t", "DESC classify_t", "DESC SELECT 1", "DESC BEGIN",
		"ANALYZE TABLE classify_t", "ANALYZE UPDATE classify_t SET b='a'", "ANALYZE FORMAT=JSON SELECT classify_f()",
		"ANALYZE BEGIN", "ANALYZE SET autocommit=0", "USE nothing", "USE `nothing`",
		"CREATE TABLE classify_u (a int)", "CREATE TABLE IF NOT EXISTS classify_u AS SELECT * FROM classify_t",
		"CREATE OR REPLACE TABLE classify_u SELECT classify_f()", "CREATE TABLE classify_w (a int) START TRANSACTION",
		"CREATE TEMPORARY TABLE classify_x (a int) ENGINE=InnoDB", "CREATE TEMPORARY TABLE classify_x SELECT * FROM " +
			"classify_t FOR UPDATE", "DROP TEMPORARY TABLE IF EXISTS classify_x", "CREATE INDEX classify_i ON classify_t (a)",
		"CREATE PROCEDURE classify_q() SET autocommit=0", "CREATE PROCEDURE classify_q() BEGIN SET autocommit=0; " +
			"START TRANSACTION; END", "CREATE SEQUENCE classify_s", "DROP SEQUENCE IF EXISTS classify_s",
		"CREATE EVENT classify_e ON SCHEDULE EVERY 1 YEAR DO SET autocommit=0", "DROP EVENT IF EXISTS classify_e",
		"CREATE DATABASE IF NOT EXISTS classify_db", "DROP DATABASE IF EXISTS classify_db",
		"CREATE USER classify_user IDENTIFIED BY 'x'", "ALTER USER classify_user IDENTIFIED BY 'y'",
		"DROP USER IF EXISTS classify_user", "CREATE ROLE classify_role", "DROP ROLE IF EXISTS classify_role",
		"ALTER TABLE classify_t ADD c int", "ALTER TABLE classify_t DROP c", "ALTER DATABASE nothing CHARACTER SET " +
			"utf8mb4", "RENAME TABLE classify_u TO classify_w", "TRUNCATE classify_m", "DROP TABLE IF EXISTS " +
			"classify_u, classify_w", "DROP PREPARE s", "GRANT SELECT ON classify_t TO nobody",
		"REVOKE SELECT ON classify_t FROM nobody",
		"OPTIMIZE TABLE classify_t", "CHECK TABLE classify_t", "CHECKSUM TABLE classify_t", "REPAIR TABLE classify_m",
		"CACHE INDEX classify_m IN hot", "FLUSH STATUS", "KILL 0", "HELP 'x'", "SIGNAL SQLSTATE '45000'", "RESIGNAL",
		"GET DIAGNOSTICS @a = NUMBER", "BINLOG 'x'", "DELIMITER //", "LOCK TABLES classify_t WRITE",
		"LOCK TABLES classify_t READ; SELECT 1", "UNLOCK TABLES", "HANDLER classify_t OPEN",
		"HANDLER classify_t OPEN; HANDLER classify_t READ FIRST", "DO classify_f()", "DO classify_g()",
		"SET NAMES utf8mb4", "SET @a = 1", "SET @a = classify_f()", "SET SESSION sql_mode = ''",
		"SET TRANSACTION READ ONLY", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
		"SET PASSWORD FOR nobody = 'x'", "SET ROLE NONE", "SET \u00e1utocommit=0", "SET autoc\u00f3mmit=0",
		"SET \uff41utocommit=0", "SET `Autocommit`=0", "SET @@ autocommit=0", "SET @@session . autocommit=0",
		"SET auto/**/commit=0", "SET/*!50000 autocommit */=0", "SET @@local.AUTOCOMMIT:=off", "SET @a=1, autocommit=0",
		"SET STATEMENT sql_mode='' FOR SET autocommit=0", "SET STATEMENT max_statement_time=0 FOR CALL classify_off()",
		"SET STATEMENT completion_type=1 FOR BEGIN",
		"BEGIN NOT ATOMIC SELECT 1; END", "BEGIN NOT ATOMIC\nSET autocommit=0;\nEND", "BEGIN SET autocommit=0; END",
		"BEGIN; SET autocommit=0; END", "<<l>> BEGIN SET autocommit=0; END", "l: BEGIN NOT ATOMIC SET " +
			"autocommit=0; END", "truncate: BEGIN NOT ATOMIC SET autocommit=0; END", "DECLARE a int; BEGIN SET " +
			"autocommit=0; END", "IF 1 THEN SET autocommit=0; END IF", "CASE 1 WHEN 1 THEN SET autocommit=0; END CASE",
		"WHILE @@autocommit DO SET autocommit=0; END WHILE", "REPEAT SET autocommit=0; UNTIL 1 END REPEAT",
		"LOOP SET autocommit=0; SELECT x; END LOOP", "FOR i IN 1..2 DO SET autocommit=0; END FOR",
		"FOR i IN 1..2 LOOP SET autocommit=0; END LOOP",
		"CALL classify_p()", "CALL classify_off()", "call classify_begin", "CALL classify_chain()", "classify_off()",
		"classify_off", "EXECUTE IMMEDIATE 'SET autocommit=0'", "EXECUTE IMMEDIATE 'BEGIN'",
		"PREPARE s FROM 'CALL classify_off()'; EXECUTE s", "/*! BEGIN */", "/*!BEGIN*/", "/*!50000 SET autocommit=0 */",
		"/*M! BEGIN */", "/*m! BEGIN */", "/*M!100100 BEGIN */", "/*!999999 BEGIN */", "/*! /* */ BEGIN */",
		"SELECT 1 /*! ;BEGIN */", "SELECT 1 /*! ; */ BEGIN", "/*! */BEGIN", "/*!*/SELECT/*!*/1",
		"/*+ BEGIN */ SELECT 1", "SELECT /*+ SET_VAR(autocommit=0) */ 1", "SELECT /*+ ; BEGIN */ 1",
		"XA START 'classify'", "XA BEGIN 'classify'", "XA START 'classify'; XA END 'classify'", "XA RECOVER",
		"XA COMMIT 'classify'", "SELECT 1; SET autocommit=0", "SELECT 1; CALL classify_off()",
		"INSERT INTO classify_t VALUES (20, ';'); DELETE FROM classify_t WHERE a=20", "SELECT 1;\x00BEGIN",
		"SELECT 1 -- \x00;BEGIN", "-- \x00\nBEGIN", "-- \x00BEGIN", "#\x00BEGIN", "\x00BEGIN", "BEGIN\x00",
		"SELECT @'a\\';BEGIN -- '", "SELECT @'a\\'';BEGIN -- '", "SELECT @`a\\`;BEGIN -- `",
		"SELECT @\"a\\\";BEGIN -- \"", "SELECT '\x81\\';BEGIN -- '", "SELECT '\x81\\'';BEGIN -- '",
		"SELECT `\x81`;BEGIN -- `", "SELECT \x81`;BEGIN -- `", "SELECT '\x81';BEGIN -- '",
		"SELECT \"\xe2\";BEGIN -- \"", "SELECT 1 AS `\xe2`;BEGIN -- `", "SELECT 1 AS `\xe2\x81`;BEGIN -- `",
		"SELECT _binary'\\';BEGIN -- '", "SELECT X'41';BEGIN", "SELECT x'4;BEGIN'", "SELECT b'1';BEGIN",
		"SELECT \\N;BEGIN", "SELECT $$;BEGIN", "SELECT $$ ' $$;BEGIN -- '",
		"SELECT 1 --\u00a0'\n;BEGIN -- '", "SELECT 1 --\xa0'\n;BEGIN -- '",
		"SELECT 1 --\x01'\n;BEGIN -- '", "SELECT 1 --\x7f'\n;BEGIN -- '", "SELECT 1--'\n';BEGIN -- '", "SELECT 1--1;BEGIN",
	}, commonStatements...),
	Dirty: map[string][]string{
		"default": {
			"BEGIN", "BEGIN WORK", "START TRANSACTION", "SELECT 1; BEGIN", "# c\nBEGIN", "--\nBEGIN", "/* /* */ BEGIN",
			"/*! BEGIN */", "/*!50000 SET autocommit=0 */", "SET autocommit=0", "SET `Autocommit`=0",
			"SET @a=1, autocommit=0", "SET/*!50000 autocommit */=0", "SET completion_type=1",
			"CALL classify_off()", "CALL classify_begin()", "CALL classify_chain()",
			"PREPARE s FROM 'CALL classify_off()'; EXECUTE s", "XA START 'classify'", "BEGIN; COMMIT AND CHAIN",
			"COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "SELECT 1 /* /* ' */;BEGIN -- '", "SELECT 1 /* /* */;BEGIN -- */",
			`SELECT '\\';BEGIN -- '`, `SELECT '\'';BEGIN -- '`, "SELECT 1 # '\n;BEGIN -- '", "SELECT 1 --1;BEGIN",
			"SELECT 1 AS `'`;BEGIN -- '",
		},
		"no backslash escapes": {`SELECT '\';BEGIN -- '`, `SELECT "\";BEGIN -- "`},
		"neither":              {`SELECT 1 AS "\";BEGIN -- "`},
		"GBK":                  {"SELECT '\x81\\';BEGIN -- '", "SELECT '\x81\\\\', ';BEGIN -- '"},
		"latin1":               {"SELECT 1 --\xa0'\n;BEGIN -- '"},
	},
	Atoms: append([]string{"'\x81\\'", "`\x81`", "\"é\"", "\x81", "-- \x01'\n", "--\xa0'\n", "@'a\\'", "@", "AS `'`",
		"AS \"a\"", "_utf8'a'", "\\N", "--1", "/*! 1 */"}, CommonAtoms...),
}

// MySQLCorpusOn are the modes of one server of the two, and what leaves something behind there.
var MySQLCorpusOn = map[string]Corpus{
	"MariaDB": {
		Modes: map[string][]string{"Oracle": {"SET sql_mode = 'ORACLE'"}},
		Dirty: map[string][]string{
			"default": {
				"/*M! BEGIN */", "SET STATEMENT completion_type=1 FOR COMMIT", "BEGIN NOT ATOMIC SET autocommit=0; END",
				"IF 1 THEN SET autocommit=0; END IF", "EXECUTE IMMEDIATE 'SET autocommit=0'",
			},
			"Oracle": {"BEGIN SET autocommit=0; END"},
		},
	},
	"MySQL": {
		Dirty: map[string][]string{
			"default": {"CREATE TABLE classify_y (a int) START TRANSACTION", "/*!090000 BEGIN */",
				"CREATE FUNCTION classify_js() RETURNS INT LANGUAGE JAVASCRIPT AS $$ ' $$;BEGIN -- '"},
		},
	},
}

// With is a corpus and more.
func (c Corpus) With(more Corpus) Corpus {
	c.Modes, c.Dirty = maps.Clone(c.Modes), maps.Clone(c.Dirty)
	maps.Copy(c.Modes, more.Modes)
	for mode, statements := range more.Dirty {
		c.Dirty[mode] = append(slices.Clip(c.Dirty[mode]), statements...)
	}
	return c
}
