package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	mysqldialect "github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/dialect/sqlite"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// renamed are statements with the fixtures of this file's tests in place of
// classify's, which may be in use.
func renamed(statements []string) []string {
	changed := make([]string, 0, len(statements))
	for _, q := range statements {
		changed = append(changed, strings.ReplaceAll(q, "classify", "touches"))
	}
	return changed
}

// snapshotRows adds the rows of a query, a name and a value each.
func snapshotRows(ctx context.Context, conn *sql.Conn, state sessionState, query string) error {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		state[name] += value.String + ";"
	}
	return rows.Err()
}

// snapshotProbes adds what queries answer: their one value or their error.
func snapshotProbes(ctx context.Context, conn *sql.Conn, state sessionState, queries []string) error {
	for _, q := range queries {
		var value sql.NullString
		err := conn.QueryRowContext(ctx, q).Scan(&value)
		switch {
		case errors.Is(err, sql.ErrConnDone) || ctx.Err() != nil:
			return err
		case err != nil:
			state[q] = err.Error()
		default:
			state[q] = value.String
		}
	}
	return nil
}

func openSessionPostgres(t *testing.T) *sessionServer {
	db := openBare(t, "postgres", onPostgres.dsn(t))
	prepareServer(t, db, append(renamed(pooledtest.PostgresFixtures), "CREATE SEQUENCE touches.seq"), []string{
		"DROP SCHEMA IF EXISTS touches, touches_y CASCADE", "DROP TABLE IF EXISTS temp",
		"DROP ROLE IF EXISTS touches_role, touches_role2",
	})
	return &sessionServer{
		rules: postgres.Dialect.Rules, corpus: postgresSessionCorpus, db: db, snapshot: snapshotPostgres,
		begin: []string{"DO $$BEGIN END$$"}, // the language's settings come with its first use
	}
}

// snapshotPostgres reads everything DISCARD ALL is about, and more.
func snapshotPostgres(ctx context.Context, conn *sql.Conn) (sessionState, error) {
	state := sessionState{}
	err := snapshotRows(ctx, conn, state, `
		SELECT 'setting ' || name, setting FROM pg_settings WHERE name NOT LIKE 'transaction_%'
		UNION ALL SELECT 'setting a.b', coalesce(current_setting('a.b', true), '')
		UNION ALL SELECT 'setting local.b', coalesce(current_setting('local.b', true), '')
		UNION ALL SELECT 'setting transaction.b', coalesce(current_setting('transaction.b', true), '')
		UNION ALL SELECT 'user', current_user || ' ' || session_user
		UNION ALL SELECT 'prepared ' || name, statement FROM pg_prepared_statements
		UNION ALL SELECT 'cursor ' || name, statement FROM pg_cursors WHERE is_holdable
		UNION ALL SELECT 'channel ' || channel, '' FROM pg_listening_channels() AS channel
		UNION ALL SELECT 'lock ' || classid || ' ' || objid, mode FROM pg_locks 
			WHERE pid = pg_backend_pid() AND locktype = 'advisory'
		UNION ALL SELECT 'temporary relation ' || relname, '' FROM pg_class WHERE relnamespace = pg_my_temp_schema()
		UNION ALL SELECT 'temporary function ' || proname, '' FROM pg_proc WHERE pronamespace = pg_my_temp_schema()
		UNION ALL SELECT 'temporary slot ' || slot_name, '' FROM pg_replication_slots WHERE active_pid = pg_backend_pid()`)
	if err != nil {
		return nil, err
	}
	return state, snapshotProbes(ctx, conn, state, []string{"SELECT lastval()", "SELECT currval('touches.seq')",
		"SELECT pg_replication_origin_session_is_setup()"})
}

