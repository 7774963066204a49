package doctor

import "testing"

func TestWithoutPgxKeys(t *testing.T) {
	for _, tt := range []struct{ dsn, want string }{
		{"postgres://h/db?default_query_exec_mode=exec",
			"postgres://h/db?"},
		{"postgres://h/db?statement_cache_capacity=1&default_query_exec_mode=exec&sslmode=disable",
			"postgres://h/db?sslmode=disable"},
		{"postgres://h/db?sslmode=disable&statement_cache_capacity=1",
			"postgres://h/db?sslmode=disable&"},
		{"host=h description_cache_capacity=5 statement_cache_capacity=1 user=scott",
			"host=h user=scott"},
		{"host=h password=default_query_exec_mode=exec user=scott",
			"host=h password=default_query_exec_mode=exec user=scott"},
		{"postgres://h/db?sslmode=disable",
			"postgres://h/db?sslmode=disable"},
		{"postgres://h/db?a=1&default_query_exec_mode=simple_protocol&b=2&statement_cache_capacity=10",
			"postgres://h/db?a=1&b=2&"},
	} {
		if have := withoutPgxKeys(tt.dsn); have != tt.want {
			t.Errorf("%s: have %s, want %s", tt.dsn, have, tt.want)
		}
	}
}
