package doctor

import (
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

func TestFormOf(t *testing.T) {
	for dsn, want := range map[string]string{
		"mysql://scott@h/db":                  "a URL",
		"mariadb://scott@h/db":                "a URL",
		"postgresql+pgx://scott@h/db":         "a URL",
		"sqlite:///x.db":                      "a URL",
		"scott:tiger@tcp(h:3306)/db":          "go-sql-driver's own form",
		"scott://tiger@tcp(h:3306)/db":        "go-sql-driver's own form",
		"host=h user=scott":                   "keywords and values",
		"host=h user=scott pool_driver=pgx":   "keywords and values",
		"x.db":                                "SQLite's own form",
		":memory:":                            "SQLite's own form",
		"anything?pool_driver=doctorother":    "the driver's own form",
		"doctorother://h/db?pool_driver=x":    "the driver's own form",
		"doctorother://h/db":                  "a URL",
		"server=h;user id=sa;pool_size=1":     "the driver's own form",
		"sqlserver://sa@h?database=db":        "a URL",
		"odbc:server=h;user id=sa":            "the driver's own form",
		"host=h password='a://b' user=scott2": "keywords and values",
	} {
		cfg, err := pooled.ParseDSN(dsn)
		if err != nil {
			t.Fatalf("%s: %v", dsn, err)
		}
		if cfg, err = cli.WithDriver(cfg); err != nil {
			t.Fatalf("%s: %v", dsn, err)
		}
		if have := formOf(dsn, cfg.Driver); have != want {
			t.Errorf("%s: have %q, want %q", dsn, have, want)
		}
	}
}

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
