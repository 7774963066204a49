package sqlite

import (
	"crypto/rand"
	"database/sql/driver"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/pooled-go/pooled/internal/dialect"
)

var Dialect = &dialect.Dialect{
	Names:         []string{"sqlite"},
	Share:         share,
	Private:       isPrivate,
	InMemory:      inMemory,
	Veto:          veto,
	Name:          "sqlite",
	Rules:         Rules,
	Rollback:      "ROLLBACK",
	Commit:        "COMMIT",
	NoTransaction: noTransaction,
	TooManyConns:  dialect.Never,
	ConnLost:      dialect.Never,
	Embedded:      true,
}

// noTransaction recognises what SQLite answers to a ROLLBACK or COMMIT
// outside of a transaction. It goes by the text, which is SQLite's own: the code
// beside it, 1, is that of any error in a statement, and the drivers' types are
// not known here.
func noTransaction(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "cannot rollback - no transaction is active") ||
		strings.Contains(text, "cannot commit - no transaction is active")
}

// share makes the connector of a SQLite driver whose pool may have several server connections. For a database that each
// of them would have for itself (":memory:" and its like), it is a connector by which all have the same one, until it is
// closed.
//
// How: the DSN is changed to a name of SQLite's memdb file system that nobody else uses. Not to a shared cache, SQLite's
// older way: there a reader and a writer of one table exclude each other by locks that a busy timeout doesn't cover, so
// mattn's driver fails at once ("database table is locked") and modernc's waits without end, whatever the context says,
// if the other connection is in the same goroutine's hands.
//
// With a driver that isn't known to have memdb the DSN stays as it is, and the connector is private.
//
// A static pool has one server connection at a time. The database still outlives that connection, but as there is nobody
// to get in its way, it can be a shared cache, which has what memdb lacks: ATTACH and VACUUM INTO reach the disk by a
// plain path, and no limit of 1 GiB.
func share(dsn string, how dialect.Sharing) (driver.Connector, error) {
	connector, err := how.Open(dsn)
	if err != nil {
		return nil, err
	}
	parsed := parseDSN(dsn)
	switch parsed.place() {
	case onDisk:
		return connector, nil
	case sharedByName:
		return newMemoryConnector(connector, how.Closed, false), nil
	}
	known := findDriver(connector.Driver())
	if known == nil {
		return &privateMemory{Connector: connector}, nil
	}
	closeConnector(connector) // it was made to know its driver, and has opened nothing
	rewritten := parsed.memdb(known)
	if how.Static {
		rewritten = parsed.sharedCache()
	}
	if connector, err = how.Open(rewritten); err != nil {
		return nil, err
	}
	return newMemoryConnector(connector, how.Closed, !how.Static), nil
}

// knownDriver is a driver of which is known that it is built with memdb, reads
// parameters behind '?' and hands "file:" names to SQLite with them.
type knownDriver struct {
	pkg  string // where its type is declared
	busy string // its parameter for busyTimeout
}

// busyTimeout is how long a statement waits, in milliseconds, while others
// keep the shared memory database busy. SQLite looks again every 100 ms at worst,
// and in no order, so how long it takes is a matter of luck: of 8 goroutines that
// do nothing but insert and count none waited a second; of 32 on as many
// connections some waited 5 s and none 10 s. More would only make a goroutine that
// is in its own way wait longer for its error: SQLite does not look at the context
// while it waits.
const busyTimeout = 10_000

var knownDrivers = []knownDriver{
	{pkg: "modernc.org/sqlite", busy: fmt.Sprintf("_pragma=busy_timeout(%d)", busyTimeout)},
	{pkg: "github.com/glebarez/go-sqlite", busy: fmt.Sprintf("_pragma=busy_timeout(%d)", busyTimeout)},
	{pkg: "github.com/mattn/go-sqlite3", busy: fmt.Sprintf("_busy_timeout=%d", busyTimeout)},
}

// findDriver goes by the type, not by the registered name: programs
// register these drivers by names of their own, and two that differ share the
// name "sqlite3". It sees through types that wrap or embed the driver, as those
// for tracing do. Nil: not known.
func findDriver(d driver.Driver) *knownDriver {
	return findType(reflect.ValueOf(d), 4)
}

var driverInterface = reflect.TypeFor[driver.Driver]()

func findType(v reflect.Value, depth int) *knownDriver {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || depth == 0 {
		return nil
	}
	for i := range knownDrivers {
		if knownDrivers[i].pkg == v.Type().PkgPath() {
			return &knownDrivers[i]
		}
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.Type().Implements(driverInterface) && !reflect.PointerTo(f.Type()).Implements(driverInterface) {
			continue
		}
		if known := findType(f, depth-1); known != nil {
			return known
		}
	}
	return nil
}

// place is where the database of a DSN is.
type place int

const (
	onDisk       place = iota // in a file, or wherever a vfs puts it
	private                   // in memory, one for each connection
	sharedByName              // in memory, one for all who know the name
)

// parsedDSN is a DSN taken apart as SQLite's drivers do it: what is behind the
// first '?' is for the driver, unless the '?' comes first. A DSN that begins with
// "file:" goes to SQLite whole, as a URI; of others SQLite sees the name alone.
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

// place tells where SQLite would put the database. The empty name is that of a
// temporary file which is each connection's own and mostly stays in its cache: no
// different from ":memory:" for a program that has several connections.
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

// renamed gives the database a name that no other in this process has, by chance
// rather than by a counter, for there may be two copies of this package. All
// parameters but those that say where the database is stay as they are.
func (d parsedDSN) renamed(root, params string) string {
	dsn := "file:" + root + "pooled-" + rand.Text() + "?" + params
	for _, param := range d.params {
		if key, _ := splitParam(param); !d.replaces(key) {
			dsn += "&" + param
		}
	}
	return dsn
}

// replaces tells the parameters that are dropped from a private database's DSN.
// Not being a URI, it may have had some that SQLite never saw, and which mean
// nothing to the driver.
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
