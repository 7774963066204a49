package dsn

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

var sqliteExtensions = []string{".db", ".db3", ".sqlite", ".sqlite3", ".s3db", ".sdb"}

// fitsPath reports the name of a file: a path, or a name with the extension of a database.
func fitsPath(dsn string) bool {
	l, _ := pathSyntax.scan(dsn)
	path := dsn
	if l.mark {
		path = dsn[:l.from-1]
	}
	switch {
	case path == "" || path[0] == '?' || strings.HasSuffix(path, "/") || strings.HasSuffix(path,
		`\`) || strings.ContainsAny(path, "\x00\r\n"):
		return false
	case strings.HasPrefix(path, "/"), strings.HasPrefix(path, "./"), strings.HasPrefix(path, "../"):
		return true
	case strings.ContainsAny(path, "@()=;"):
		return false
	case len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/'): // C:\
		return true
	case strings.Contains(path, ":"):
		return false
	}
	return strings.ContainsAny(path, `/\`) || slices.ContainsFunc(sqliteExtensions,
		func(ext string) bool { return strings.HasSuffix(path, ext) })
}

func scanPath(dsn string) (layout, bool) {
	q := strings.IndexByte(dsn, '?')
	if q == 0 {
		q = -1
	}
	return scanQuery(dsn, q, len(dsn), decodeKey), true
}

// sqliteNative turns what follows sqlite:// into the name of a file.
func sqliteNative(rest string) (string, error) {
	path, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery {
		query = "?" + query
	}
	switch {
	case path == ":memory:" || isFileName(path) && !strings.Contains(query, "@"):
		return "", fmt.Errorf("pooled: sqlite URL: %s is where a host would be: write sqlite:///%[1]s", path)
	case path != "" && path[0] != '/':
		return "", errors.New("pooled: sqlite URL: the file is where a host would be: write sqlite:///relative.db or " +
			"sqlite:////absolute.db")
	}
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return ":memory:" + query, nil
	}
	if strings.HasPrefix(path, "file:") {
		// A URI in the URL: SQLite decodes it.
		return path + query, nil
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return "", errors.New("pooled: sqlite URL: " + encodePercent)
	}
	if strings.ContainsAny(decoded, "?\x00") {
		return "", errors.New("pooled: sqlite URL: the path has a ?: write a file: URI, such as file:a%3Fb.db")
	}
	return decoded + query, nil
}

// isFileName reports a relative path that is clearly that of a database, so that it can stand in an error.
func isFileName(path string) bool {
	return isPlainName(path) && path != "" && path[0] != '/' && !strings.Contains(path, ":") &&
		slices.ContainsFunc(sqliteExtensions, func(ext string) bool { return strings.HasSuffix(path, ext) })
}

// registeredSQLite returns the SQLite driver that the program has, modernc.org/sqlite first.
func registeredSQLite(registered []string) string {
	if !slices.Contains(registered, "sqlite") && slices.Contains(registered, "sqlite3") {
		return "sqlite3"
	}
	return "sqlite"
}