var postgresSessionCorpus = sessionCorpus{
	modes: map[string][]string{"alone": nil, "in a transaction": {"BEGIN"}},
	statements: append(renamed(pooledtest.PostgresCorpus.Statements),
		"SET LOCAL work_mem = '1MB'", "SET LOCAL a.b = 'x'", "SET LOCAL ROLE pg_monitor", "SET LOCAL SESSION "+
			"AUTHORIZATION pg_monitor", "SET LOCAL TIME ZONE 'UTC'", "SET LOCAL TRANSACTION READ ONLY",
		"SET TRANSACTION READ ONLY", "SET CONSTRAINTS ALL DEFERRED",
		"SET LOCAL a.b = 'x'; SELECT 1", "BEGIN; SET LOCAL a.b = 'x'; COMMIT", "BEGIN; SET LOCAL ROLE pg_monitor",
		"SELECT 1; SET LOCAL a.b = 'x'; SAVEPOINT a", `SET LOCAL "a"."b" = 'x'`, "SET local = 1", "SET local.b = 'x'",
		"SET /* c */ local . b TO 'x'", "SET transaction.b = 'x'", "SET constraints.b = 'x'",
		"BEGIN; SAVEPOINT a; SET LOCAL a.b = 'x'; RELEASE a; COMMIT", "BEGIN; SET LOCAL a.b = 'x'; COMMIT AND CHAIN",
		"EXPLAIN DECLARE c CURSOR WITH HOLD FOR SELECT 1", "EXPLAIN ANALYZE DECLARE c CURSOR WITH HOLD FOR SELECT 1",
		"DECLARE c CURSOR FOR SELECT 1", "DECLARE c SCROLL CURSOR WITHOUT HOLD FOR SELECT 1", "EXPLAIN EXECUTE s",
		"EXPLAIN ANALYZE CREATE TABLE touches.x AS SELECT 1", "DROP TABLE IF EXISTS touches.x",
		"EXPLAIN (ANALYZE) SELECT 1 AS a INTO touches.x", "DROP TABLE IF EXISTS touches.x",
		"SELECT 1 AS temp INTO touches.temp", "SELECT temp INTO touches.x FROM touches.temp",
		`SELECT 1 AS a INTO "temp"`, "SELECT 1 AS a INTO temp", "CREATE TABLE temp (temp int)",
		"DROP TABLE IF EXISTS temp, touches.temp, touches.x", "SELECT 1 AS a INTO LOCAL /* c */ TEMP t",
		"CREATE OR REPLACE TEMP VIEW v AS SELECT 1", "CREATE SCHEMA touches_y CREATE TABLE a (b int)",
		"DROP SCHEMA IF EXISTS touches_y",
		"SELECT pg_catalog.currval('touches.seq')", "SELECT * FROM touches.seq", "ALTER SEQUENCE touches.seq RESTART",
		"SELECT pg_sequence_last_value('touches.seq')", "SELECT lastval()",
		"SELECT pg_notify('a', 'b')", "SELECT current_setting('work_mem')", "SELECT random()",
		"SELECT pg_stat_clear_snapshot()", "SELECT pg_stat_force_next_flush()", "SELECT lo_creat(-1)",
		"SELECT lo_close(0)", "SELECT lo_unlink(oid) FROM pg_largeobject_metadata", "SELECT txid_status(1)",
		"SELECT pg_current_wal_lsn()", "SELECT gen_random_uuid()", "SELECT table_to_xml('touches.t', true, false, '')",
		"SELECT pg_jit_available()",
		"CREATE ROLE touches_role", "ALTER ROLE touches_role SET work_mem = '1MB'", "ALTER ROLE touches_role RENAME "+
			"TO touches_role2", "GRANT touches_role2 TO CURRENT_USER", "DROP ROLE IF EXISTS touches_role, "+
			"touches_role2", "ALTER TABLE touches.t SET (fillfactor = 90)", "CREATE FUNCTION touches.g() RETURNS int "+
			"LANGUAGE sql SET work_mem = '1MB' AS 'SELECT 1'", "SELECT touches.g()", "CREATE STATISTICS touches.st "+
			"ON a, b FROM touches.t", "CREATE TABLE touches.y (a int GENERATED ALWAYS AS IDENTITY)",
		"TRUNCATE touches.y RESTART IDENTITY",
		"UPDATE touches.t SET b = '\u0130stanbul'", "SELECT '\u00fc'", "COMMENT ON TABLE touches.t IS NULL",
		"MOVE ALL IN c", "CLOSE c", "COPY (SELECT * FROM touches.t) TO '/dev/null'", "SELECT $1", "SELECT 1 \\; SELECT 2",
	),
	touching: []string{
		"SET work_mem = '1MB'", "SET a.b = 'x'", "set SESSION a.b = 'x'", "SET local.b = 'x'", "SET local . b = 'x'",
		"SET transaction.b = 'x'", "SET ROLE pg_monitor", "SET SESSION AUTHORIZATION pg_monitor", "SET NAMES 'latin1'",
		"SET TIME ZONE 'Asia/Tokyo'", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET search_path = touches",
		"SELECT 1; SET a.b = 'x'", "BEGIN; SET a.b = 'x'; COMMIT", "BEGIN; SET a.b = 'x'",
		"SET LOCAL a.b = 'x'; SET a.b = 'y'", "SELECT '\\';SET a.b = 1 --'",
		"SELECT set_config('a.b', 'x', false)", `SELECT "set_config"('a.b', 'x', false)`,
		`SELECT U&"\0073et_config"('a.b', 'x', false)`, "WITH c AS MATERIALIZED (SELECT set_config('a.b', 'x', " +
			"false)) SELECT * FROM c", "VALUES (set_config('a.b', 'x', false))", "INSERT INTO touches.t SELECT 50, " +
			"set_config('a.b', 'x', false)", "COPY (SELECT set_config('a.b', 'x', false)) TO '/dev/null'",
		"EXPLAIN ANALYZE SELECT set_config('a.b', 'x', false)",
		"UPDATE pg_settings SET setting = '1MB' WHERE name = 'work_mem'",
		"EXPLAIN ANALYZE UPDATE pg_settings SET setting = '1MB' WHERE name = 'work_mem'",
		"SELECT query_to_xml('SELECT set_' || 'config(''a.b'', ''x'', false)', true, false, '')",
		"SELECT query_to_xml_and_xmlschema('SELECT set_' || 'config(''a.b'', ''x'', false)', true, false, '')",
		"SELECT * FROM ts_stat('SELECT to_tsvector(set_' || 'config(''a.b'', ''x'', false))')",
		"SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, set_' || 'config(''a.b'', ''x'', false)::tsquery')",
		"SELECT pg_advisory_lock(77001)", "SELECT pg_advisory_lock_shared(77002)", "SELECT pg_try_advisory_lock(7, 7)",
		"SELECT nextval('touches.seq')", "SELECT setval('touches.seq', 5)",
		"CREATE TEMP TABLE u (a int)", "CREATE LOCAL TEMPORARY TABLE u AS SELECT 1", "CREATE TEMP SEQUENCE u",
		"CREATE OR REPLACE TEMP VIEW u AS SELECT 1", "SELECT 1 AS a INTO TEMP u", "SELECT 1 AS a INTO TEMPORARY " +
			"TABLE u", "SELECT 1 AS a INTO LOCAL TEMP u", "EXPLAIN ANALYZE CREATE TEMP TABLE u AS SELECT 1",
		"CREATE TABLE pg_temp.u (a int)", "CREATE FUNCTION pg_temp.u() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		`CREATE TABLE "pg_temp".u (a int)`, `CREATE TABLE U&"pg\005ftemp".u (a int)`,
		"CREATE /* c */ TEMP -- c\n TABLE u (a int)", "WITH c AS (SELECT 1 AS a) SELECT * INTO TEMP u FROM c",
		"LISTEN a", "PREPARE s AS SELECT 1", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DO $$BEGIN PERFORM " +
			"set_config('a.b', 'x', false); END$$", "SELECT pg_create_physical_replication_slot('touches_' || " +
			"pg_backend_pid(), true, true)",
	},
	endings:  []string{"SET a.b = 'x'", "SET/**/a.b = 'x'", "CREATE TEMP TABLE u (a int)", "PREPARE s AS SELECT 1"},
	settings: pooledtest.PostgresCorpus.Modes,
	atoms:    pooledtest.CommonAtoms,
}

