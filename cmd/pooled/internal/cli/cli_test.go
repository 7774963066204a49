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
	var stderr strings.Builder
	cli.Report("demo", errors.New(pooledtest.Unruly), &stderr)
	pooledtest.WantRuly(t, stderr.String())
}

func TestShownArg(t *testing.T) {
	for arg, want := range map[string]string{
		"demo": ` "demo"`, "": ` ""`, "app-1.db": ` "app-1.db"`, "scott:tiger@tcp(h)/db": "", "a b": "", "\x1b": "",
	} {
		if have := cli.ShownArg(arg); have != want {
			t.Errorf("%q: have %q, want %q", arg, have, want)
		}
	}
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
		if err := cli.FileExists(dsn); (err == nil) != there {
			t.Errorf("%s: have %v, want it there: %t", dsn, err, there)
		}
	}
}
