package doctor

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/advice"
)

// serverKind is what an examination has to know of a kind of server.
type serverKind struct {
	session string                      // asks for what no two sessions have in common; empty: nothing to ask
	version string                      // the query
	call    func(version string) string // the name it goes by

	// look finds what one session shows: TLS, what the server lets it do.
	look func(ctx context.Context, x *exam, conn *sql.Conn) error
	// limits reads the server's limits and records them. Nil: it has none.
	limits      func(ctx context.Context, x *exam, conn *sql.Conn) error
	idleSetting string // the limit on idle sessions among them

	touch   string // changes the session, so that mode auto resets it
	kinds   []leakKind
	cleanUp []string // undoes what kinds leave
}

var (
	postgresServer = &serverKind{
		// Of several servers behind one name two may have the same number in use.
		session: "SELECT pid || ' since ' || backend_start FROM pg_catalog.pg_stat_activity WHERE pid = " +
			"pg_catalog.pg_backend_pid()",
		version:     "SELECT pg_catalog.version()",
		call:        func(v string) string { v, _, _ = strings.Cut(v, " on "); return v },
		look:        lookAtPostgres,
		limits:      postgresLimits,
		idleSetting: "idle_session_timeout",
		touch:       "SET statement_timeout = 54321",
		kinds:       postgresLeaks,
		cleanUp:     []string{"ROLLBACK", "DISCARD ALL"},
	}
	mysqlServer = &serverKind{
		session: "SELECT CONNECTION_ID()",
		version: "SELECT VERSION()",
		call: func(v string) string {
			if strings.Contains(v, "MariaDB") {
				v, _, _ = strings.Cut(v, "-MariaDB")
				return "MariaDB " + v
			}
			return "MySQL " + v
		},
		look:        lookAtMySQL,
		limits:      mysqlLimits,
		idleSetting: "wait_timeout",
		touch:       "SET @pooled_doctor = 1",
		kinds:       mysqlLeaks,
	}
	sqliteServer = &serverKind{
		version: "SELECT sqlite_version()",
		call:    func(v string) string { return "SQLite " + v },
		look:    lookAtSQLite,
		touch:   "PRAGMA cache_size = 54321",
		kinds:   sqliteLeaks,
	}
)

// serverKinds has those by the driver's name.
var serverKinds = map[string]*serverKind{
	"postgres": postgresServer,
	"pgx":      postgresServer,
	"pgx/v5":   postgresServer,
	"mysql":    mysqlServer,
	"sqlite":   sqliteServer,
	"sqlite3":  sqliteServer,
}

func lookAtPostgres(ctx context.Context, x *exam, conn *sql.Conn) error {
	cfg, err := pq.NewConfig(x.cfg.DSN)
	if err != nil {
		return err
	}
	e, err := ofPostgres(ctx, conn, cfg, x.cfg.DSN)
	if err != nil {
		return err
	}
	x.way(e)
	standby, err := one(ctx, conn, "SELECT pg_catalog.pg_is_in_recovery()")
	if err != nil {
		return err
	}
	x.judgeReadOnly(standby == "true")
	return nil
}

// hostOr is where lib/pq connects to: the address, if one is given.
func hostOr(host string, addr netip.Addr) string {
	if addr.IsValid() {
		return addr.String()
	}
	return host
}

func lookAtMySQL(ctx context.Context, x *exam, conn *sql.Conn) error {
	cfg, err := mysql.ParseDSN(x.cfg.DSN)
	if err != nil {
		return err
	}
	e, err := ofMySQL(ctx, conn, cfg)
	if err != nil {
		return err
	}
	x.way(e)
	state, err := row(ctx, conn, "SELECT @@autocommit, @@global.read_only")
	if err != nil {
		return err
	}
	x.judgeReadOnly(state[1] == "1")
	completion, err := one(ctx, conn, "SELECT @@completion_type")
	if err != nil && noAnswer(err) {
		return err // else there is no such variable
	}
	x.judgeAutocommit(state[0] == "1", completion)
	return nil
}

// judgeAutocommit is about transactions that nobody begins. completion is completion_type, empty if there is none.
func (x *exam) judgeAutocommit(on bool, completion string) {
	const nothing = "completion_type=0, wherever it is set: in the DSN, pool_init_sql or the server's configuration"
	mode := x.cfg.ResetOnReturn
	switch {
	case !on:
		x.report.add("autocommit", levelWarning, advice.AutocommitText(mode), advice.AutocommitChange)
	case completion == "CHAIN":
		x.report.add("autocommit", levelWarning, fmt.Sprintf("completion_type is CHAIN: every COMMIT opens another "+
			"transaction, which is left to pool_reset_on_return=%s", mode), nothing)
	case completion == "RELEASE":
		x.report.add("autocommit", levelWarning, "completion_type is RELEASE: every COMMIT closes the connection, and the "+
			"next caller opens another", nothing)
	default:
		x.report.add("autocommit", levelOK, "each statement is its own transaction", "")
	}
}

func lookAtSQLite(ctx context.Context, x *exam, conn *sql.Conn) error {
	only, err := one(ctx, conn, "PRAGMA query_only")
	if err != nil {
		return err
	}
	if only == "1" || opensReadOnly(x.cfg.DSN) {
		x.report.add("read-only", levelOK, "the DSN opens the database read-only (mode=ro, immutable or "+
			"query_only): a program that writes can't use it", "")
		return nil
	}
	patience, err := one(ctx, conn, "PRAGMA busy_timeout")
	if err != nil {
		return err
	}
	switch ms, _ := strconv.Atoi(patience); {
	case advice.MostConns(x.cfg) == 1:
		x.report.add("sqlite-busy", levelOK, "one connection: callers take turns", "")
	case ms == 0:
		x.report.add("sqlite-busy", levelWarning, "no busy timeout: when two connections write at the same time, "+
			`one gets "database is locked" immediately`,
			"_pragma=busy_timeout(10000); for driver sqlite3 _busy_timeout=10000")
	default:
		x.report.add("sqlite-busy", levelOK, fmt.Sprintf("a writer waits up to %v for another",
			time.Duration(ms)*time.Millisecond), "")
	}
	return nil
}

// opensReadOnly tells whether SQLite's own form of a DSN says so. Only with file: it reads what is behind the question
// mark.
func opensReadOnly(dsn string) bool {
	uri, query, _ := strings.Cut(dsn, "?")
	v, err := url.ParseQuery(query)
	return err == nil && strings.HasPrefix(uri, "file:") && (v.Get("mode") == "ro" || v.Get("immutable") == "1")
}

func (x *exam) judgeReadOnly(yes bool) {
	if yes && (x.cfg.Target == pooled.TargetStandby || x.cfg.Target == pooled.TargetPreferStandby) {
		x.report.add("read-only", levelOK, "this server is read-only, as pool_target asks", "")
		return
	}
	if yes {
		x.report.add("read-only", levelWarning, "this server is read-only: a standby, or configured so",
			"connect to the primary: give its host, or all hosts and pool_target=primary, unless the program only reads")
		return
	}
	x.report.add("read-only", levelOK, "the server accepts writes", "")
}
