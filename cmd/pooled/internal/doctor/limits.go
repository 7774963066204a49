package doctor

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/advice"
)

// bound is a limit on how many sessions there may be.
type bound struct {
	name string
	most int
	keep int // to be left for administration, backups, monitoring and other programs
	used int // by others, at this moment; -1: not known
}

// share is what is left for this program.
func (b bound) share() int { return b.most - max(b.keep, b.used, 0) }

// tenth is what docs/sizing.md leaves for others of what a server lets in.
func tenth(most int) int { return most / 10 }

// checkLimits compares what the server allows with what the options ask for.
func checkLimits(ctx context.Context, x *exam) error {
	if x.server.limits == nil {
		return nil
	}
	err := x.with(nil, func(s *session) error {
		return s.use(ctx, func(conn *sql.Conn) error { return x.server.limits(ctx, x, conn) })
	})
	if err != nil {
		return err
	}
	x.judgeSize()
	x.judgeIdleLimit()
	x.judgeTxLimits()
	return nil
}

// postgresQuery: what the server keeps for administrators, and what it allows to this role and this database.
// Superusers have no limit of the latter kinds. Each column has a setting's name, as pg_settings has it.
const postgresQuery = `SELECT
	(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'max_connections') AS max_connections,
	(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'superuser_reserved_connections')
		AS superuser_reserved_connections,
	(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'reserved_connections') AS reserved_connections,
	(SELECT CASE WHEN rolsuper THEN -1 ELSE rolconnlimit END FROM pg_catalog.pg_roles WHERE rolname = session_user)
		AS role_limit,
	(SELECT CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
		WHERE d.datname = pg_catalog.current_database() AND r.rolname = session_user) AS database_limit,
	(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout') AS idle_session_timeout,
	(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'idle_in_transaction_session_timeout')
		AS idle_in_transaction_session_timeout,
	(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout') AS transaction_timeout,
	(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'statement_timeout') AS statement_timeout,
	(SELECT sum(numbackends) - 1 FROM pg_catalog.pg_stat_database) AS in_use`

func postgresLimits(ctx context.Context, x *exam, conn *sql.Conn) error {
	v, err := row(ctx, conn, postgresQuery)
	if err != nil {
		return err
	}
	n := numbers(v) // a setting that this version doesn't have is 0
	x.idleLimit = time.Duration(n[5]) * time.Millisecond
	x.recordLimits(
		ofSessions("max_connections", n[0]),
		ofSessions("superuser_reserved_connections", n[1]),
		ofSessions("reserved_connections", n[2]),
		ofSessions("connection limit of the role", n[3]),
		ofSessions("connection limit of the database", n[4]),
		ofTime("idle_session_timeout", x.idleLimit),
		x.txLimit("idle_in_transaction_session_timeout", time.Duration(n[6])*time.Millisecond, true),
		x.txLimit("transaction_timeout", time.Duration(n[7])*time.Millisecond, false),
		ofTime("statement_timeout", time.Duration(n[8])*time.Millisecond),
		ofSessions("sessions of others now", n[9]),
	)
	reserved := n[1] + n[2]
	x.bound(bound{"max_connections minus reserved ones", n[0] - reserved, max(0, tenth(n[0])-reserved), n[9]})
	x.bound(bound{"the role's connection limit", n[3], 0, -1})
	x.bound(bound{"the database's connection limit", n[4], 0, -1})
	return nil
}

func mysqlLimits(ctx context.Context, x *exam, conn *sql.Conn) error {
	v, err := row(ctx, conn, "SELECT @@max_connections, @@max_user_connections, @@wait_timeout, @@interactive_timeout")
	if err != nil {
		return err
	}
	threads, err := row(ctx, conn, "SHOW GLOBAL STATUS LIKE 'Threads_connected'")
	if err != nil {
		return err
	}
	n, used := numbers(v), -1
	if len(threads) == 2 {
		used = numbers(threads)[1] - 1
	}
	x.idleLimit = time.Duration(n[2]) * time.Second
	if n[1] == 0 {
		n[1] = -1
	}
	limits := []allowance{
		ofSessions("max_connections", n[0]),
		ofSessions("max_user_connections", n[1]),
		ofTime("wait_timeout", x.idleLimit),
		ofTime("interactive_timeout", time.Duration(n[3])*time.Second),
	}
	// MariaDB's.
	idle, err := row(ctx, conn, "SELECT @@idle_transaction_timeout, @@idle_write_transaction_timeout, "+
		"@@idle_readonly_transaction_timeout")
	if err != nil && noAnswer(err) {
		return err
	}
	for i, seconds := range numbers(idle) {
		name := []string{"idle_transaction_timeout", "idle_write_transaction_timeout", "idle_readonly_transaction_timeout"}[i]
		limits = append(limits, x.txLimit(name, time.Duration(seconds)*time.Second, true))
	}
	x.recordLimits(append(limits, ofSessions("sessions of others now", used))...)
	x.bound(bound{"max_connections", n[0], tenth(n[0]), used})
	x.bound(bound{"max_user_connections", n[1], 0, -1})
	return nil
}

func numbers(texts []string) []int {
	n := make([]int, len(texts))
	for i, text := range texts {
		n[i], _ = strconv.Atoi(text)
	}
	return n
}

