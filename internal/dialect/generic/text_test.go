package generic_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/generic"
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
	pooledtest.CheckLeaves(t, generic.Dialect.Rules, []pooledtest.Leaving{
		{"nothing", leavesNone, []string{"", " ;", "-- c", "/* c */"}},
		{"what is certain everywhere", leavesNone, []string{
			"SELECT 1", "insert into t values (1)", "Update t set a=1", "DELETE FROM t",
		}},
		{"blanks", leavesNone, []string{
			"SELECT 1;", "SELECT 1 ;\n", "-- c\nSELECT 1", "-- c\r\nSELECT 1", "/* c */ SELECT 1", ";SELECT 1",
		}},
		{"where dialects part", leavesAny, []string{
			"--c\nSELECT 1", "-- c\rSELECT 1", "# c\nSELECT 1", "/* /* */ SELECT 1", "/* /* */ */ SELECT 1",
			"/*! SELECT 1 */", "SELECT 1 /*! */", "SELECT 1; SELECT 2", "SELECT 1; -- c", "SELECT ';a'", "SELECT 'é'",
			"(SELECT 1)", "SELECT 1 BEGIN TRAN", "INSERT INTO t EXEC p", "SELECT 1 SET IMPLICIT_TRANSACTIONS ON",
			"SELECT * FROM t FOR UPDATE", "SELECT * FROM t WITH LOCK", "SELECT@a",
		}},
		{"all else", leavesAny, []string{
			"BEGIN", "COMMIT", "SET a = 1", "CREATE TABLE t (a int)", "CALL p()", "WITH c AS (SELECT 1) SELECT 1",
			"VALUES (1)", "REPLACE INTO t VALUES (1)", "EXPLAIN SELECT 1", "x",
		}},
	})
}

func TestTouches(t *testing.T) {
	pooledtest.CheckTouches(t, generic.Dialect.Rules, []pooledtest.Touching{
		{"what is more than everyday somewhere", touchedSession, []string{
			"SELECT set_config('a', 'b', false)", "SELECT GET_LOCK('a', 1)", "SELECT @a := 1",
			"SELECT * INTO #t FROM t", "SELECT 1 SET NOCOUNT ON", "SELECT nextval('s')", "CREATE TABLE t (a int)",
			"EXPLAIN SELECT 1", "SHOW TABLES", "SELECT 1; SELECT 2", "SELECT 'Zürich'", "SELECT load_extension('x')",
			"SELECT rdb$set_context('USER_SESSION', 'a', 'b') FROM rdb$database", "SELECT dbms_session.x FROM dual",
			"SELECT 1 /*! 1 */", "SET a = 1", "USE x", "WITH c AS (SELECT 1) SELECT 1 INTO TEMP t",
			"ALTER SESSION SET a = 1", "/* /* */ SELECT 1", "--c\nSELECT 1", "x", "SELECT 1 INTO --c\nTEMP t",
			"DELETE FROM temp--c\n.t",
		}},
	})
}
