package cli

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"slices"
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

// HasDriver refuses a driver that is not in this program.
func HasDriver(name string) error {
	drivers := sql.Drivers()
	if slices.Contains(drivers, name) {
		return nil
	}
	others := slices.DeleteFunc(drivers, func(name string) bool { return name == pooled.DriverName })
	if !plainName.MatchString(name) { // a DSN that was cut in the wrong place may have any text there
		name = "of that name"
	}
	return fmt.Errorf("this program has no driver %s, only %s: pooled parse explains a DSN for any driver", name,
		strings.Join(others, ", "))
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

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
		return fmt.Errorf("there is no database file %s, and this command makes none: check the path, or "+
			"run your program once", path)
	}
	return nil
}

// FormOf names the form of a DSN that was understood.
func FormOf(dsn, driver string) string {
	scheme, _, isURL := strings.Cut(dsn, "://")
	base, _, _ := strings.Cut(strings.ToLower(scheme), "+")
	known := []string{"mysql", "mariadb", "postgres", "postgresql", "sqlite", "sqlserver", "mssql"}
	if isURL && (slices.Contains(known, base) || base == driver) {
		return "a URL"
	}
	switch driver {
	case "mysql":
		return "go-sql-driver's own form"
	case "postgres", "pgx", "pgx/v5":
		return "keywords and values"
	case "sqlite", "sqlite3":
		return "SQLite's own form"
	}
	return "the driver's own form"
}

// MaybeTorn tells whether a URL has an @ after what a driver takes for user, password and host. Then that part may
// have ended at a /, ? or # of the password, and the host begun in it. An @ of an option's value can't be told from
// that.
func MaybeTorn(dsn string) bool {
	_, rest, _ := strings.Cut(dsn, "://")
	end := strings.IndexAny(rest, "/?#")
	return end >= 0 && strings.Contains(rest[end:], "@")
}
