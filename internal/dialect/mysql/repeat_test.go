package mysql_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestRepeatable(t *testing.T) {
	pooledtest.CheckRepeatable(t, mysql.Dialect.Rules, []string{
		"INSERT INTO t VALUES (1)", "insert into t values (1);", " \n ; REPLACE t VALUES (1) ; ", "UPDATE t SET a = ';'",
		"DELETE FROM t WHERE a = ?", "SELECT 1", "(SELECT 1)", "SELECT * FROM t FOR UPDATE", "TABLE t", "VALUES ROW(1)",
		"WITH c AS (SELECT 1) UPDATE t SET a = 1", "TRUNCATE t", "CREATE TABLE t (a int)", "ALTER TABLE t ADD b int",
		"DROP TABLE t, u", "RENAME TABLE t TO u", "GRANT SELECT ON t TO u", "REVOKE SELECT ON t FROM u",
		"/* trace=1; a */ INSERT INTO t VALUES (1)", "-- a; b\nINSERT INTO t VALUES (1)", "# a; b\nDELETE FROM t",
		"INSERT INTO t VALUES ('a''; b')", "INSERT INTO `a;b` VALUES (\"c;d\")",
		"INSERT /*+ MAX_EXECUTION_TIME(1) */ t VALUES (1)",
		"INSERT INTO t VALUES ('a\\')", "SELECT $1", "SELECT 'a", "INSERT INTO t /* a", // one, however it is read
	}, []string{
		"", ";", "-- INSERT",
		"INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", "SELECT 1; DROP TABLE t;", "INSERT INTO t VALUES (1);;SELECT 1",
		"/*! INSERT INTO t VALUES (1) */", "/*!50000 INSERT */ INTO t VALUES (1)", "/*M! DELETE FROM t */",
		"INSERT INTO t VALUES (1) /*! ; COMMIT */", "UPDATE t SET a = '/*! */'",
		"CALL p()", "DO f()", "EXECUTE s", "EXECUTE IMMEDIATE 'DELETE FROM t'", "PREPARE s FROM 'SELECT 1'",
		"BEGIN", "BEGIN NOT ATOMIC INSERT INTO t VALUES (1); END", "START TRANSACTION", "COMMIT", "ROLLBACK", "SAVEPOINT a",
		"XA START 'a'", "SET a = 1", "SET STATEMENT max_statement_time = 1 FOR INSERT INTO t VALUES (1)", "USE d",
		"LOCK TABLES t WRITE", "UNLOCK TABLES", "FLUSH TABLES", "HANDLER t OPEN", "LOAD DATA LOCAL INFILE 'f' INTO TABLE t",
		"EXPLAIN DELETE FROM t", "ANALYZE DELETE FROM t", "OPTIMIZE TABLE t", "KILL 1", "MERGE t", "INSERTS", "l: BEGIN END",
		"CREATE PROCEDURE p() BEGIN DELETE FROM t; DELETE FROM u; END",
		"INSERT INTO t VALUES ('a\\'; DELETE FROM t; -- ')", "SELECT 'a; b", "SELECT $a$; b$a$",
		"INSERT INTO t /* a; b", "\\", "INSERT INTO t VALUES (1) --x;y",
	})
}
