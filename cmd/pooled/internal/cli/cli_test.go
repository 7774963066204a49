package cli_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestReport(t *testing.T) {
	mistake := &cli.UsageError{Err: errors.New("no such flag")}
	for _, tt := range []struct {
		err    error
		code   int
		stderr string
	}{
		{nil, 0, ""},
		{errors.New("pooled: no answer"), 1, "pooled: demo: no answer\n"},
		{errors.Join(errors.New("one"), errors.New("two")), 1, "pooled: demo: one; two\n"},
		{mistake, 2, "pooled: demo: no such flag\n"},
		{fmt.Errorf("wrapped: %w", mistake), 2, "pooled: demo: wrapped: no such flag\n"},
	} {
		var stderr strings.Builder
		if code := cli.Report("demo", tt.err, &stderr); code != tt.code || stderr.String() != tt.stderr {
			t.Errorf("%v: have %d and %q, want %d and %q", tt.err, code, stderr.String(), tt.code, tt.stderr)
		}
	}
	var own strings.Builder
	cli.Report("", mistake, &own)
	if want := "pooled: no such flag\n"; own.String() != want {
		t.Errorf("have %q, want %q", own.String(), want)
	}
	var stderr strings.Builder
	cli.Report("demo", errors.New(pooledtest.Unruly), &stderr)
	pooledtest.WantRuly(t, stderr.String())
}

func TestWithDriver(t *testing.T) {
	for dsn, want := range map[string]string{":memory:": "sqlite", "mysql://h/db": "mysql",
		"x.db?pool_driver=sqlite3": "sqlite3"} {
		cfg, err := pooled.ParseDSN(dsn)
		if err == nil {
			cfg, err = cli.WithDriver(cfg)
		}
		if err != nil || cfg.Driver != want {
			t.Errorf("%s: have driver %q, %v, want %q", dsn, cfg.Driver, err, want)
		}
	}
}

func TestFileExists(t *testing.T) {
	missing := filepath.ToSlash(filepath.Join(t.TempDir(), "missing.db"))
	for dsn, there := range map[string]bool{
		missing: false, "file:" + missing: false, "file://" + missing + "?mode=rwc": false, missing +
			"?_txlock=immediate": false,
		"file:cli_test.go": true, "file:cli%5ftest.go": true, "cli_test.go": true,
		"": true, ":memory:": true, "file:x?mode=memory": true, "file:x?vfs=memdb": true,
	} {
		err := cli.FileExists(dsn)
		if (err == nil) != there || !there && !strings.Contains(err.Error(), missing+", and this command makes none: check") {
			t.Errorf("%s: have %v, want it there: %t, or what to do", dsn, err, there)
		}
	}
}

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
		"anything?pool_driver=clitestother":   "the driver's own form",
		"clitestother://h/db?pool_driver=x":   "the driver's own form",
		"clitestother://h/db":                 "a URL",
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
		if have := cli.FormOf(dsn, cfg.Driver); have != want {
			t.Errorf("%s: have %q, want %q", dsn, have, want)
		}
	}
}