func (x *exam) recordLimits(l ...allowance) {
	x.report.record(func() { x.report.Limits = l })
}

// bound notes a limit; a negative one is none.
func (x *exam) bound(b bound) {
	if b.most >= 0 {
		x.bounds = append(x.bounds, b)
	}
}

// tightest are the limit that refuses first, and the one that leaves the least for this program.
func (x *exam) tightest() (refuses, leaves bound, ok bool) {
	for i, b := range x.bounds {
		if i == 0 || b.most < refuses.most {
			refuses = b
		}
		if i == 0 || b.share() < leaves.share() {
			leaves = b
		}
	}
	return refuses, leaves, len(x.bounds) > 0
}

// judgeSize compares what all processes together may open with what the server lets in.
func (x *exam) judgeSize() {
	b, leaves, ok := x.tightest()
	if !ok {
		return
	}
	if x.pooler != poolerNone {
		x.report.add("server-limit", levelOK, "the pooler in between has limits of its own for this program "+
			"(PgBouncer: max_client_conn, default_pool_size); the server's limits apply to the pooler", "")
		return
	}
	all := "1 process (--instances N for more)"
	if x.instances > 1 {
		all = fmt.Sprintf("%d processes", x.instances)
	}
	most := advice.MostConns(x.cfg)
	if most < 0 {
		x.report.add("limit", levelWarning, fmt.Sprintf("the pool has no limit: under load %s may take all %d "+
			"connections of the server (%s), and other clients are refused", all, b.most, b.name),
			x.share(leaves)+leaves.left()) // a higher limit would be reached as well
		return
	}
	x.report.add("limit", levelOK, fmt.Sprintf("a process opens at most %d connections", most), "")
	need := most * x.instances
	but := "and"
	if need > b.most {
		but = "but"
	}
	sum := fmt.Sprintf("%s with at most %d connections each: up to %d, %s the server allows %d (%s)", all, most, need, but,
		b.most, b.name)
	fix := x.share(leaves) + leaves.left() + x.orRaise(leaves)
	switch {
	case need > b.most:
		x.report.add("server-limit", levelProblem, sum, fix)
	case need > leaves.share() && leaves.used > leaves.keep:
		x.report.add("server-limit", levelWarning, fmt.Sprintf("%s; others have %d open now", sum, leaves.used),
			"unless the others are older processes of this program that will end: "+fix)
	case need > leaves.share():
		x.report.add("server-limit", levelWarning, sum+"; that leaves too few for administration, backups, monitoring and "+
			"other programs", fix)
	default:
		x.report.add("server-limit", levelOK, sum, "")
	}
}

// left says what the advice leaves for others.
func (b bound) left() string {
	if n := b.most - b.share(); n > 0 {
		return fmt.Sprintf(", which leaves %d for others", n)
	}
	return ""
}

// share is the options by which the processes share what there is.
func (x *exam) share(b bound) string {
	each := b.share() / x.instances
	switch {
	case each < 1:
		return fmt.Sprintf("the server has less than one connection for each: raise its limit (%s), use a pooler, or "+
			"run fewer processes", b.name)
	case x.cfg.Class == pooled.ClassDirect || x.cfg.Class == pooled.ClassNull:
		return fmt.Sprintf("db.SetMaxOpenConns(%d) at most", each)
	}
	return fmt.Sprintf("pool_max_conns=%d at most, in place of pool_size and pool_max_overflow", each)
}

// orRaise is the other way, where share has not said it yet.
func (x *exam) orRaise(b bound) string {
	if b.share() < x.instances {
		return ""
	}
	return "; or raise the server's limit"
}

const (
	tinyIdleLimit  = 10 * time.Second
	shortIdleLimit = 5 * time.Minute
)

// judgeIdleLimit is about the server that ends sessions which do nothing. The pool knows the limit and closes its idle
// connections earlier, so it matters only if it is short.
func (x *exam) judgeIdleLimit() {
	limit, recycle, name := x.idleLimit, x.cfg.Recycle, x.server.idleSetting
	switch {
	case limit == 0:
		x.report.add("idle-limit", levelOK, "the server does not end idle sessions", "")
	case limit < tinyIdleLimit:
		x.report.add("idle-limit", levelProblem, fmt.Sprintf("the server ends a session after %v of idleness, even "+
			"while a caller holds the connection", limit),
			fmt.Sprintf("raise %s, to 10 minutes or more", name))
	case x.cfg.Class == pooled.ClassNull:
		x.report.add("idle-limit", levelOK, fmt.Sprintf("the server ends a session that is idle for %v; class null "+
			"keeps no idle connections", limit), "")
	case recycle > limit || recycle < 0 && limit < shortIdleLimit:
		x.report.add("idle-limit", levelWarning, fmt.Sprintf("the server ends a session that is idle for %v, which "+
			"is less than pool_recycle=%s: the pool closes idle connections earlier, and after a quiet time callers "+
			"wait for new ones", limit, recycleText(recycle)),
			fmt.Sprintf("raise %s above pool_recycle, or lower pool_recycle", name))
	default:
		x.report.add("idle-limit", levelOK, fmt.Sprintf("the server ends a session that is idle for %v; the pool "+
			"closes it earlier", limit), "")
	}
}

func recycleText(d time.Duration) string {
	if d < 0 {
		return "-1"
	}
	return d.String()
}
