package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	mysqltext "github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// What each kind of server and its driver mean for kept statements.

// postgresStmts are lib/pq's. Other drivers have a cache of their own (pgx), or nobody knows what they have.
var postgresStmts = &stmtcache.Rules{
	Supports:  isPQ,
	Inspect:   func(conn driver.Conn) (int, bool) { return 0, postgresSession(conn) != "" && !pqBinary(conn) },
	Stale:     postgresStale,
	Unfit:     postgresUnfit,
	Changed:   func(err error) bool { return sqlState(err) == "0A000" || strings.HasPrefix(sqlState(err), "42") },
	WatchRows: true,
	Busy:      errPQBusy,

	Preparable:  postgres.Rules.Preparable,
	ReturnsRows: postgres.Rules.ReturnsRows,
}

// postgresStale recognises errors of the server's from before it executes anything: the statement is
// not known (26000), its result would have other columns (0A000), it can't be read any more as it was, since a
// table or column has gone (class 42 with a place in the text), or an argument does not fit, which may
// be for the type that a column had when the statement was prepared. Where tells that it was not a function's own
// statement that failed.
func postgresStale(err error) bool {
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

// postgresUnfit: an argument that does not fit, where the server speaks another language, a type or function that has
// gone. After one such error the statement is prepared anew.
func postgresUnfit(err error) bool {
	state := sqlState(err)
	return len(state) == 5 && slices.Contains([]string{"0A", "22", "26", "42", "XX"}, state[:2])
}

// mysqlStmts are for go-sql-driver. If it puts the arguments into the text by itself (interpolateParams), which is one
// round trip too, it hardly ever asks for a statement, and none is kept. To MariaDB, which tells the columns of a
// statement once, it takes rows that Exec does not read for columns, the second time.
var mysqlStmts = &stmtcache.Rules{
	Supports: func(connector driver.Connector) bool {
		c, known := connector.(*mysqlConnector)
		return isMySQL(connector) && !(known && c.cfg.InterpolateParams)
	},
	Preparable:    mysqltext.Rules.Preparable,
	ReturnsRows:   mysqltext.Rules.ReturnsRows,
	Inspect:       mysqlPacket,
	Kinds:         mysqlKinds,
	NeedsPrepare:  true,
	ClosesLocally: true,
	Unfit:         mysqlUnfit,
	Changed:       func(error) bool { return false },
	Stale:         func(err error) bool { return mysqlNumber(err, 1243, 1615) || mysqlStmtsFull(err) },
	Full:          mysqlStmtsFull,
}

// mysqlPacket is the longest packet that a connection of go-sql-driver's sends, which it keeps for itself.
func mysqlPacket(conn driver.Conn) (packet int, ok bool) {
	v := reflect.Indirect(reflect.ValueOf(conn))
	if v.Kind() != reflect.Struct || v.Type().PkgPath() != reflect.TypeFor[mysql.MySQLDriver]().PkgPath() {
		return 0, false
	}
	if v = v.FieldByName("maxAllowedPacket"); !v.IsValid() || !v.CanInt() {
		return 0, false
	}
	return int(v.Int()), true
}

// mysqlKinds: MariaDB remembers a statement's types from one execution to the next, and gives wrong answers, or
// breaks down, when others come; so a statement is kept for arguments of the same types. Names are refused by
// the driver, in its own words; and a long argument is sent apart, before the others were looked at.
func mysqlKinds(args []driver.NamedValue, packet int) (kinds uint64, ok bool) {
	const prime = 1099511628211 // FNV's
	long := max(packet/(len(args)+1), 64)
	for i := range args {
		kind := mysqlKind(args[i].Value, long)
		if kind == 0 || args[i].Name != "" {
			return 0, false
		}
		kinds = (kinds ^ kind) * prime
	}
	return kinds, true
}

// mysqlKind is 0 for what no statement is kept for.
func mysqlKind(value driver.Value, long int) uint64 {
	switch v := value.(type) {
	case nil:
		return 1
	case int64:
		return 2
	case uint64:
		return 3
	case float64:
		return 4
	case bool:
		return 5
	case time.Time:
		return 6
	case string:
		if len(v) < long {
			return 6
		}
	case []byte:
		if v == nil {
			return 1
		}
		if len(v) < long {
			return 6
		}
	}
	return 0
}

// mysqlUnfit: an error of the driver's own. It may have sent a long argument by then, which stays with the statement at the
// server and would be the next one's.
func mysqlUnfit(err error) bool {
	var e *mysql.MySQLError
	return !errors.As(err, &e)
}

// mysqlStmtsFull is ER_MAX_PREPARED_STMT_COUNT_REACHED. The other two are ER_UNKNOWN_STMT_HANDLER and ER_NEED_REPREPARE.
func mysqlStmtsFull(err error) bool { return mysqlNumber(err, 1461) }

func mysqlNumber(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	for _, n := range numbers {
		if e.Number == n {
			return true
		}
	}
	return false
}

func isMySQL(parent driver.Connector) bool {
	_, ok := parent.Driver().(*mysql.MySQLDriver)
	return ok
}

// greetPostgresStmts turns the cache off on a server connection on which it is not safe: behind a pooler the next
// statement may go to another backend, which knows other statements by the same names. A pooler tells a client a
// process number of its own making. Where the server does not say, it is not known to be safe.
func greetPostgresStmts(ctx context.Context, p *Pool, s *ServerConn) error {
	if s.cache == nil {
		return nil
	}
	row, err := s.queryRow(ctx, "SELECT pg_catalog.pg_backend_pid()")
	switch lost := p.dialect.unanswered(ctx, err); {
	case lost != nil:
		return lost
	case err != nil:
		s.cache.TurnOff("a server did not say which session it is")
	case fmt.Sprint(row[0]) != s.session:
		s.cache.TurnOff("behind a pooler the next statement may go to another session")
	}
	return nil
}

// pqBinary tells whether a connection of lib/pq's was opened with binary_parameters, by which a query with arguments
// is one round trip anyway, and its values have other types than those of a prepared one. It is true if that can't
// be told.
func pqBinary(conn driver.Conn) bool {
	v := reflect.Indirect(reflect.ValueOf(conn))
	for _, name := range [...]string{"cfg", "BinaryParameters"} {
		if v.Kind() != reflect.Struct {
			return true
		}
		v = v.FieldByName(name)
	}
	return v.Kind() != reflect.Bool || v.Bool()
}
