package servertest_test

import (
	"strings"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// state is something that a user can leave behind on its session.
type state struct {
	name  string
	setup []string // run once, by another session
	do    []string // what one user sends; errors are ignored

	// probe is a query that a fresh connection answers otherwise than one with
	// the state. An error is an answer too.
	probe string

	// elsewhere: the probe is asked by another session, which wants a lock.
	elsewhere bool

	// tx: it is in a transaction that was left open.
	tx bool

	// hidden: no statement of the user's shows it, since the server's own
	// code makes it.
	hidden bool

	// absent: this server has nothing of the kind.
	absent bool

	// beyond: what the server calls a full reset leaves it.
	beyond bool

	// What every session begins with: by an option of the DSN, or by pool_init_sql, which the bare driver does not
	// have: there it is sent at once. undo is for setup.
	option, initial string
	undo            []string
}

var postgresStates = []state{
	{name: "open transaction", tx: true, do: []string{"BEGIN", "INSERT INTO leak_rows VALUES (2)"}, probe: pgInTx},
	{name: "failed transaction", tx: true, do: []string{"BEGIN", "SELECT nonsense"}, probe: pgInTx},
	{name: "transaction begun after another statement in one text", tx: true,
		do: []string{"SELECT 1; BEGIN; INSERT INTO leak_rows VALUES (2)"}, probe: pgInTx},
	{name: "transaction begun by COMMIT AND CHAIN", tx: true, do: []string{"BEGIN", "COMMIT AND CHAIN"}, probe: pgInTx},
	{name: "transaction that a procedure could not end", tx: true,
		setup: []string{"CREATE OR REPLACE PROCEDURE leak_commit() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$"},
		do:    []string{"BEGIN", "CALL leak_commit()"}, probe: pgInTx},
	{name: "isolation level of a transaction", tx: true, do: []string{"START TRANSACTION ISOLATION LEVEL " +
		"SERIALIZABLE, READ ONLY"},
		probe: "SHOW transaction_isolation"},
	{name: "SET LOCAL", tx: true, do: []string{"BEGIN", "SET LOCAL work_mem = '1MB'"}, probe: "SHOW work_mem"},
	{name: "row lock", tx: true, do: []string{"BEGIN", "SELECT * FROM leak_rows FOR UPDATE"}, elsewhere: true,
		probe: "SELECT count(*) FROM (SELECT 1 FROM leak_rows FOR UPDATE SKIP LOCKED) x"},
	{name: "LOCK TABLE", tx: true, do: []string{"BEGIN", "LOCK TABLE leak_rows"}, elsewhere: true,
		probe: "DO $$ BEGIN LOCK TABLE leak_rows NOWAIT; END $$"},
	{name: "pg_advisory_xact_lock", tx: true, do: []string{"BEGIN", "SELECT pg_advisory_xact_lock(4711)"}, elsewhere: true,
		probe: "SELECT pg_try_advisory_xact_lock(4711)"},
	{name: "cursor", tx: true, do: []string{"BEGIN", "DECLARE leak CURSOR FOR SELECT 1"}, probe: pgCursors},

	{name: "SET", do: []string{"SET work_mem = '1MB'"}, probe: "SHOW work_mem"},
	{name: "SET of a custom variable", do: []string{"SET leak.tenant = '7'"},
		probe: "SELECT coalesce(current_setting('leak.tenant', true), '')"},
	{name: "SET in a transaction that is committed", do: []string{"BEGIN", "SET work_mem = '1MB'", "COMMIT"},
		probe: "SHOW work_mem"},
	{name: "SET after another statement in one text", do: []string{"SELECT 1; SET work_mem = '1MB'"},
		probe: "SHOW work_mem"},
	{name: "set_config", do: []string{"SELECT set_config('work_mem', '1MB', false)"}, probe: "SHOW work_mem"},
	{name: "search_path", do: []string{"SET search_path = pg_catalog"}, probe: "SHOW search_path"},
	{name: "SET ROLE", setup: pgRole, do: []string{"SET ROLE leak_role"}, probe: "SELECT current_user"},
	{name: "SET SESSION AUTHORIZATION", setup: pgRole, do: []string{"SET SESSION AUTHORIZATION leak_role"},
		probe: "SELECT session_user"},
	{name: "isolation level of the session", do: []string{"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION " +
		"LEVEL SERIALIZABLE"},
		probe: "SHOW transaction_isolation"},
	{name: "read-only session", do: []string{"SET default_transaction_read_only = on"},
		probe: "SHOW transaction_read_only"},
	{name: "time zone", do: []string{"SET TIME ZONE 'Asia/Kolkata'"}, probe: "SHOW timezone"},
	{name: "statement_timeout", do: []string{"SET statement_timeout = '30s'"}, probe: "SHOW statement_timeout"},
	{name: "temporary table", do: []string{"CREATE TEMPORARY TABLE leak_temp (a INT)"}, probe: pgTemporary},
	{name: "temporary table with the name of a real table", do: []string{"CREATE TEMP TABLE leak_rows (a INT)"},
		probe: "SELECT count(*) FROM leak_rows"},
	{name: "table in schema pg_temp", do: []string{"CREATE TABLE pg_temp.leak_temp (a INT)"}, probe: pgTemporary},
	{name: "SELECT INTO TEMP", do: []string{"SELECT 1 AS a INTO TEMP leak_temp"}, probe: pgTemporary},
	{name: "temporary view", do: []string{"CREATE TEMP VIEW leak_temp AS SELECT 1"}, probe: pgTemporary},
	{name: "LISTEN", do: []string{"LISTEN leak"}, probe: "SELECT count(*) FROM pg_listening_channels()"},
	{name: "PREPARE", do: []string{"PREPARE leak AS SELECT 1"},
		probe: "SELECT count(*) FROM pg_prepared_statements WHERE name = 'leak'"},
	{name: "cursor WITH HOLD", do: []string{"DECLARE leak CURSOR WITH HOLD FOR SELECT 1"}, probe: pgCursors},
	{name: "nextval", setup: pgSequence, do: []string{"SELECT nextval('leak_seq')"},
		probe: "SELECT lastval() IS NOT NULL"},
	{name: "setval", setup: pgSequence, do: []string{"SELECT setval('leak_seq', 7)"}, probe: "SELECT currval('leak_seq')"},
	{name: "pg_advisory_lock", do: []string{"SELECT pg_advisory_lock(4712)"}, elsewhere: true,
		probe: "SELECT pg_try_advisory_xact_lock(4712)"},
	{name: "pg_try_advisory_lock_shared", do: []string{"SELECT pg_try_advisory_lock_shared(4713)"}, elsewhere: true,
		probe: "SELECT pg_try_advisory_xact_lock(4713)"},
	{name: "anonymous code block (DO)", probe: "SHOW work_mem",
		do: []string{"DO $$ BEGIN PERFORM set_config('work_mem', '1MB', false); END $$"}},
	{name: "procedure (CALL)", do: []string{"CALL leak_call()"}, probe: "SHOW work_mem",
		setup: []string{"CREATE OR REPLACE PROCEDURE leak_call() LANGUAGE plpgsql AS $$ BEGIN PERFORM " +
			"set_config('work_mem', '1MB', false); END $$"}},

	{name: "existence of a custom variable", beyond: true, do: []string{"SET leak.tenant = '7'"},
		probe: "SELECT current_setting('leak.tenant', true) IS NULL"},

	{name: "function that changes a setting", hidden: true, do: []string{"SELECT leak_set()"}, probe: "SHOW work_mem",
		setup: []string{"CREATE OR REPLACE FUNCTION leak_set() RETURNS text LANGUAGE sql AS $$ SELECT " +
			"set_config('work_mem', '1MB', false) $$"}},
	{name: "function that takes a lock", hidden: true, do: []string{"SELECT leak_lock()"}, elsewhere: true,
		probe: "SELECT pg_try_advisory_xact_lock(4714)",
		setup: []string{"CREATE OR REPLACE FUNCTION leak_lock() RETURNS void LANGUAGE sql AS $$ SELECT " +
			"pg_advisory_lock(4714) $$"}},
	{name: "trigger that changes a setting", hidden: true, do: []string{"INSERT INTO leak_trigger VALUES (1)"},
		probe: "SHOW work_mem",
		setup: []string{"DROP TABLE IF EXISTS leak_trigger", "CREATE TABLE leak_trigger (a INT)",
			`CREATE OR REPLACE FUNCTION leak_trigger() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN PERFORM set_config('work_mem', '1MB', false); RETURN NEW; END $$`,
			"CREATE TRIGGER leak BEFORE INSERT ON leak_trigger FOR EACH ROW EXECUTE FUNCTION leak_trigger()"}},
	{name: "sequence of a column", hidden: true, do: []string{"INSERT INTO leak_serial (a) VALUES (1)"},
		probe: "SELECT lastval() IS NOT NULL",
		setup: []string{"DROP TABLE IF EXISTS leak_serial", "CREATE TABLE leak_serial (id SERIAL, a INT)"}},
}

// mysqlStates are those of MySQL and MariaDB. What a server lacks is absent there.
func mysqlStates(on pooledtest.Facts) []state {
	inTx := "SELECT " + on.InTransaction
	limit, _, _ := strings.Cut(on.TimeLimit, "=")
	return []state{
		{name: "open transaction", tx: true, do: []string{"BEGIN", "INSERT INTO leak_rows VALUES (2)"}, probe: inTx},
		{name: "START TRANSACTION", tx: true, do: []string{"START TRANSACTION WITH CONSISTENT SNAPSHOT"}, probe: inTx},
		{name: "transaction in which a statement failed", tx: true, do: []string{"BEGIN", "SELECT nonsense"}, probe: inTx},
		{name: "transaction begun after another statement in one text", tx: true,
			do: []string{"SELECT 1; BEGIN; INSERT INTO leak_rows VALUES (2)"}, probe: inTx},
		{name: "transaction begun by COMMIT AND CHAIN", tx: true, do: []string{"BEGIN", "COMMIT AND CHAIN"}, probe: inTx},
		{name: "transaction begun by a procedure", tx: true, do: []string{"CALL leak_begin()"}, probe: inTx,
			setup: pooledtest.Anew("PROCEDURE", "leak_begin", "() BEGIN START TRANSACTION; INSERT INTO leak_rows "+
				"VALUES (2); END")},
		{name: "transaction begun by EXECUTE IMMEDIATE", tx: true, absent: !on.ExecuteImmediate,
			do:    []string{"EXECUTE IMMEDIATE 'START TRANSACTION'"},
			probe: inTx},
		{name: "transaction begun by CREATE TABLE … START TRANSACTION (MySQL)", tx: true, absent: !on.CreateAndStart,
			setup: []string{"DROP TABLE IF EXISTS leak_created"},
			do:    []string{"CREATE TABLE leak_created (a INT) START TRANSACTION"},
			probe: inTx},
		{name: "transaction begun by COMMIT, with completion_type set in the DSN", tx: true,
			option: "completion_type=1", do: myCommit, probe: inTx},
		{name: "transaction begun by COMMIT, with completion_type set by `pool_init_sql`", tx: true,
			initial: "SET completion_type = CHAIN", do: myCommit, probe: inTx},
		{name: "transaction begun by COMMIT, with completion_type set by SET GLOBAL", tx: true,
			setup: []string{"SET GLOBAL completion_type = CHAIN"}, undo: []string{"SET GLOBAL completion_type = DEFAULT"},
			do: myCommit, probe: inTx},
		{name: "transaction, autocommit turned off by `pool_init_sql`", tx: true,
			initial: "SET autocommit = 0", do: []string{"INSERT INTO leak_rows VALUES (2)"}, probe: inTx},
		{name: "transaction, autocommit turned off by SET", tx: true, do: []string{"SET autocommit = 0",
			"INSERT INTO leak_rows VALUES (2)"}, probe: inTx},
		{name: "XA transaction", tx: true, do: []string{"XA START 'leak'", "INSERT INTO leak_rows VALUES (2)"}, probe: inTx},
		{name: "SET TRANSACTION for the next transaction", tx: true, do: []string{"SET TRANSACTION READ ONLY"},
			probe: "UPDATE leak_rows SET a = a WHERE a = 0"},
		{name: "row lock", tx: true, do: []string{"BEGIN", "SELECT * FROM leak_rows FOR UPDATE"}, elsewhere: true,
			probe: "SELECT 1 FROM leak_rows FOR UPDATE SKIP LOCKED"},
		{name: "metadata lock", tx: true, do: []string{"BEGIN", "SELECT * FROM leak_rows"}, elsewhere: true,
			probe: on.TableLocked},

		{name: "LOCK TABLES", do: []string{"LOCK TABLES leak_rows WRITE"}, elsewhere: true, probe: on.TableLocked},
		{name: "FLUSH TABLES … WITH READ LOCK", do: []string{"FLUSH TABLES leak_rows WITH READ LOCK"}, elsewhere: true,
			probe: on.TableLocked},
		{name: "LOCK INSTANCE FOR BACKUP (MySQL)", absent: !on.BackupLock, do: []string{"LOCK INSTANCE FOR BACKUP"},
			elsewhere: true, probe: "SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE object_type = 'BACKUP LOCK'"},
		{name: "GET_LOCK", do: []string{"SELECT GET_LOCK('leak', 0)"}, elsewhere: true, probe: "SELECT IS_FREE_LOCK('leak')"},
		{name: "GET_LOCK in a DO", do: []string{"DO GET_LOCK('leak', 0)"}, elsewhere: true,
			probe: "SELECT IS_FREE_LOCK('leak')"},
		{name: "SET @v", do: []string{"SET @leak = 1"}, probe: myVariable},
		{name: "SELECT @v := …", do: []string{"SELECT @leak := 1"}, probe: myVariable},
		{name: "SELECT … INTO @v", do: []string{"SELECT 1 INTO @leak"}, probe: myVariable},
		{name: "@v in an UPDATE", do: []string{"UPDATE leak_rows SET a = (@leak := 1)"}, probe: myVariable},
		{name: "SET of a session variable", do: []string{"SET SESSION sql_select_limit = 7"},
			probe: "SELECT @@sql_select_limit"},
		{name: "SET after another statement in one text", do: []string{"SELECT 1; SET sql_select_limit = 7"},
			probe: "SELECT @@sql_select_limit"},
		{name: "sql_mode", do: []string{"SET sql_mode = 'ANSI_QUOTES'"}, probe: "SELECT @@sql_mode"},
		{name: "time zone", do: []string{"SET time_zone = '+05:30'"}, probe: "SELECT @@time_zone"},
		{name: "max_statement_time, max_execution_time", do: []string{"SET " + on.TimeLimit}, probe: "SELECT @@" + limit},
		{name: "foreign_key_checks", do: []string{"SET foreign_key_checks = 0"}, probe: "SELECT @@foreign_key_checks"},
		{name: "isolation level of the session", do: []string{"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
			probe: "SELECT @@" + on.Isolation},
		{name: "read-only session", do: []string{"SET SESSION TRANSACTION READ ONLY"}, probe: "SELECT @@" + on.ReadOnly},
		{name: "autocommit", do: []string{"SET autocommit = 0"}, probe: "SELECT @@autocommit"},
		{name: "completion_type", do: []string{"SET completion_type = CHAIN"}, probe: "SELECT @@completion_type"},
		{name: "timestamp", do: []string{"SET timestamp = 1"}, probe: "SELECT NOW() < '2000-01-01'"},
		{name: "seeds of RAND", do: []string{"SET rand_seed1 = 1, rand_seed2 = 1"}, probe: "SELECT RAND() < 0.00000001"},
		{name: "insert_id", do: []string{"SET insert_id = 4711"}, probe: "SELECT @@insert_id"},
		{name: "SET NAMES", do: []string{"SET NAMES latin1"}, probe: "SELECT CONCAT(@@character_set_client, " +
			"@@character_set_results, @@collation_connection)"},
		{name: "USE", do: []string{"USE information_schema"}, probe: "SELECT DATABASE()"},
		{name: "SET ROLE", setup: append(pooledtest.Anew("ROLE", "leak_role", ""), "GRANT leak_role TO CURRENT_USER()"),
			do:    []string{"SET ROLE leak_role"},
			probe: "SELECT CURRENT_ROLE()"},
		{name: "temporary table", do: []string{"CREATE TEMPORARY TABLE leak_temp (a INT)"},
			probe: "SELECT count(*) FROM leak_temp"},
		{name: "temporary table with the name of a real table",
			do:    []string{"CREATE TEMPORARY TABLE leak_rows (a INT)"},
			probe: "SELECT count(*) FROM leak_rows"},
		{name: "PREPARE", do: []string{"PREPARE leak FROM 'SELECT 1'"}, probe: "EXECUTE leak"},
		{name: "HANDLER", do: []string{"HANDLER leak_rows OPEN"}, probe: "HANDLER leak_rows READ FIRST"},
		{name: "LAST_INSERT_ID(n)", do: []string{"SELECT LAST_INSERT_ID(4711)"}, probe: "SELECT LAST_INSERT_ID()"},
		{name: "profiling", do: []string{"SET profiling = 1"}, probe: "SELECT @@profiling"},
		{name: "procedure (CALL)", do: []string{"CALL leak_call()"}, probe: myVariable,
			setup: pooledtest.Anew("PROCEDURE", "leak_call", "() SET @leak = 1")},
		{name: "compound statement", absent: !on.Blocks, do: []string{"BEGIN NOT ATOMIC SET @leak = 1; END"},
			probe: myVariable},

		{name: "FOUND_ROWS", beyond: true, do: []string{"SELECT 1 UNION SELECT 2"}, probe: "SELECT FOUND_ROWS()"},
		{name: "SET RESOURCE GROUP (MySQL)", beyond: true, absent: !on.ResourceGroups,
			do:    []string{"CREATE RESOURCE GROUP leak TYPE = USER", "SET RESOURCE GROUP leak"},
			probe: "SELECT resource_group FROM performance_schema.threads WHERE thread_id = PS_CURRENT_THREAD_ID()"},

		{name: "function that sets a variable", hidden: true, do: []string{"SELECT leak_set()"}, probe: myVariable,
			setup: pooledtest.Anew("FUNCTION", "leak_set", "() RETURNS INT BEGIN SET @leak = 1; RETURN 1; END")},
		{name: "function that sets a session variable", hidden: true, do: []string{"SELECT leak_zone()"},
			probe: "SELECT @@time_zone",
			setup: pooledtest.Anew("FUNCTION", "leak_zone", "() RETURNS INT BEGIN SET time_zone = '+05:30'; RETURN 1; END")},
		{name: "function that takes a lock", hidden: true, do: []string{"SELECT leak_lock()"}, elsewhere: true,
			probe: "SELECT IS_FREE_LOCK('leak')",
			setup: pooledtest.Anew("FUNCTION", "leak_lock", "() RETURNS INT RETURN GET_LOCK('leak', 0)")},
		{name: "trigger that sets a variable", hidden: true, do: []string{"INSERT INTO leak_trigger VALUES (1)"},
			probe: myVariable,
			setup: append(pooledtest.Anew("TABLE", "leak_trigger", "(a INT)"),
				"CREATE TRIGGER leak_trigger BEFORE INSERT ON leak_trigger FOR EACH ROW SET @leak = 1")},
		{name: "warnings", hidden: true, do: []string{"SELECT CAST('a' AS SIGNED)"}, probe: "SHOW WARNINGS"},
		{name: "AUTO_INCREMENT", hidden: true, do: []string{"INSERT INTO leak_auto VALUES (NULL)"},
			probe: "SELECT LAST_INSERT_ID() > 0",
			setup: pooledtest.Anew("TABLE", "leak_auto", "(id INT AUTO_INCREMENT PRIMARY KEY)")},
	}
}

var myCommit = []string{"BEGIN", "COMMIT"}
