package postgres_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestRepeatable(t *testing.T) {
	pooledtest.CheckRepeatable(t, postgres.Dialect.Rules, []string{
		"INSERT INTO t VALUES ($1) RETURNING id", "insert into t values (1);", " \n ; UPDATE t SET a = ';' ; ",
		"DELETE FROM t", "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", "SELECT f()", "(SELECT 1)", "TABLE t",
		"VALUES (1)", "WITH c AS (DELETE FROM t RETURNING *) SELECT * FROM c", "TRUNCATE t", "CREATE TABLE t (a int)",
		"CREATE INDEX ON t (a)", "ALTER TABLE t ADD b int", "DROP TABLE t, u", "GRANT SELECT ON t TO u",
		"REVOKE SELECT ON t FROM u", "COMMENT ON TABLE t IS 'a; b'", "REFRESH MATERIALIZED VIEW v",
		"UPSERT INTO t VALUES (1)", // CockroachDB's
		"/* trace=1; a /* b; */ c */ INSERT INTO t VALUES (1)", "-- a; b\nINSERT INTO t VALUES (1)",
		"INSERT INTO t VALUES ('a''; b')", "INSERT INTO \"a;b\" VALUES ($$c;d$$)",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $f$ SELECT 1; SELECT 2; $f$",
		"SELECT 'a", "SELECT $a$ b", "INSERT INTO t /* a", // one, however it is read
	}, []string{
		"", ";", "-- INSERT",
		"INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", "SELECT 1; DROP TABLE t;", "SELECT $$a$$; SELECT 2",
		"SELECT $a$ $b$; SELECT 2", "BEGIN; INSERT INTO t VALUES (1); COMMIT",
		"CALL p()", "DO $$ BEGIN DELETE FROM t; END $$", "EXECUTE s", "PREPARE s AS SELECT 1", "DEALLOCATE s",
		"BEGIN", "START TRANSACTION", "COMMIT", "END", "ROLLBACK", "SAVEPOINT a", "SET a = 1", "RESET a", "DISCARD ALL",
		"LOCK t", "LISTEN a", "NOTIFY a", "DECLARE c CURSOR FOR SELECT 1", "FETCH c", "COPY t FROM STDIN", "COPY t TO STDOUT",
		"EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN SELECT 1", "VACUUM", "REINDEX TABLE t", "CLUSTER t", "ANALYZE t",
		"CREATE INDEX CONCURRENTLY ON t (a)", "drop index concurrently i", "ALTER TABLE t DETACH PARTITION u CONCURRENTLY",
		"REFRESH MATERIALIZED VIEW CONCURRENTLY v", "REPLACE INTO t VALUES (1)", "LOAD 'x'", "SHOW a", "INSERTS",
		"INSERT INTO t VALUES (E'a\\'; DELETE FROM t; --')", "SELECT 'a; b", "SELECT $a$; b",
		"INSERT INTO t /* a; b", "\\",
	})
}
