package postgres

import (
	"database/sql/driver"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/stmtcache"
)

// stmts are the rules of kept statements for lib/pq. Other drivers have a cache of their own (pgx), or nobody knows
// what they have.
var stmts = &stmtcache.Rules{
	Unsupported: unsupported,
	Inspect:     inspect,
	Preparable:  rules.Preparable,
	ReturnsRows: rules.ReturnsRows,
	Stale:       stale,
	Unfit:       unfit,
	Changed:     changed,
	WatchRows:   true,
	Busy:        errBusy,
}

var errBusy = errors.New("pq: there is already a query being processed on this connection") // lib/pq's words

func unsupported(connector driver.Connector) (why string) {
	if !isPQ(connector) {
		return stmtcache.OtherDriver
	}
	return ""
}

func isPQ(connector driver.Connector) bool {
	_, ours := connector.Driver().(*pq.Driver)
	return ours
}

// stale tells errors of the server's from before it executes anything: the statement is not known (26000), its result
// would have other columns (0A000), it can't be read any more as it was, since a table or column has gone (class 42
// with a place in the text), or an argument does not fit, which may be for the type that a column had when the
// statement was prepared. Where tells that it was not a function's own statement that failed.
func stale(err error) bool {
	e := pq.As(err)
	switch {
	case e == nil:
		return false
	case strings.HasPrefix(e.Where, "unnamed portal parameter $"):
		return true
	case e.Where != "":
		return false
	case e.Code == "26000":
		return e.Routine == "FetchPreparedStatement"
	case e.Code == "0A000":
		return e.Routine == "RevalidateCachedQuery"
	}
	return strings.HasPrefix(string(e.Code), "42") && e.Position != ""
}

// unfit tells an argument that does not fit, where the server speaks another language, a type or function that has
// gone. After one such error the statement is prepared anew.
func unfit(err error) bool {
	state := sqlState(err)
	return len(state) == 5 && slices.Contains([]string{"0A", "22", "26", "42", "XX"}, state[:2])
}

// changed tells what may be for a table that is another now.
func changed(err error) bool {
	state := sqlState(err)
	return state == "0A000" || strings.HasPrefix(state, "42")
}

func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// inspect finds connections of lib/pq's that were opened with binary_parameters, too: by that, a query with arguments
// is one round trip anyway, and its values have other types than those of a prepared one.
func inspect(conn driver.Conn) (facts stmtcache.Facts, why string) {
	if sessionID(conn) == "" {
		return facts, stmtcache.OtherConn
	}
	v := reflect.Indirect(reflect.ValueOf(conn))
	for _, name := range [...]string{"cfg", "BinaryParameters"} {
		if v.Kind() == reflect.Struct {
			v = v.FieldByName(name)
		}
	}
	switch {
	case v.Kind() != reflect.Bool:
		return facts, "this version of lib/pq is not known"
	case v.Bool():
		return facts, stmtcache.Binary
	}
	return facts, ""
}
