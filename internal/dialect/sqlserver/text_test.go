package sqlserver_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
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
	pooledtest.CheckLeaves(t, sqlserver.Dialect.Rules, []pooledtest.Leaving{
		{"nothing", leavesNone, []string{"", " ;", "-- c", "--c\r\n", "/* /* */ */"}},
		{"statements that commit by themselves", leavesNone, []string{
			"SELECT 1", "insert t values (1)", "Update t set a=1", "DELETE t",
			"MERGE t USING u ON a=b WHEN MATCHED THEN DELETE;", "WITH c AS (SELECT 1 AS a) SELECT * FROM c",
			"CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "DROP TABLE t", "TRUNCATE TABLE t", "-- c\r\nSELECT 1",
			"/* /* */ */ SELECT 1", ";SELECT 1;",
			"SELECT 1 SELECT 2", "SELECT 'x''y' AS [a b]",
		}},
		{"transactions", leavesTx, []string{
			"BEGIN TRAN", "begin transaction a", "BEGIN DISTRIBUTED TRAN", "COMMIT", "ROLLBACK", "SAVE TRAN a",
			"SELECT 1 BEGIN TRAN", "SELECT 1 bEgIn TrAn", "UPDATE t SET a=1 BEGIN/**/TRANSACTION",
			"SELECT 1 BEGIN SELECT 2 END", "SELECT 'transfer'", "IF 1=1 SELECT 1", "DECLARE @a int", "SET NOCOUNT ON",
			"WHILE 1=0 SELECT 1", "PRINT 'x'", "USE db", "SELECT 1; SELECT 2", "SELECT 1; -- c",
		}},
		{"what can run anything", leavesAny, []string{
			"EXEC p", "execute p", "p", "dbo.p 1", "sp_who", "sys.sp_who", "[p]", "{call p}", "SELECT 1 EXEC p",
			"INSERT t EXEC p", "INSERT t eXeCute p", "SELECT 1 exec('BEGIN TRAN')", "SET IMPLICIT_TRANSACTIONS ON",
			"SELECT 1 set implicit_transactions on", "SELECT 1 SET ANSI_DEFAULTS ON", "set Ansi_Defaults on",
			"BEGIN TRAN SET IMPLICIT_TRANSACTIONS ON", "SELECT sp_x", "SELECT 1 XP_cmdshell", "BEGIN TRAN EXEC p",
			"-- exec\nSELECT 1", "-- SET IMPLICIT_TRANSACTIONS ON",
		}},
		{"unknown words", leavesAny, []string{
			"SELECTX", "SELECT@a", "SELECT#a", "SELECT.a", "(SELECT 1)", "RECEIVE * FROM q", "DBCC CHECKDB",
			"a: SELECT 1", "# c\nSELECT 1", "SELECT 'é'", "-- c\rSELECT 1", "-- a\rb\nSELECT 1", "/* /* */ SELECT 1",
			"DENY SELECT ON t TO u",
		}},
	})
}

func TestTouches(t *testing.T) {
	pooledtest.CheckTouches(t, sqlserver.Dialect.Rules, []pooledtest.Touching{
		{"plain statements", cleanSession, []string{
			"WITH c AS (SELECT 1 AS a) SELECT * FROM c",
			"MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET a = 1;", "UPDATE t SET a += 1",
			"UPDATE t SET t.a = 1", "UPDATE t SET [a] = 1", "UPDATE t SET @v = a = 1", "BEGIN TRAN", "SAVE TRAN a",
			"SELECT * FROM OPENJSON(@p1)", "SELECT reverted, opened, used, resetting FROM t", "SELECT @p1, @@ROWCOUNT",
		}},
		{"all else", touchedSession, []string{
			"SELECT * INTO #t FROM t", "INSERT INTO ##t VALUES (1)", "SET NOCOUNT ON", "SELECT 1 SET NOCOUNT ON",
			"UPDATE t SET a = 1 SET ROWCOUNT 5", "SELECT 1 SET TRANSACTION ISOLATION LEVEL SNAPSHOT",
			"SELECT 1 SET CONTEXT_INFO 0x1", "SELECT 1 SET ROWCOUNT @p1", "SELECT 1 SET/*", "SELECT 1 SET",
			"EXEC sp_getapplock 'x'", "SELECT 1 EXEC sp_set_session_context 'a', 1", "INSERT INTO t EXEC p",
			"SELECT 1 USE master", "SELECT 1 OPEN SYMMETRIC KEY k DECRYPTION BY PASSWORD = 'x'",
			"SELECT 1 DECLARE c CURSOR FOR SELECT 1", "SELECT 1 DBCC TRACEON (1)", "SELECT 1 REVERT",
			"SELECT 1 SETUSER 'x'", "BEGIN EXECUTE AS USER = 'x' END",
			"sp_who", "CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "DROP TABLE t", "TRUNCATE TABLE t",
			"DECLARE @a int", "IF 1=1 SELECT 1", "USE master", "SELECT 1; SELECT 2", "SELECT 'Zürich'",
			"/* /* */ SELECT 1", "(SELECT 1)", "x",
		}},
	})
}
