package mysql_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/sqltext"
)

func TestPreparable(t *testing.T) {
	for _, test := range []struct {
		query string
		want  bool
	}{
		{"SELECT ?", true},
		{"REPLACE INTO t VALUES (?)", true},
		{"SELECT 'today', ?", true},
		{"MERGE INTO t", false},
		{"LOAD DATA LOCAL INFILE 'x' INTO TABLE t", false},
		{"SELECT ? /*! , 2 */", false},
		{"SELECT ?; SELECT 2", false},
		{"DO SLEEP(?)", false},
		{"SELECT @@sql_mode, 'a@b', ?", true},
		{"SELECT `@a` /* @a */ FROM t WHERE b = ? -- @a", true},
		{"SELECT @a, ?", false},
		{"SELECT ? + @`a b`", false},
		{"SELECT @'a', ?", false},
		{"SELECT @\"a\", ?", false},
		{"SELECT ? FROM t WHERE a > @a", false},
		{"INSERT INTO t VALUES (?, @a)", false},
		{"SELECT @ a, ?", false},
		{"SELECT ? INTO @a", false},
		{"SELECT JSON_ARRAY(?)", false},
		{"SELECT json_object ('a', ?)", false},
		{"SELECT BIN(?)", false},
		{"SELECT conv /* to binary */ (?, 10, 2)", false},
		{"SELECT `oct`(?)", false},
		{"SELECT bin, oct, `conv`, CONVERT(? USING utf8mb4), a_bin(1) FROM t", true},
		{"SELECT JSON_EXTRACT(a, ?) FROM t", true},
	} {
		if have := mysql.Dialect.Rules.Preparable(test.query); have != test.want {
			t.Errorf("%.60q: have %t, want %t", test.query, have, test.want)
		}
	}
}

func TestInvalidates(t *testing.T) {
	const (
		none     = sqltext.InvalidatesNone
		forNow   = sqltext.InvalidatesForNow
		session  = sqltext.InvalidatesSession
		sessions = sqltext.InvalidatesSessions
	)
	for _, test := range []struct {
		query string
		want  sqltext.Invalidation
	}{
		{"SELECT 1", none},
		{"CREATE TABLE t (a int)", none},
		{"START TRANSACTION", none},
		{"USE other", session},
		{"SET time_zone = '+00:00'", session},
		{"SET @a = 1", session},
		{"ALTER TABLE t ADD c int", sessions},
		{"RENAME TABLE t TO u", sessions},
		{"DEALLOCATE PREPARE x", session},
		{"CALL p()", session},
		{"SELECT 1 /*! ; USE x */", session},
		{"SELECT 1; USE x", session},
	} {
		if have := mysql.Dialect.Rules.InvalidatesBy(test.query); have != test.want {
			t.Errorf("%q: have %v, want %v", test.query, have, test.want)
		}
	}
}
