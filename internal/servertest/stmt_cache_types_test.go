package servertest_test

import (
	"fmt"
	"strings"
	"testing"
)

// A server may remember of a kept statement what its arguments once were. The answers of the first do not show.
func TestStmtCacheTypesDoNotStick(t *testing.T) {
	texts := []any{"5", "5", "5.5", "5", "-7", "5", "5e3", "5", strings.Repeat("9", 30), "5", "", "abc", "5", nil, "5"}
	moments := []any{"2024-02-28", "2024-02-28", "2024-02-28 12:00:00", "2024-02-28", "12:00:00", "2024-02-28",
		"20240228120000",
		"2024-02-28"}
	for query, args := range map[string][]any{
		"SELECT ? + 1":          texts,
		"SELECT COALESCE(?, 1)": texts,
		"SELECT a FROM cache_types WHERE a IN (1, ?)":            texts,
		"SELECT a FROM cache_types WHERE u = ? OR b":             texts,
		"SELECT CAST(? AS SIGNED)":                               texts,
		"SELECT ? + INTERVAL 1 DAY":                              moments,
		"SELECT d FROM cache_types WHERE d >= ?":                 moments,
		"SELECT ? UNION SELECT 1":                                {1, 1, "a", 1, 1.5, 1, nil, 1, true, 1},
		"SELECT JSON_ARRAY(?) UNION SELECT 1":                    {"a", "a", "\xff", "a"},
		"SELECT JSON_OBJECT('a', ?) UNION SELECT 1":              {"a", "a", "\xff", "a"},
		"SELECT MAKETIME(BIN(?), 1, 1) FROM cache_types":         {1, 1, -1, 1},
		"SELECT MAKETIME(OCT(?), 1, 1) FROM cache_types":         {1, 1, -1, 1},
		"SELECT MAKETIME(CONV(?, 10, 2), 1, 1) FROM cache_types": {1, 1, -1, 1},
		"SELECT a FROM cache_types WHERE b = ? ORDER BY a":       {true, true, 1, uint64(1), "1", "0.5", 1, nil, 1},

		"SELECT (SELECT MAX(a) FROM cache_types) IN (SELECT d + INTERVAL 1 DAY FROM cache_types), ?": {1, 1, 2, 3},
	} {
		t.Run(query, func(t *testing.T) {
			s := onMySQL
			table(t, openServer(t, s.bare, s.dsn(t)), "cache_types", "a INT, u BIGINT UNSIGNED, b BOOL, d DATETIME")
			ask := func(driver string, options ...string) (all []string) {
				db := openOne(t, s, driver, options...)
				done(t.Context(), db, "INSERT INTO cache_types VALUES (5, 18446744073709551615, 1, '2024-02-28 12:00:00'), "+
					"(-7, 5, 0, NULL)")
				for i, arg := range args {
					all = append(all, fmt.Sprintf("use %d with %#v: %s", i, arg, answered(t.Context(), db, query, arg)))
				}
				done(t.Context(), db, "DELETE FROM cache_types")
				return all
			}
			want := ask(s.bare)
			wantSame(t, ask("pooled", cacheOf(cacheSize)), want)
		})
	}
}

// The type of a user variable is not remembered either, however the variable got its value.
func TestStmtCacheUserVariables(t *testing.T) {
	for _, set := range []string{"SELECT @cache_v := ?", "SELECT 'x' INTO @cache_v", "SET @cache_v = 1.5"} {
		for _, query := range []string{"SELECT @cache_v, ?", "SELECT @`cache_v` + 1, ?", "SELECT @'cache_v', ?",
			"SELECT @\"cache_v\", ?"} {
			t.Run(set+", "+query, func(t *testing.T) {
				ask := func(driver string, options ...string) (all []string) {
					db := openOne(t, onMySQL, driver, options...)
					done(t.Context(), db, "SET @cache_v = 1")
					for i := range 9 {
						if i == 4 {
							var args []any
							if strings.Contains(set, "?") {
								args = []any{"text"}
							}
							if set[:6] == "SELECT" {
								answered(t.Context(), db, set, args...)
							} else {
								done(t.Context(), db, set, args...)
							}
						}
						all = append(all, fmt.Sprintf("use %d: %s", i, answered(t.Context(), db, query, 1)))
					}
					return all
				}
				want := ask(onMySQL.bare)
				wantSame(t, ask("pooled", cacheOf(cacheSize)), want)
			})
		}
	}
}

// MySQL derives an integer for the second parameter, which a fraction does not fit. Then it forgets what it derived for
// the first one, too.
func TestStmtCacheFractions(t *testing.T) {
	s := onMySQL
	table(t, openServer(t, s.bare, s.dsn(t)), "cache_fractions", "a INT, b BIT(8)")
	for _, query := range []string{
		"UPDATE cache_fractions SET a = ? WHERE a >= ?", "UPDATE cache_fractions SET b = ? WHERE a >= ?",
	} {
		ask := func(driver string, options ...string) (all []string) {
			db := openOne(t, s, driver, options...)
			done(t.Context(), db, "INSERT INTO cache_fractions VALUES (5, 1), (7, 1)")
			for i, arg := range []string{"abc", "a", "é", "5", "é", "abc", "é"} {
				all = append(all, fmt.Sprintf("use %d with %q: %s", i, arg, done(t.Context(), db, query, arg, "1.10")))
			}
			done(t.Context(), db, "DELETE FROM cache_fractions")
			return all
		}
		want := ask(s.bare)
		wantSame(t, ask("pooled", cacheOf(cacheSize)), want)
	}
}