func openSessionMySQL(t *testing.T) *sessionServer {
	db := openMultiMySQL(t)
	on := pooledtest.MySQLFacts(t)
	fixtures := append(renamed(pooledtest.MySQLFixtures), "CREATE TABLE touches_other (a int)")
	if on.Sequences {
		fixtures = append(fixtures, "CREATE SEQUENCE IF NOT EXISTS touches_seq")
	}
	prepareServer(t, db, fixtures, append(renamed(pooledtest.MySQLLeftovers), "DROP TABLE IF EXISTS touches_other",
		"DROP SEQUENCE IF EXISTS touches_seq", "DROP DATABASE IF EXISTS touches_default"))
	corpus := mysqlSessionCorpus
	corpus.touching = append(slices.Clip(corpus.touching), mysqlTouchingOn[on.Name]...)
	corpus.settings = pooledtest.MySQLCorpus.With(pooledtest.MySQLCorpusOn[on.Name]).Modes
	return &sessionServer{rules: mysqldialect.Dialect.Rules, corpus: corpus, db: db, snapshot: snapshotMySQL}
}

// What SHOW VARIABLES says of the last statement, the clock and the server.
var mysqlVolatile = []string{"timestamp", "error_count", "warning_count", "rand_seed", "gtid_", "last_gtid",
	"in_transaction", "pseudo_", "innodb_", "wsrep_", "in_predicate", "statement_id"}

