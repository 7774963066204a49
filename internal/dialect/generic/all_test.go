package generic_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/dialect/sqlite"
	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/sqltext"
)

// The tests of this file hold what is true of each dialect.

var dialects = map[string]*sqltext.Rules{
	"unknown": generic.Dialect.Rules, "MySQL": mysql.Dialect.Rules, "PostgreSQL": postgres.Dialect.Rules,
	"SQLite":    sqlite.Dialect.Rules,
	"SQLServer": sqlserver.Dialect.Rules,
}

// everyday are clean in every dialect.
var everyday = []string{
	"", " \n", ";", "/* c */", "-- c\n",
	"SELECT 1", "select * from t where id = 17", "SELECT 1;", " SELECT 1 ; \n", "/* c */ SELECT 1", "-- c\nSELECT 1",
	"SELECT id, name, type, status, created_at, is_active FROM orders o " +
		"JOIN order_items i ON i.order_id = o.id WHERE o.state <> 'x'",
	"SELECT count(*) FROM attempts WHERE template_id IN (1, 2)", "SELECT temperature, attempts FROM templates",
	"SELECT retrieval, my_pragma FROM contemp", "SELECT temp FROM readings r WHERE r.temp > 20",
	"INSERT INTO t (a, b) VALUES (1, 'x')", "insert into sets (setting, reset_at) values (1, 2)",
	"INSERT INTO t SELECT * FROM u", "DELETE FROM t WHERE a = 1", "UPDATE t SET a = 1, b = 'x' WHERE id = 3",
	"UPDATE t set a=a+1",
	"SELECT max(a) FROM t WHERE next_at < 5 AND evaluation = 1 GROUP BY user_id HAVING count(*) > 1",
	"ROLLBACK", "COMMIT", "commit;",
}

func TestTouchesEveryday(t *testing.T) {
	for name, rules := range dialects {
		t.Run(name, func(t *testing.T) {
			pooledtest.CheckTouches(t, rules, []pooledtest.Touching{{"everyday", false, everyday}})
		})
	}
}

// TestTouchesWords: each word is found at either end of a text and in its midst, in any case. It holds the pivots,
// which a slip would blind.
func TestTouchesWords(t *testing.T) {
	for name, rules := range dialects {
		words := rules.SessionWords.All()
		words = slices.DeleteFunc(words, func(w sqltext.Word) bool { return w.Check != nil })
		if len(words) == 0 {
			t.Errorf("%s: no words", name)
		}
		for _, word := range words {
			w := word.Text
			for _, q := range []string{
				"SELECT " + w, "SELECT 1, " + w + "(2)", "SELECT x" + w + "x", "SELECT 1 -- " + w,
				strings.ToUpper("SELECT " + w),
			} {
				if !rules.Touches(q) {
					t.Errorf("Touches(%s, %q)\nhave false\nwant true", name, q)
				}
			}
		}
	}
}

func TestLeavesAllocatesNothing(t *testing.T) {
	for name, rules := range dialects {
		for _, q := range texts {
			if n := testing.AllocsPerRun(100, func() { rules.Leaves(q.text) }); n != 0 {
				t.Errorf("Leaves(%s, %q) allocations\nhave %v\nwant 0", name, q.text, n)
			}
		}
	}
}

func TestTouchesAllocatesNothing(t *testing.T) {
	texts := append([]string{
		"SET a = 1", "SELECT last_insert_id(5)", "CREATE TEMP TABLE temp (a int)", "INSERT INTO t VALUES ('é@ü')",
		"BEGIN; SELECT 1; COMMIT",
	}, everyday...)
	for name, rules := range dialects {
		have := testing.AllocsPerRun(10, func() {
			for _, q := range texts {
				rules.Touches(q)
			}
		})
		if have != 0 {
			t.Errorf("%s allocations\nhave %v\nwant 0", name, have)
		}
	}
}

var texts = []struct{ name, text string }{
	{"select", "SELECT id, name, email FROM users WHERE id = ?"},
	{"insert", "INSERT INTO orders (user_id, total, note) VALUES ($1, $2, $3) RETURNING id"},
	{"semicolon", "UPDATE users SET name = ? WHERE id = ?;"},
	{"comment", "/* trace=4bf92f3577b34da6a3ce929d0e0e4736 */ SELECT 1"},
	{"literal", "INSERT INTO logs (line) VALUES ('GET /a;b=c HTTP/1.1; it''s a line')"},
	{"set", "SET NAMES utf8mb4"},
	{"begin", "BEGIN"},
	{"long", "SELECT " + strings.Repeat("some_column, ", 150) + "1 FROM t"},
}

func BenchmarkClassify(b *testing.B) {
	for _, name := range []string{"MySQL", "PostgreSQL", "SQLite", "SQLServer", "unknown"} {
		rules := dialects[name]
		for _, q := range texts {
			b.Run(fmt.Sprintf("%s/%s", name, q.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					rules.Leaves(q.text)
				}
			})
		}
	}
}

func BenchmarkTouchesSession(b *testing.B) {
	for _, bm := range []struct {
		name  string
		rules *sqltext.Rules
		query string
	}{
		{"postgres/select", postgres.Dialect.Rules, "SELECT id, name, created_at FROM customers WHERE account = $1"},
		{"postgres/insert", postgres.Dialect.Rules, "INSERT INTO order_items (order_id, amount) VALUES ($1, $2)"},
		{"mysql/select", mysql.Dialect.Rules, "SELECT id, name, created_at FROM customers WHERE account = ?"},
		{"mysql/insert", mysql.Dialect.Rules, "INSERT INTO order_items (order_id, amount) VALUES (?, ?)"},
		{"mysql/email", mysql.Dialect.Rules, "SELECT id, name, created FROM customers WHERE mail = 'a@b.ch'"},
		{"sqlite/select", sqlite.Dialect.Rules, "SELECT id, name, created_at FROM customers WHERE account = ?"},
		{"sqlserver/update", sqlserver.Dialect.Rules, "UPDATE customers SET name = @p1, touched = @p2 WHERE id = @p3"},
		{"unknown/select", generic.Dialect.Rules, "SELECT id, name, created_at FROM customers WHERE account = ?"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if bm.rules.Touches(bm.query) {
					b.Fatalf("Touches(%q)\nhave true\nwant false", bm.query)
				}
			}
		})
	}
}
