package mysql_test

import (
	"database/sql/driver"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

const longest = 1 << 20

// MariaDB and MySQL as a connection's facts tell them apart.
var (
	ofMariaDB = stmtcache.Facts{Packet: longest}
	ofMySQL   = stmtcache.Facts{Packet: longest, Derives: true}
)

func kindOf(facts stmtcache.Facts, values ...driver.Value) string {
	args := make([]driver.NamedValue, len(values))
	for i, v := range values {
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	kind, ok := mysql.Dialect.Stmts.Kinds(args, facts)
	if !ok {
		return "none"
	}
	return fmt.Sprint(kind)
}

// A statement is kept for arguments of the same kinds. For MariaDB these are types; for MySQL it also matters what
// a text looks like, and there are values for which none is kept.
func TestStmtKinds(t *testing.T) {
	noon := time.Date(2024, 2, 29, 12, 0, 1, 0, time.UTC)
	for name, test := range map[string]struct {
		facts stmtcache.Facts
		alike [][]driver.Value
		none  []driver.Value
	}{
		"MariaDB": {ofMariaDB, [][]driver.Value{
			{nil, []byte(nil)}, {int64(1), int64(-1)}, {uint64(1), uint64(math.MaxUint64)}, {1.5, 0.0}, {true, false},
			{"a", []byte("b"), time.Unix(0, 0), "", "5", "-5.5", "2024-02-29", "\xff", " 5"},
		}, nil},
		"MySQL": {ofMySQL, [][]driver.Value{
			{nil, []byte(nil)}, {int64(1), int64(0)}, {int64(-1), int64(-7)}, {uint64(1), uint64(math.MaxInt64)},
			{1.5, 0.0}, {true, false},
			{"a", []byte("b"), "", "5abc", "550e8400-e29b-41d4", "é", "12 Main Street", "5,5", "NaN", "e5"},
			{"\xff", []byte{0x55, 0x0e, 0x84}},
			{"5", "0", "007", []byte("42"), "999999999999999999"},
			{"-5", "-999999999999999999"},
			{"2024-02-28", "1999-12-31"},
			{"2024-02-28 12:00:00", "2024-10-31 23:59:59.123456", noon},
		}, []driver.Value{
			uint64(math.MaxInt64) + 1, "5.5", "-0.25", []byte("1.5"),
			"-0", "-", "+5", "5.", ".5", "5e3", "1e400", "1000000000000000000", "1.5e3", " 5",
			"\n5", "5 ", "-5.5.5", "2024-13-01", "2023-02-29", "2023-04-31", "24-2-9", "2024-02-28T12:00:00", "12:00:01",
			"2024-02-28 ",
			"2024-02-28 12:00:00.", "2024-02-28 24:00:00", "0000-00-00", "20240229120000.5e", "1.0000000000000000000",
			time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 5, 30, 0, 0, time.UTC), time.Time{},
		}},
	} {
		seen := map[string]driver.Value{}
		for _, values := range test.alike {
			first := kindOf(test.facts, values[0])
			for _, v := range values {
				if have := kindOf(test.facts, v); have != first || have == "none" {
					t.Errorf("%s: %T %[2]q and %T %[3]q are of different kinds, or of none", name, v, values[0])
				}
			}
			if other, found := seen[first]; found {
				t.Errorf("%s: %T %[2]q and %T %[3]q are of one kind", name, values[0], other)
			}
			seen[first] = values[0]
		}
		for _, v := range test.none {
			if kindOf(test.facts, v) != "none" {
				t.Errorf("%s: %T %[2]q has a kind", name, v)
			}
		}
	}
}

// No statement is kept for a long argument, and none for one with a name.
func TestStmtKindsOfLists(t *testing.T) {
	if kindOf(ofMySQL, int64(1), "a") == kindOf(ofMySQL, "a", int64(1)) ||
		kindOf(ofMySQL, int64(1)) == kindOf(ofMySQL, int64(1), int64(1)) {
		t.Error("the order and the number of arguments do not count")
	}
	long := strings.Repeat("x", longest/2)
	for name, values := range map[string][]driver.Value{
		"long text": {long}, "long bytes": {int64(1), []byte(long)}, "another type": {struct{}{}},
	} {
		if have := kindOf(ofMySQL, values...); have != "none" {
			t.Errorf("%s: have kind %s", name, have)
		}
	}
	named := []driver.NamedValue{{Ordinal: 1, Name: "a", Value: int64(1)}}
	if _, ok := mysql.Dialect.Stmts.Kinds(named, ofMySQL); ok {
		t.Error("a name has a kind")
	}
}

// The kinds are found out for each query, without an allocation.
func TestStmtKindsAllocateNothing(t *testing.T) {
	args := []driver.NamedValue{{Value: int64(1)}, {Value: "some text"}, {Value: []byte("5.25")}, {Value: time.Now()},
		{Value: "2024-02-29 12:00:00"}}
	if n := testing.AllocsPerRun(100, func() { mysql.Dialect.Stmts.Kinds(args, ofMySQL) }); n > 0 {
		t.Errorf("have %v allocations, want none", n)
	}
}

// MySQL keeps the texts in which the place of each parameter says what its type is.
func TestSettled(t *testing.T) {
	for query, want := range map[string]bool{
		"SELECT a FROM t WHERE a = ?":                                    true,
		"SELECT a FROM t WHERE a=? AND `b` <> ? OR t.c >= ? ORDER BY a":  true,
		"SELECT a FROM t WHERE a IN (?, ?) AND b NOT IN (1, ?)":          true,
		"SELECT a FROM t WHERE a BETWEEN ? AND ? AND b = ?":              true,
		"SELECT a FROM t WHERE a LIKE ? LIMIT ?":                         true,
		"SELECT a FROM t LIMIT ?, ?":                                     true,
		"SELECT a FROM t LIMIT 5, ?":                                     true,
		"SELECT a FROM t LIMIT ? OFFSET ? FOR UPDATE":                    true,
		"SELECT a FROM t JOIN u ON t.a = u.a AND u.b = ? WHERE t.c = ?;": true,
		"SELECT CASE WHEN a = ? THEN 1 ELSE 2 END FROM t":                true,
		"SELECT CAST(? AS SIGNED), cast( ? as date)":                     true,
		"SELECT (a < ?) AS less, COUNT(*) FROM t HAVING SUM(a) > ?":      true,
		"SELECT '?', `?`, \"?\" /* ? */ FROM t WHERE a = ? -- ?":         true,
		"INSERT INTO t (a, b) VALUES (?, ?)":                             true,
		"INSERT INTO t VALUES (1, ?, f(1)), (?, DEFAULT, ?)":             true,
		"INSERT INTO t VALUE (?) ON DUPLICATE KEY UPDATE a = ?":          true,
		"REPLACE INTO t SET a = ?, b = ?":                                true,
		"UPDATE t SET a = ?, b = b + 1 WHERE c = ? LIMIT 1":              true,
		"DELETE FROM t WHERE a = ?":                                      true,

		"SELECT ?":                                                              false,
		"SELECT a, ? FROM t":                                                    false,
		"SELECT ? = a FROM t":                                                   false,
		"SELECT a FROM t WHERE a = ? + 1":                                       false,
		"SELECT a FROM t WHERE a = - ?":                                         false,
		"SELECT a FROM t WHERE a =- ?":                                          false,
		"SELECT a FROM t WHERE a + ? = 1":                                       false,
		"SELECT a FROM t WHERE a = ? COLLATE utf8mb4_bin":                       false,
		"SELECT a FROM t WHERE a = ? IS NULL":                                   false,
		"SELECT a FROM t WHERE a = (?)":                                         false,
		"SELECT a FROM t WHERE ?":                                               false,
		"SELECT a FROM t WHERE b AND ?":                                         false,
		"SELECT a FROM t WHERE a BETWEEN 1 AND 2 AND ?":                         false,
		"SELECT a FROM t WHERE a BETWEEN (1 AND ?) AND 2":                       false,
		"SELECT a FROM t WHERE a BETWEEN ? + 1 AND 2":                           false,
		"SELECT a FROM t WHERE a LIKE ? ESCAPE '|'":                             false,
		"SELECT a FROM t WHERE a LIKE CONCAT('%', ?, '%')":                      false,
		"SELECT a FROM t WHERE a IN (1, 2 + ?)":                                 false,
		"SELECT a FROM t WHERE a IN (SELECT ?)":                                 false,
		"SELECT a FROM t WHERE (a, b) = (?, ?)":                                 false,
		"SELECT a FROM t WHERE a -> ?":                                          false,
		"SELECT COALESCE(?, a) FROM t":                                          false,
		"SELECT CASE WHEN a = 1 THEN ? END FROM t":                              false,
		"SELECT CAST(? + 1 AS SIGNED)":                                          false,
		"SELECT a + INTERVAL ? DAY FROM t":                                      false,
		"SELECT a FROM (SELECT 1 AS a LIMIT 1) t, f(1, ?)":                      false,
		"SELECT a FROM t ORDER BY ?":                                            false,
		"SELECT a FROM t LIMIT 1 UNION SELECT 1, ?":                             false,
		"INSERT INTO t (a, b) VALUES (?, ? + 1)":                                false,
		"INSERT INTO t (a, b) VALUES (1, f(?))":                                 false,
		"INSERT INTO t (a, b) VALUES (1, f(1, ?))":                              false,
		"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a) + ?":    false,
		"VALUES ROW(?)":                                                         false,
		"SELECT a FROM t WHERE é = ?":                                           false,
		"SELECT $$ ' $$, '?', ? ":                                               false,
		"SELECT 'a\\' = ? -- '":                                                 false,
		"SELECT 1 = ? /* ":                                                      false,
		"SELECT " + strings.Repeat("(", 40) + "1 = ?" + strings.Repeat(")", 40): false,
		"SELECT 1) = ? AND (2 IN (?))":                                          true,
	} {
		if have := mysql.Dialect.Stmts.Sound(query, ofMySQL); have != want {
			t.Errorf("%s: have %t, want %t", query, have, want)
		}
	}
}

// MariaDB keeps the texts without a subquery.
func TestSoundOnMariaDB(t *testing.T) {
	for query, want := range map[string]bool{
		"SELECT ? + 1": true,
		"SELECT 1 UNION SELECT COALESCE(?, a) FROM t":             true,
		"INSERT INTO t (a) SELECT ? FROM u":                       true,
		"INSERT INTO t (a) VALUES (?)":                            true,
		"SELECT '(SELECT 1)', ? /* (SELECT 1) */ -- (SELECT 1)":   true,
		"SELECT (selected + ?), `(select` FROM t":                 true,
		"SELECT a FROM t GROUP BY b WITH ROLLUP HAVING a > ?":     true,
		"SELECT a FROM t WHERE a IN (SELECT b FROM u) AND a > ?":  false,
		"SELECT ROUND(?, (SELECT 2))":                             false,
		"UPDATE t SET a = (select b FROM u WHERE c = ?)":          false,
		"SELECT a FROM ( SELECT ? AS a) t":                        false,
		"SELECT a FROM t WHERE EXISTS (/* rows */SELECT 1) OR ?":  false,
		"SELECT a FROM t WHERE EXISTS ( -- rows\n SELECT 1) OR ?": false,
		"SELECT a FROM t WHERE ? IN ((SELECT b FROM u))":          false,
		"SELECT a FROM t WHERE ? IN (VALUES (1), (2))":            false,
		"SELECT ? IN (WITH c AS (SELECT 1) SELECT * FROM c)":      false,
		"WITH c AS (SELECT ?) TABLE c":                            false,
		"SELECT é, ?":                                             false,
	} {
		if have := mysql.Dialect.Stmts.Sound(query, ofMariaDB); have != want {
			t.Errorf("%s: have %t, want %t", query, have, want)
		}
	}
}