// mysqlProbes ask for what no table shows. The names are those the corpus uses.
var mysqlProbes = []string{
	"SELECT LAST_INSERT_ID()", "SELECT DATABASE()", "SELECT CURRENT_ROLE()", "SELECT @a", "SELECT @b", "SELECT @`a b`",
	"SELECT IS_USED_LOCK('touches') = CONNECTION_ID()", "SELECT LASTVAL(touches_seq)",
	"SELECT COUNT(*) * 0 FROM touches_other", "SELECT 1 FROM touches_x LIMIT 1", "HANDLER touches_m READ NEXT",
	"EXECUTE s",
	"COMMIT", // refused within XA
}

func snapshotMySQL(ctx context.Context, conn *sql.Conn) (sessionState, error) {
	state := sessionState{}
	if err := snapshotRows(ctx, conn, state, "SHOW SESSION VARIABLES"); err != nil {
		return nil, err
	}
	maps.DeleteFunc(state, func(name, _ string) bool {
		return slices.ContainsFunc(mysqlVolatile, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	})
	return state, snapshotProbes(ctx, conn, state, mysqlProbes)
}

var mysqlSessionCorpus = sessionCorpus{
	modes: map[string][]string{"alone": nil, "in a transaction": {"BEGIN"}},
	statements: append(renamed(pooledtest.MySQLCorpus.Statements),
		"SELECT @@a", "SELECT @@session.sql_mode", "SELECT @@@a", "SELECT @ @a := 1", "SELECT @@ a := 1",
		"SELECT 'a@b', \"a@b\", `a@b`", "SELECT 1 INTO @@sort_buffer_size", "SELECT @@sort_buffer_size := 5",
		"SELECT @@session.sort_buffer_size := 5", "SELECT 1 INTO @@session.sort_buffer_size", "SELECT '@a:=1'",
		"SELECT 'a', @@autocommit -- @a := 1",
		"SELECT LAST_INSERT_ID()", "SELECT last_insert_id /* c */ ( /* c */ )", "SELECT last_insert_id",
		"INSERT INTO touches_t VALUES (LAST_INSERT_ID() + 100, 'x')", "SELECT @@last_insert_id, @@identity",
		"SELECT last_insert_id--1(5)", "SELECT touches.last_insert_id(5)",
		"SELECT g\u00e9t_lock('touches', 0)", "SELECT GET_LOC\u212a('touches', 0)", "SELECT last_\u0130nsert_id(5)",
		"SELECT l\u00e5st_insert_id(5)", "SELECT `g\u00e9t_lock`('touches', 0)", "SELECT IS_FREE_LOCK('touches')",
		"SELECT next value for touches_other", "SELECT previous value for touches_seq", "SELECT LASTVAL(touches_seq)",
		"SELECT next FROM touches_other", "ALTER SEQUENCE touches_seq RESTART", "SHOW CREATE SEQUENCE touches_seq",
		"CREATE TABLE touches_y (a int AUTO_INCREMENT PRIMARY KEY)", "DROP TABLE IF EXISTS touches_y",
		"CREATE TABLE touches_y SELECT 1 AS temporary_a", "TRUNCATE touches_y", "RENAME TABLE touches_y TO touches_z",
		"DROP TABLE IF EXISTS touches_z", "CREATE DATABASE touches_default", "USE touches_default",
		"DROP DATABASE touches_default", "ALTER DATABASE touches_default CHARACTER SET latin1",
		"ANALYZE TABLE touches_t", "OPTIMIZE TABLE touches_m", "CHECK TABLE touches_t", "CHECKSUM TABLE touches_t",
		"REPAIR TABLE touches_m", "LOAD INDEX INTO CACHE touches_m", "GRANT SELECT ON touches_t TO CURRENT_USER",
		"SHOW STATUS LIKE 'x'", "SHOW ANALYZE FOR 0", "EXPLAIN FORMAT=JSON SELECT 1", "DESCRIBE touches_t",
		"DESC SELECT 1", "EXPLAIN UPDATE touches_t SET a = 1",
		"BEGIN; INSERT INTO touches_t VALUES (60, 'x'); ROLLBACK", "BEGIN WORK", "START TRANSACTION WITH CONSISTENT "+
			"SNAPSHOT", "START TRANSACTION READ ONLY", "COMMIT RELEASE", "SAVEPOINT a; RELEASE SAVEPOINT a",
		"COMMIT AND CHAIN", "SELECT 1; SELECT 2", "TABLE touches_t", "VALUES (1)", "WITH c AS (SELECT 1) SELECT "+
			"* FROM c", "truncate : BEGIN NOT ATOMIC SET @a = 1; END", "check: LOOP SET @a = 1; END LOOP",
		"INSERT INTO touches_t VALUES (70, 'Z\u00fcrich'), (71, 'a@b')", "SELECT 'it''s @a', 1",
		"SELECT SQL_CALC_FOUND_ROWS 1", "SELECT FOUND_ROWS(), ROW_COUNT()", "SELECT RAND(5)", "SELECT BENCHMARK(1, 1)",
		"SELECT USER(), CONNECTION_ID()", "SELECT 1 FROM touches_t PROCEDURE ANALYSE()",
		"SELECT 1 LIMIT ROWS EXAMINED 5", "HANDLER touches_m CLOSE",
	),
	touching: []string{
		"SET @a = 1", "SET sort_buffer_size = 65536", "SET SESSION sql_mode = ''", "SET NAMES latin1",
		"SET autocommit = 0", "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "BEGIN; SET @a = 1; COMMIT",
		"SELECT 1; SET @a = 1", "/*! SET @a = 1 */",
		"SELECT 1 /*!, @a := 1 */",
		"SELECT @a := 1", "SELECT @`a b` := 1", "SELECT @'a' := 1", "SELECT 'x', @\"a\":=1", "SELECT 1 INTO @a",
		"SELECT @@autocommit, @a := 1", "INSERT INTO touches_t VALUES (80, @a := 1)", "UPDATE touches_t SET b = (@a " +
			":= 1) LIMIT 1", "DELETE FROM touches_t WHERE (@a := 1) = 2", "SELECT 1 -- '\n, @a := 1",
		"SELECT '\\'', @a := 1", "SELECT 'x' /* ' */, @a := 1 /* ' */", "SELECT 1 # '\n, @a := 1",
		"SELECT 1 AS \u00e9, @a := 1", "WITH c AS (SELECT 1) SELECT @a := 1 FROM c",
		"REPLACE INTO touches_t VALUES (81, @a := 1)",
		"SELECT GET_LOCK('touches', 0)", "SELECT `get_lock`('touches', 0)", "SELECT 1 WHERE get_lock /* c */ " +
			"('touches', 0)", "INSERT INTO touches_t VALUES (82, GET_LOCK('touches', 0))", "DO GET_LOCK('touches', 0)",
		"SELECT LAST_INSERT_ID(5)", "SELECT last_insert_id ( /* c */ 5)", "SELECT `last_insert_id`(5)",
		"UPDATE touches_t SET b = LAST_INSERT_ID(7)", "CREATE TEMPORARY TABLE touches_x SELECT 1",
		"CREATE /* c */ TEMPORARY TABLE touches_x (a int)",
		"CREATE DATABASE IF NOT EXISTS touches_default; USE touches_default", "USE touches_default; DROP DATABASE " +
			"touches_default", "USE information_schema", "PREPARE s FROM 'SELECT 1'", "LOCK TABLES touches_t READ",
		"HANDLER touches_m OPEN", "XA START 'touches'", "CALL touches_off()",
	},
	endings: []string{"SET @a = 1", "SELECT @a := 1", "SELECT 1 INTO @a", ", @a := 1", ", @'a':=1", "SELECT 1,@a:=1,",
		"PREPARE s FROM 'SELECT 1'"},
	atoms: append([]string{"'@a'", "@@autocommit", "'\u00e9'", "@a:=1", "`@`"}, pooledtest.MySQLCorpus.Atoms...),
}

// mysqlTouchingOn are more of them, which only one server of the two has.
var mysqlTouchingOn = map[string][]string{
	"MariaDB": {
		"BEGIN NOT ATOMIC SET @a = 1; END", "/*M!100000 SET @a = 1 */", "VALUES (@a := 1)",
		"ANALYZE FORMAT=JSON SELECT @a := 1", "SELECT NEXTVAL(touches_seq)", "SELECT NEXT VALUE FOR touches_seq",
		"SELECT next /* c */ value\nfor touches_seq", "CREATE OR REPLACE /* c */ TEMPORARY TABLE touches_x (a int)",
		"SET STATEMENT sort_buffer_size = 65536 FOR SELECT @a := 1", "EXECUTE IMMEDIATE 'SET @a = 1'",
	},
	"MySQL": {
		"VALUES ROW(@a := 1)", "VALUES ROW(5) INTO @a", "EXPLAIN FORMAT=JSON INTO @a SELECT 1",
		"EXPLAIN ANALYZE SELECT @a := 1", "/*!080000 SET @a = 1 */",
	},
}

func openSessionSQLite(t *testing.T) *sessionServer {
	return &sessionServer{
		rules: sqlite.Dialect.Rules, corpus: sqliteSessionCorpus, db: openBare(t, "sqlite", ":memory:"),
		snapshot: snapshotSQLite,
		begin:    []string{"CREATE TABLE t (a INTEGER PRIMARY KEY, b)", "CREATE TABLE r (temp, temporary)"},
	}
}

func snapshotSQLite(ctx context.Context, conn *sql.Conn) (sessionState, error) {
	state := sessionState{}
	for _, q := range []string{
		"SELECT 'temporary ' || name, sql FROM sqlite_temp_schema",
		"SELECT 'database ' || name, '' FROM pragma_database_list WHERE name <> 'temp'",
	} {
		if err := snapshotRows(ctx, conn, state, q); err != nil {
			return nil, err
		}
	}
	var probes []string
	for _, p := range []string{
		"cache_size", "busy_timeout", "foreign_keys", "recursive_triggers", "synchronous", "temp_store", "query_only",
		"reverse_unordered_selects",
		"locking_mode", "journal_mode", "secure_delete", "ignore_check_constraints", "legacy_alter_table", "analysis_limit",
	} {
		probes = append(probes, "PRAGMA "+p)
	}
	probes = append(probes, "SELECT 'a' LIKE 'A'") // PRAGMA case_sensitive_like can't be read
	return state, snapshotProbes(ctx, conn, state, probes)
}

var sqliteSessionCorpus = sessionCorpus{
	modes: map[string][]string{"alone": nil, "in a transaction": {"BEGIN"}},
	statements: append(append([]string{}, pooledtest.SQLiteCorpus.Statements...),
		"SELECT temp, temporary FROM r", "CREATE TABLE temp (a)", "INSERT INTO temp VALUES (1)",
		"CREATE TABLE main.temporary (a)", `CREATE TABLE "temporary" (temp)`, "DROP TABLE temp",
		"SELECT * FROM pragma_table_info('t')", "SELECT * FROM pragma_busy_timeout(55)", "SELECT * FROM "+
			"pragma_cache_size(55)", "SELECT * FROM pragma_cache_size(55, 'main')", "SELECT * FROM "+
			"pragma_foreign_keys(1)", "SELECT * FROM pragma_query_only('1')",
		"SELECT * FROM pragma_journal_mode('off')", "SELECT * FROM pragma_synchronous('0')",
		"EXPLAIN SELECT 1", "EXPLAIN QUERY PLAN SELECT * FROM t", "EXPLAIN ATTACH ':memory:' AS x",
		"EXPLAIN CREATE TABLE x (a)", "EXPLAIN VACUUM", "ANALYZE main", "REINDEX main.t", "CREATE VIEW v AS SELECT 1",
		"CREATE TABLE temporal.x (a)", "ALTER TABLE r RENAME temp TO temp2", "SELECT * FROM sqlite_temp_master",
		"CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END",
	),
	touching: []string{
		"PRAGMA cache_size = 55", "PRAGMA foreign_keys = 1", "PRAGMA query_only(1)", "PRAGMA case_sensitive_like = 1",
		"pragma main.synchronous = 0", "SELECT 1; PRAGMA cache_size = 55", "EXPLAIN PRAGMA cache_size = 55",
		"EXPLAIN QUERY PLAN PRAGMA busy_timeout = 55", "EXPLAIN /* c */ PRAGMA foreign_keys = 1",
		"ATTACH ':memory:' AS x", "SELECT 1; ATTACH ':memory:' AS x", "CREATE TEMP TABLE x (a)",
		"CREATE TEMPORARY TABLE x AS SELECT 1", "CREATE TEMP VIEW x AS SELECT 1", "CREATE TEMP TRIGGER x AFTER " +
			"INSERT ON t BEGIN SELECT 1; END", "CREATE/**/TEMP/**/TABLE x (a)", "CREATE TABLE temp.x (a)",
		`CREATE TABLE "temp".x (a)`, "CREATE TABLE [TEMP].x (a)", "CREATE TABLE `temp` . x (a)",
		"CREATE TABLE 'temp'.x (a)", "CREATE TABLE temp -- c\n . x (a)", "CREATE VIRTUAL TABLE temp.x USING fts5(a)",
		"CREATE TRIGGER temp.x AFTER INSERT ON t BEGIN SELECT 1; END",
		"SELECT 1 AS ['];PRAGMA cache_size = 55 --'", "SELECT '\\';PRAGMA cache_size = 55 --'",
	},
	endings:  []string{"PRAGMA cache_size = 55", "ATTACH ':memory:' AS x", "CREATE TEMP TABLE x (a)"},
	settings: map[string][]string{"default": nil},
	atoms:    pooledtest.SQLiteCorpus.Atoms,
}

// openMultiMySQL opens bare connections that take several statements at once,
// and that break without a word in the log.
func openMultiMySQL(t *testing.T) *sql.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(onMySQL.dsn(t))
	if err != nil {
		t.Fatalf("DSN: %v", err)
	}
	cfg.MultiStatements = true
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatalf("connector: %v", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(-1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
