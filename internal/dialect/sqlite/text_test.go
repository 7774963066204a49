package sqlite_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/sqlite"
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
	pooledtest.CheckLeaves(t, sqlite.Dialect.Rules, []pooledtest.Leaving{
		{"nothing", leavesNone, []string{"", " \t\r\n\v\f", ";", "-- c", "--c", "/* c */", "/* /* */"}},
		{"statements that commit by themselves", leavesNone, []string{
			"SELECT 1", "insert into t values (1)", "Update t set a=1", "DELETE FROM t", "REPLACE INTO t VALUES (1)",
			"WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)",
			"EXPLAIN SELECT 1", "EXPLAIN BEGIN", "CREATE TABLE t (a)", "ALTER TABLE t ADD b", "DROP TABLE t", "REINDEX",
			"ANALYZE", "VACUUM", "SELECT'x'", "SELECT[a]FROM t",
		}},
		{"blanks before", leavesNone, []string{
			"-- c\nSELECT 1", "--c\nSELECT 1", "--c\rBEGIN\nSELECT 1", "/* /* */ SELECT 1", "/*!*/SELECT 1",
			";;SELECT 1",
		}},
		{"one semicolon", leavesNone, []string{"SELECT 1;", "SELECT 1 ; \n;\t", "SELECT 1; --c", "SELECT 1; /* c */"}},
		{"semicolons in quotes and comments", leavesNone, []string{
			"SELECT ';a'", "SELECT 'a;''b;'", `SELECT ";a"`, "SELECT `;a`", "SELECT [;a]", "SELECT [a]['], ';a'",
			"SELECT /* ; */ 1", "SELECT 1 --; a", `SELECT '\', ';a'`, "SELECT ?1, ';a'", "SELECT 'é\\;a'",
		}},
		{"backslashes are bytes", leavesNone, []string{`SELECT '\', ';a'`, `SELECT "\", ';a'`, "SELECT 'é\\', ';a'"}},
		{"transactions", leavesTx, []string{
			"BEGIN", "begin immediate", "BEGIN;", "SAVEPOINT a", "RELEASE a", "COMMIT", "END", "ROLLBACK",
			"ROLLBACK TO a",
		}},
		{"not looked into", leavesTx, []string{"PRAGMA foreign_keys=on", "ATTACH ':memory:' AS a", "DETACH a"}},
		{"unknown words", leavesTx, []string{
			"SELECTX", "SELECT1", "#SELECT 1", "\ufeffSELECT 1", "(BEGIN", "('", "'SELECT'", "/* BEGIN",
			"--\x00\nSELECT 1", "[SELECT]",
		}},
		{"several statements", leavesTx, []string{
			"SELECT 1; SELECT 2", "SELECT 1;BEGIN", "SELECT 1; --c\nBEGIN", "SELECT 1 --'\n; BEGIN --'",
			"SELECT 1 /* /* ' */; BEGIN --'", "SELECT ['], 1; BEGIN --'", `SELECT '\'; BEGIN --'`,
			"SELECT `'`; BEGIN --'",
			"CREATE TRIGGER a AFTER INSERT ON t BEGIN DELETE FROM t; END",
		}},
		{"semicolons better left alone", leavesTx, []string{
			"SELECT $a('); BEGIN --')", "SELECT :a('); BEGIN --')", "SELECT @a('); BEGIN --')",
			"SELECT #a('); BEGIN --')", "SELECT '; BEGIN", "SELECT [; BEGIN", "SELECT /* ; BEGIN", "SELECT \\; BEGIN",
			"SELECT '\x00; a'",
		}},
	})
}

func TestTouches(t *testing.T) {
	pooledtest.CheckTouches(t, sqlite.Dialect.Rules, []pooledtest.Touching{
		{"statements that leave the session alone", cleanSession, []string{
			"REPLACE INTO t VALUES (1)", "WITH c AS (SELECT 1) SELECT * FROM c", "VALUES (1)",
			"EXPLAIN QUERY PLAN SELECT 1", "CREATE TABLE t (a)", "CREATE VIRTUAL TABLE f USING fts5(a)",
			"ALTER TABLE t ADD b", "DROP TABLE t", "REINDEX", "ANALYZE", "VACUUM", "VACUUM INTO 'x'",
			"CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; END", "INSERT INTO t VALUES ('Zürich')",
			"SELECT * FROM pragma_table_info('t')", "SELECT [a b], `c`, \"d\" FROM t", "SELECT @a, :b, $c, ?1",
		}},
		{"transactions", cleanSession, []string{
			"BEGIN", "BEGIN IMMEDIATE", "END", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a",
			"BEGIN; INSERT INTO t VALUES (1); COMMIT",
		}},
		{"settings", touchedSession, []string{
			"PRAGMA cache_size = 5", "PRAGMA foreign_keys", "SELECT 1; PRAGMA foreign_keys = 1",
			"EXPLAIN PRAGMA cache_size = 5", "EXPLAIN QUERY PLAN PRAGMA foreign_keys = 1",
		}},
		{"databases", touchedSession, []string{"ATTACH 'x' AS y", "DETACH y", "SELECT 1; ATTACH 'x' AS y"}},
		{"temporary things", touchedSession, []string{
			"CREATE TEMP TABLE t (a)", "CREATE TEMPORARY TABLE t (a)", "create temp view v as select 1",
			"CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END", "CREATE/**/TEMP/**/TABLE t (a)",
			"EXPLAIN CREATE TEMP TABLE t (a)",
			"CREATE TABLE temp.t (a)", `CREATE TABLE "temp".t (a)`, "CREATE TABLE [temp].t (a)",
			"CREATE TABLE `temp` . t (a)", "CREATE TABLE 'temp'.t (a)", "CREATE TABLE temp /* c */ . t (a)",
			"INSERT INTO temp.t VALUES (1)", "CREATE VIRTUAL TABLE temp.f USING fts5(a)", "CREATE TABLE TEMP.t (a)",
			"SELECT temp /*",
		}},
		{"columns and tables named temp", cleanSession, []string{
			"SELECT temp, temporary FROM r", "CREATE TABLE temp (a)", "CREATE TABLE main.temp (temp)",
			"INSERT INTO r (temp) VALUES (1)", `SELECT "temp" FROM r`,
		}},
		{"functions", touchedSession, []string{
			"SELECT load_extension('x')", "SELECT fts3_tokenizer('x', 'y')", "SELECT eval('x')",
		}},
		{"what can't be told", touchedSession, []string{
			"x", "SELECT $a(';PRAGMA x;')", "SELECT 1;\x00PRAGMA x", "SELECT ';x", "(PRAGMA x)", "-- \x00\nSELECT 1",
		}},
	})
}
