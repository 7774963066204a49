package servertest_test

import (
	"testing"
)

// Whoever changes a table, a view, a function or a type, the program sees what it would see without the cache.
func TestStmtCacheDefinitionsChange(t *testing.T) {
	insert := "INSERT INTO cache_stale (a) VALUES ($1)"
	onPostgres.run(t, []story{
		{"add column", staleTable, join(thrice(allStale, 1), other("ALTER TABLE cache_stale ADD c VARCHAR(9) DEFAULT 'c'"),
			thrice(allStale, 1)), staleClean},
		{"drop column", staleTable, join(thrice(allStale, 1), other("ALTER TABLE cache_stale DROP b"),
			thrice(allStale, 1)), staleClean},
		{"drop a column that is named", staleTable, join(thrice("SELECT b FROM cache_stale WHERE a = $1", 1),
			other("ALTER TABLE cache_stale DROP b"), thrice("SELECT b FROM cache_stale WHERE a = $1", 1),
			other("ALTER TABLE cache_stale ADD b TEXT"), thrice("SELECT b FROM cache_stale WHERE a = $1", 1)), staleClean},
		{"rename column", staleTable, join(thrice(allStale, 1), other("ALTER TABLE cache_stale RENAME b TO c"),
			thrice(allStale, 1)), staleClean},
		{"type of a column", staleTable, join(thrice(allStale, 1), other("ALTER TABLE cache_stale ALTER b TYPE TEXT"),
			thrice(allStale, 1)), staleClean},
		{"type modifier of a column", staleTable + "; ALTER TABLE cache_stale ALTER b TYPE NUMERIC(5,2)",
			join(thrice(allStale, 1), other("ALTER TABLE cache_stale ALTER b TYPE NUMERIC(9,3)"), thrice(allStale, 1)),
			staleClean},
		{"type of what an argument is compared with", staleTable, join(thrice("SELECT b FROM cache_stale WHERE a = $1",
			1), other("ALTER TABLE cache_stale ALTER a TYPE TEXT"), thrice("SELECT b FROM cache_stale WHERE a = $1",
			"x")), staleClean},
		{"wider type of an argument", staleTable, join(thrice(insert, 1), other("ALTER TABLE cache_stale ALTER a "+
			"TYPE BIGINT"), thrice(insert, 5_000_000_000), use(allStale, 0)), staleClean},
		{"number to numeric", staleTable, join(thrice(insert, 1), other("ALTER TABLE cache_stale ALTER a TYPE NUMERIC"),
			thrice(insert, 1.5), use(allStale, 0)), staleClean},
		{"number to text", staleTable, join(thrice(insert, 1), other("ALTER TABLE cache_stale ALTER a TYPE TEXT"),
			thrice(insert, "x"), use("SELECT a FROM cache_stale WHERE 1 = $1::int", 1)), staleClean},
		{"drop and create", staleTable, join(thrice(allStale, 1), other("DROP TABLE cache_stale; "+staleTable),
			thrice(allStale, 1), other("DROP TABLE cache_stale; CREATE TABLE cache_stale (a INT, c TEXT)"),
			thrice(allStale, 1), other("DROP TABLE cache_stale"), thrice(allStale, 1), other(staleTable),
			thrice(allStale, 1)), staleClean},
		{"two tables change places", staleTable + "; CREATE TABLE cache_stale2 (a INT, b TEXT)",
			join(thrice(allStale, 1), other("ALTER TABLE cache_stale RENAME TO cache_stale3; ALTER TABLE "+
				"cache_stale2 RENAME TO cache_stale"), thrice(allStale, 1)), staleClean +
				"; DROP TABLE IF EXISTS cache_stale2, cache_stale3"},
		{"view", staleTable + "; CREATE VIEW cache_stale_v AS SELECT a FROM cache_stale",
			join(thrice("SELECT * FROM cache_stale_v WHERE a >= $1 ORDER BY 1", 1), other("CREATE OR REPLACE VIEW "+
				"cache_stale_v AS SELECT a, b FROM cache_stale"), thrice("SELECT * FROM cache_stale_v WHERE a >= $1 "+
				"ORDER BY 1", 1), other("DROP VIEW cache_stale_v; CREATE VIEW cache_stale_v AS SELECT a::text AS x, "+
				"a FROM cache_stale"), thrice("SELECT * FROM cache_stale_v WHERE a >= $1 ORDER BY 1", 1)), staleClean},
		{"function", "CREATE FUNCTION cache_stale_f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
			join(thrice("SELECT cache_stale_f($1)", 1), other("CREATE OR REPLACE FUNCTION cache_stale_f(int) RETURNS "+
				"int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1'"), thrice("SELECT cache_stale_f($1)", 1),
				other("DROP FUNCTION cache_stale_f; CREATE FUNCTION cache_stale_f(int) RETURNS text LANGUAGE sql AS "+
					"'SELECT $1::text'"), thrice("SELECT cache_stale_f($1)", 1)),
			"DROP FUNCTION IF EXISTS cache_stale_f(int), cache_stale_f(text)"},
		{"function's argument", "CREATE FUNCTION cache_stale_f(int) RETURNS int LANGUAGE sql AS 'SELECT $1'",
			join(thrice("SELECT cache_stale_f($1)", 1), other("DROP FUNCTION cache_stale_f; CREATE FUNCTION "+
				"cache_stale_f(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"), thrice("SELECT cache_stale_f($1)",
				"x")), "DROP FUNCTION IF EXISTS cache_stale_f(int), cache_stale_f(text)"},
		{"type", "CREATE TYPE cache_stale_t AS ENUM ('a')", join(thrice("SELECT $1::cache_stale_t::text", "a"),
			other("ALTER TYPE cache_stale_t ADD VALUE 'b'"), thrice("SELECT $1::cache_stale_t::text", "b"),
			other("ALTER TYPE cache_stale_t RENAME VALUE 'b' TO 'c'"), thrice("SELECT $1::cache_stale_t::text", "c"),
			other("DROP TYPE cache_stale_t; CREATE TYPE cache_stale_t AS ENUM ('d')"),
			thrice("SELECT $1::cache_stale_t::text", "d")), "DROP TYPE IF EXISTS cache_stale_t"},
		{"sequence", "CREATE SEQUENCE cache_stale_s", join(thrice("SELECT nextval('cache_stale_s'), $1::int", 1),
			other("DROP SEQUENCE cache_stale_s; CREATE SEQUENCE cache_stale_s START 100"),
			thrice("SELECT nextval('cache_stale_s'), $1::int", 1)), "DROP SEQUENCE IF EXISTS cache_stale_s"},
		{"own change in a transaction that is rolled back", staleTable, join(thrice(allStale, 1),
			tx("rollback", own("ALTER TABLE cache_stale ADD c INT"), thrice(allStale, 1)), thrice(allStale, 1),
			tx("commit", use(allStale, 1))), staleClean},
		{"own change in a savepoint", staleTable, join(thrice(allStale, 1), tx("commit", own("SAVEPOINT a"),
			own("ALTER TABLE cache_stale ADD c INT"), thrice(allStale, 1), own("ROLLBACK TO a"), thrice(allStale, 1)),
			tx("commit", use(allStale, 1))), staleClean},
		{"own change", staleTable, join(thrice(allStale, 1), own("ALTER TABLE cache_stale ADD c INT"),
			thrice(allStale, 1), own("DROP TABLE cache_stale"), use(allStale, 1)), staleClean},
		{"first use where the table is another", staleTable,
			join(use(allStale, 1), tx("rollback", own("ALTER TABLE cache_stale ADD c INT"), thrice(allStale, 1)),
				tx("commit", thrice(allStale, 1))), staleClean},
	})
	all := "SELECT * FROM cache_stale WHERE a >= ? ORDER BY a"
	stored := "INSERT INTO cache_stale (a) VALUES (?)"
	onMySQL.run(t, []story{
		{"add column", staleTable, join(thrice(all, 1), other("ALTER TABLE cache_stale ADD c VARCHAR(9) DEFAULT 'c'"),
			thrice(all, 1)), staleClean},
		{"add column in a transaction", staleTable, join(thrice(all, 1),
			other("ALTER TABLE cache_stale ADD c VARCHAR(9) DEFAULT 'c'"), tx("commit", thrice(all, 1))), staleClean},
		{"drop column", staleTable, join(thrice(all, 1), other("ALTER TABLE cache_stale DROP b"), thrice(all, 1)),
			staleClean},
		{"drop a column that is named", staleTable, join(thrice("SELECT b FROM cache_stale WHERE a = ?", 1),
			other("ALTER TABLE cache_stale DROP b"), thrice("SELECT b FROM cache_stale WHERE a = ?", 1),
			other("ALTER TABLE cache_stale ADD b TEXT"), thrice("SELECT b FROM cache_stale WHERE a = ?", 1)), staleClean},
		{"type of a column", staleTable, join(thrice(all, 1), other("ALTER TABLE cache_stale MODIFY b VARCHAR(20)"),
			thrice(all, 1), other("ALTER TABLE cache_stale MODIFY b BIGINT UNSIGNED"), thrice(all, 1)), staleClean},
		{"type of what an argument is compared with", staleTable,
			join(thrice(all, 1), other("ALTER TABLE cache_stale MODIFY a VARCHAR(20)"), thrice(all, "x")), staleClean},
		{"wider type of an argument", staleTable, join(thrice(stored, 1),
			other("ALTER TABLE cache_stale MODIFY a BIGINT"), thrice(stored, 5_000_000_000), use(all, 0)), staleClean},
		{"number to text", staleTable, join(thrice(stored, 1), other("ALTER TABLE cache_stale MODIFY a TEXT"),
			thrice(stored, "x"), use("SELECT a FROM cache_stale WHERE 1 = ?", 1)), staleClean},
		{"default of a column", staleTable, join(thrice(stored, 1),
			other("ALTER TABLE cache_stale MODIFY b INT DEFAULT 7"), thrice(stored, 3), use(all, 0)), staleClean},
		{"drop and create", staleTable, join(thrice(all, 1), other("DROP TABLE cache_stale; "+staleTable),
			thrice(all, 1), other("DROP TABLE cache_stale; CREATE TABLE cache_stale (a INT, c TEXT)"), thrice(all, 1),
			other("DROP TABLE cache_stale"), thrice(all, 1), other(staleTable), thrice(all, 1)), staleClean},
		{"view", staleTable + "; CREATE OR REPLACE VIEW cache_stale_v AS SELECT a FROM cache_stale",
			join(thrice("SELECT * FROM cache_stale_v WHERE a >= ?", 1), other("CREATE OR REPLACE VIEW cache_stale_v "+
				"AS SELECT b, a FROM cache_stale"), thrice("SELECT * FROM cache_stale_v WHERE a >= ?", 1)), staleClean +
				"; DROP VIEW IF EXISTS cache_stale_v"},
		{"table to view", staleTable, join(thrice(all, 1), other("RENAME TABLE cache_stale TO cache_stale2; CREATE "+
			"VIEW cache_stale AS SELECT b AS a FROM cache_stale2"), thrice(all, 1)),
			"DROP VIEW IF EXISTS cache_stale; DROP TABLE IF EXISTS cache_stale2; " + staleClean},
		{"function", "CREATE FUNCTION cache_stale_f(a INT) RETURNS INT RETURN a",
			join(thrice("SELECT cache_stale_f(?)", 1), other("DROP FUNCTION cache_stale_f; CREATE FUNCTION "+
				"cache_stale_f(a INT) RETURNS TEXT RETURN CONCAT('x', a)"), thrice("SELECT cache_stale_f(?)", 1)),
			"DROP FUNCTION IF EXISTS cache_stale_f"},
		{"trigger", staleTable, join(thrice(stored, 1), other("CREATE TRIGGER cache_stale_g BEFORE INSERT ON "+
			"cache_stale FOR EACH ROW SET NEW.b = 77"), thrice(stored, 5), use(all, 0)), staleClean},
		{"flush", staleTable, join(thrice(all, 1), other("FLUSH TABLES"), thrice(all, 1), other("TRUNCATE cache_stale"),
			thrice(all, 1)), staleClean},
		{"own change", staleTable, join(thrice(all, 1), own("ALTER TABLE cache_stale ADD c INT"), thrice(all, 1),
			tx("commit", own("ALTER TABLE cache_stale DROP c"), thrice(all, 1)), own("DROP TABLE cache_stale"),
			use(all, 1)), staleClean},
		{"collation of the table", staleTable + "; ALTER TABLE cache_stale MODIFY b VARCHAR(9)", join(thrice(all, 1),
			other("ALTER TABLE cache_stale CONVERT TO CHARACTER SET latin1"), thrice(all, 1)), staleClean},
	})
}

// Of a type that has been dropped and created the server speaks with an error that may come from anywhere: it is the
// program's, once.
func TestStmtCacheTypeOfResult(t *testing.T) {
	admin := openOne(t, onPostgres, "postgres")
	const create, drop = "CREATE TYPE cache_stale_t AS ENUM ('a', 'b')", "DROP TYPE IF EXISTS cache_stale_t"
	mustRun(t, admin, drop+"; "+create)
	t.Cleanup(func() { admin.Exec(drop) })
	db := openCached(t, onPostgres)
	const query = "SELECT 'a'::cache_stale_t, $1::int"
	for range 3 {
		answered(t.Context(), db, query, 1)
	}
	mustRun(t, admin, drop+"; "+create)
	answered(t.Context(), db, query, 1)
	want := answered(t.Context(), admin, query, 1)
	for range 3 {
		if have := answered(t.Context(), db, query, 1); have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}
