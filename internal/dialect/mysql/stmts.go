package mysql

import (
	"database/sql/driver"
	"errors"
	"slices"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/stmtcache"
)

// stmts are the rules of kept statements for go-sql-driver. If it puts the arguments into the text by itself
// (interpolateParams), which is one round trip too, it hardly ever asks for a statement, and none is kept. To MariaDB,
// which tells the columns of a statement once, it takes rows that Exec does not read for columns, the second time.
var stmts = &stmtcache.Rules{
	Unsupported:   unsupported,
	Inspect:       inspect,
	Preparable:    rules.Preparable,
	ReturnsRows:   rules.ReturnsRows,
	Sound:         sound,
	Kinds:         kinds,
	NeedsPrepare:  true,
	ClosesLocally: true,
	Stale:         stale,
	Unfit:         unfit,
	Changed:       func(error) bool { return false },
	Full:          full,
}

// sound tells whether a kept statement of a text answers as a new one does.
func sound(q string, facts stmtcache.Facts) bool {
	if facts.Derives {
		return settled(q)
	}
	return !hasSubquery(q)
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

// inspect reads what a connection of go-sql-driver's keeps for itself: how long a packet it sends, and which of
// MariaDB's own capabilities the server has. One that has none of those is MySQL, or a MariaDB before 10.6.
func inspect(conn driver.Conn) (facts stmtcache.Facts, why string) {
	v, ours := driverStruct(conn)
	if !ours {
		return facts, stmtcache.OtherConn
	}
	packet, mariaDB := v.FieldByName("maxAllowedPacket"), v.FieldByName("extCapabilities")
	if !packet.IsValid() || !packet.CanInt() || !mariaDB.IsValid() || !mariaDB.CanUint() {
		return facts, "this version of go-sql-driver/mysql is not known"
	}
	return stmtcache.Facts{Packet: int(packet.Int()), Derives: mariaDB.Uint() == 0}, ""
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
