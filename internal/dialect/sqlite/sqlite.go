package sqlite

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"strings"

	"github.com/pooled-go/pooled/internal/dialect"
)

// Dialect is SQLite's.
var Dialect = &dialect.Dialect{
	Name:          "sqlite",
	Names:         []string{"sqlite"},
	Share:         share,
	Private:       isPrivate,
	InMemory:      isInMemory,
	Veto:          veto,
	Rules:         rules,
	Rollback:      "ROLLBACK",
	Commit:        "COMMIT",
	NoTransaction: noTransaction,
	TooManyConns:  dialect.Never,
	ConnLost:      dialect.Never,
	Embedded:      true,
}

// noTransaction recognises what SQLite answers to a ROLLBACK or COMMIT outside of a transaction. It goes by the
// text, which is SQLite's own: the code beside it, 1, is that of any error in a statement, and the drivers' types
// are not known here.
func noTransaction(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "cannot rollback - no transaction is active") ||
		strings.Contains(text, "cannot commit - no transaction is active")
}

// share makes the connector of a SQLite driver whose pool may have several server connections. For a database that
// each of them would have for itself (":memory:" and its like), it is a connector by which all have the same one,
// until it is closed.
//
// How: the DSN is changed to a name of SQLite's memdb file system that nobody else uses. Not to a shared cache,
// SQLite's older way: there a reader and a writer of one table exclude each other by locks that a busy timeout
// doesn't cover, so mattn's driver fails at once ("database table is locked") and modernc's waits without end,
// whatever the context says, if the other connection is in the same goroutine's hands.
//
// With a driver that isn't known to have memdb the DSN stays as it is, and the connector is private.
//
// A static pool has one server connection at a time. The database still outlives that connection, but as there is
// nobody to get in its way, it can be a shared cache, which has what memdb lacks: ATTACH and VACUUM INTO reach the
// disk by a plain path, and no limit of 1 GiB.
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

// knownDriver is a driver of which is known that it is built with memdb, reads parameters behind '?' and hands
// "file:" names to SQLite with them.
type knownDriver struct {
	pkg  string // where its type is declared
	busy string // its parameter for busyTimeout
}

// busyTimeout is how long a statement waits, in milliseconds, while others keep the shared memory database busy.
// SQLite looks again every 100 ms at worst, and in no order, so how long it takes is a matter of luck: of 8
// goroutines that do nothing but insert and count none waited a second; of 32 on as many connections some waited 5
// s and none 10 s. More would only make a goroutine that is in its own way wait longer for its error: SQLite does
// not look at the context while it waits.
const busyTimeout = 10_000

var knownDrivers = []knownDriver{
	{pkg: "modernc.org/sqlite", busy: fmt.Sprintf("_pragma=busy_timeout(%d)", busyTimeout)},
	{pkg: "github.com/glebarez/go-sqlite", busy: fmt.Sprintf("_pragma=busy_timeout(%d)", busyTimeout)},
	{pkg: "github.com/mattn/go-sqlite3", busy: fmt.Sprintf("_busy_timeout=%d", busyTimeout)},
}

// findDriver goes by the type, not by the registered name: programs register these drivers by names of their own,
// and two that differ share the name "sqlite3". It sees through types that wrap or embed the driver, as those for
// tracing do. Nil: not known.
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
