package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/pooled-go/pooled"
)

// WithDriver is a Config whose Driver and DSN are what sql.Open needs for the bare driver. ParseDSN has seen to that
// for all but SQLite, of which a program may have this driver or that one.
func WithDriver(cfg pooled.Config) (pooled.Config, error) {
	if cfg.Driver != "" {
		return cfg, nil
	}
	cfg.Driver = "sqlite"
	return pooled.ParseDSN(cfg.FormatDSN())
}

// FileExists refuses a SQLite file that isn't there: opening it would create it.
func FileExists(dsn string) error {
	path, query, _ := strings.Cut(dsn, "?")
	if uri, ok := strings.CutPrefix(path, "file:"); ok {
		path = strings.TrimPrefix(strings.TrimPrefix(uri, "//localhost"), "//")
		if decoded, err := url.PathUnescape(path); err == nil {
			path = decoded
		}
	}
	if path == "" || path == ":memory:" || strings.Contains(query, "mode=memory") || strings.Contains(query, "vfs=") {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database file %s", path)
	}
	return nil
}
