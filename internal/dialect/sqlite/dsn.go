package sqlite

import (
	"crypto/rand"
	"net/url"
	"strings"
)

// place is where the database of a DSN is.
type place int

const (
	onDisk       place = iota // in a file, or wherever a vfs puts it
	private                   // in memory, one for each connection
	sharedByName              // in memory, one for all who know the name
)

// parsedDSN is a DSN taken apart as SQLite's drivers do it: what is behind the first '?' is for the driver, unless
// the '?' comes first. A DSN that begins with "file:" goes to SQLite whole, as a URI; of others SQLite sees the
// name alone.
type parsedDSN struct {
	uri    bool
	name   string   // decoded
	params []string // key=value as written
	seen   []string // those that SQLite sees: of a URI, up to a '#'
}

func parseDSN(dsn string) parsedDSN {
	rest, uri := strings.CutPrefix(dsn, "file:")
	if !uri {
		if strings.HasPrefix(dsn, "?") {
			return parsedDSN{name: dsn}
		}
		name, query, _ := strings.Cut(dsn, "?")
		return parsedDSN{name: name, params: splitParams(query)}
	}
	path, query, _ := strings.Cut(rest, "?")
	d := parsedDSN{uri: true, params: splitParams(query)}
	path, _, fragment := strings.Cut(path, "#")
	if !fragment {
		query, _, _ = strings.Cut(query, "#")
		d.seen = splitParams(query)
	}
	if authority, ok := strings.CutPrefix(path, "//"); ok {
		_, path, _ = strings.Cut(authority, "/")
		path = "/" + path
	}
	d.name = decoded(path, url.PathUnescape)
	return d
}

func splitParams(query string) []string {
	if query == "" {
		return nil
	}
	return strings.Split(query, "&")
}

// decoded leaves text that is not well encoded as it is, as SQLite does.
func decoded(text string, decode func(string) (string, error)) string {
	if plain, err := decode(text); err == nil {
		return plain
	}
	return text
}

func splitParam(param string) (key, value string) {
	key, value, _ = strings.Cut(param, "=")
	return decoded(key, url.QueryUnescape), decoded(value, url.QueryUnescape)
}

// lastParam is the value of a parameter; of several, SQLite takes the last.
func lastParam(params []string, key string) string {
	last := ""
	for _, param := range params {
		if k, v := splitParam(param); k == key {
			last = v
		}
	}
	return last
}

// place tells where SQLite would put the database. The empty name is that of a temporary file which is each
// connection's own and mostly stays in its cache: no different from ":memory:" for a program that has several
// connections.
func (d parsedDSN) place() place {
	if d.name == ":memory:" || d.name == "" || lastParam(d.seen, "mode") == "memory" {
		if lastParam(d.seen, "cache") == "shared" && d.name != "" {
			return sharedByName
		}
		return private
	}
	if lastParam(d.params, "vfs") != "memdb" {
		return onDisk
	}
	if len(d.name) > 1 && (d.name[0] == '/' || d.name[0] == '\\') {
		return sharedByName
	}
	return private
}

// memdb is a DSN for the same that several connections can share.
func (d parsedDSN) memdb(known *knownDriver) string {
	params := "vfs=memdb"
	if !d.hasBusyTimeout() {
		params += "&" + known.busy
	}
	return d.renamed("/", params)
}

// sharedCache is a DSN for the same that outlives a connection.
func (d parsedDSN) sharedCache() string {
	return d.renamed("", "mode=memory&cache=shared")
}

// renamed gives the database a name that no other in this process has, by chance rather than by a counter, for
// there may be two copies of this package. All parameters but those that say where the database is stay as they
// are.
func (d parsedDSN) renamed(root, params string) string {
	dsn := "file:" + root + "pooled-" + rand.Text() + "?" + params
	for _, param := range d.params {
		if key, _ := splitParam(param); !d.replaces(key) {
			dsn += "&" + param
		}
	}
	return dsn
}

// replaces tells the parameters that are dropped from a private database's DSN. Not being a URI, it may have had
// some that SQLite never saw, and which mean nothing to the driver.
func (d parsedDSN) replaces(key string) bool {
	switch key {
	case "vfs", "cache":
		return true
	case "mode":
		return !d.uri || lastParam(d.seen, "mode") == "memory"
	case "nolock", "immutable": // of no effect in memory, but they would be in memdb
		return true
	}
	return false
}

func (d parsedDSN) hasBusyTimeout() bool {
	for _, param := range d.params {
		switch key, value := splitParam(param); key {
		case "_busy_timeout", "_timeout":
			return true
		case "_pragma":
			if strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "busy_timeout") {
				return true
			}
		}
	}
	return false
}
