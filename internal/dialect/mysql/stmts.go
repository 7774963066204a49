package mysql

import (
	"database/sql/driver"
	"errors"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/stmtcache"
)

// stmts are the rules of kept statements for go-sql-driver. If it puts the arguments into the text by itself
// (interpolateParams), which is one round trip too, it hardly ever asks for a statement, and none is kept. To MariaDB,
// which tells the columns of a statement once, it takes rows that Exec does not read for columns, the second time.
var stmts = &stmtcache.Rules{
	Unsupported:   unsupported,
	Inspect:       packet,
	Preparable:    rules.Preparable,
	ReturnsRows:   rules.ReturnsRows,
	Kinds:         kinds,
	NeedsPrepare:  true,
	ClosesLocally: true,
	Stale:         stale,
	Unfit:         unfit,
	Changed:       func(error) bool { return false },
	Full:          full,
}

func unsupported(connector driver.Connector) (why string) {
	if _, ours := connector.Driver().(*mysql.MySQLDriver); !ours {
		return stmtcache.OtherDriver
	}
	if c, known := connector.(interface{ InterpolatesParams() bool }); known && c.InterpolatesParams() {
		return stmtcache.Interpolates
	}
	return ""
}

// packet is the longest packet that a connection of go-sql-driver's sends, which it keeps for itself.
func packet(conn driver.Conn) (packet int, why string) {
	v, ours := driverStruct(conn)
	if !ours {
		return 0, stmtcache.OtherConn
	}
	if v = v.FieldByName("maxAllowedPacket"); !v.IsValid() || !v.CanInt() {
		return 0, "this version of go-sql-driver/mysql is not known"
	}
	return int(v.Int()), ""
}

// kinds are the types of arguments. MariaDB remembers a statement's types from one execution to the next, and gives
// wrong answers, or breaks down, when others come; so a statement is kept for arguments of the same types. Names are
// refused by the driver, in its own words; and a long argument is sent apart, before the others were looked at.
func kinds(args []driver.NamedValue, packet int) (kinds uint64, ok bool) {
	const prime = 1099511628211 // FNV's
	long := max(packet/(len(args)+1), 64)
	for i := range args {
		kind := kindOf(args[i].Value, long)
		if kind == 0 || args[i].Name != "" {
			return 0, false
		}
		kinds = (kinds ^ kind) * prime
	}
	return kinds, true
}

// kindOf is 0 for what no statement is kept for.
func kindOf(value driver.Value, long int) uint64 {
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

// unfit tells errors of the driver's own. It may have sent a long argument by then, which stays with the statement at
// the server and would be the next one's.
func unfit(err error) bool {
	var e *mysql.MySQLError
	return !errors.As(err, &e)
}

// stale: 1243 is ER_UNKNOWN_STMT_HANDLER, 1615 ER_NEED_REPREPARE.
func stale(err error) bool { return isError(err, 1243, 1615) || full(err) }

// full: 1461 is ER_MAX_PREPARED_STMT_COUNT_REACHED.
func full(err error) bool { return isError(err, 1461) }

func isError(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && slices.Contains(numbers, e.Number)
}
