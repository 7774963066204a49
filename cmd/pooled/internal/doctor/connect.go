package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/hosts"
)

const (
	dialTries = 5
	pingTries = 20
)

// checkConnect opens one session after the other. The first that fails ends the examination: without one there is
// nothing to examine.
func checkConnect(ctx context.Context, x *exam) error {
	var took []time.Duration
	for range dialTries {
		if err := x.with(nil, func(s *session) error {
			began := time.Now()
			return s.use(ctx, func(conn *sql.Conn) error {
				took = append(took, time.Since(began))
				return x.learnSession(ctx, conn)
			})
		}); err != nil {
			return x.refused(ctx, err)
		}
	}
	l := newLatency("dial", took)
	x.report.record(func() { x.report.Latency = append(x.report.Latency, l) })
	if l.median >= slowDial {
		x.report.add("connect", levelWarning, fmt.Sprintf("opening a connection takes %s", l),
			"check name resolution, including the server's own (skip_name_resolve), and TLS; pool_min_idle "+
				"keeps connections ready")
		return nil
	}
	x.report.add("connect", levelOK, fmt.Sprintf("opened %d connections, each in %s", dialTries, l), "")
	return nil
}

// refused says why there is no connection. An interrupt is no finding.
func (x *exam) refused(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
		if !isA[slowError](err) {
			return err
		}
	}
	switch {
	case x.torn:
		x.report.add("connect", levelProblem, "connecting failed; the driver's message is not shown, because it may "+
			"contain part of the password",
			"percent-encode the password: it contains an @ or a / (%40, %2F)")
	case x.server == sqliteServer && errorCode(err) == notADatabase:
		x.report.add("connect", levelProblem, "this is not a SQLite database",
			"check the path: the file is something else, or is encrypted")
	default:
		x.report.add("connect", levelProblem, x.say(err), whatToChange(err))
	}
	return errStop
}

// notADatabase is SQLITE_NOTADB. SQLite looks at the file when it is first asked for something in it.
const notADatabase = "26"

// learnSession notes which session of the server's this is.
func (x *exam) learnSession(ctx context.Context, conn *sql.Conn) error {
	if x.server == sqliteServer {
		if _, err := one(ctx, conn, "PRAGMA schema_version"); errorCode(err) == notADatabase {
			return err
		}
	}
	if x.server == nil || x.server.session == "" {
		return nil
	}
	id, err := one(ctx, conn, x.server.session)
	switch {
	case err == nil:
		x.sessions = append(x.sessions, id)
	case noAnswer(err):
		return err
	}
	return nil // a server that only looks like one of those we know
}

// refusals are ways in which connecting fails, and what helps. The first that fits counts.
var refusals = []struct {
	fits   func(error) bool
	change string
}{
	{refusesInitSQL, "correct pool_init_sql; a driver may take only one statement in it"},
	{coded("28P01", "28000"), "check user and password, and whom the server allows to connect from here (pg_hba.conf)"},
	{coded("1045", "1698"), "check user and password, and the account's host at the server ('user'@'host')"},
	{coded("3159"), "the server requires TLS: tls=true"},
	{coded("1130"), "allow the account to connect from this host, at the server"},
	{coded("3D000", "1049"), "check the name of the database"},
	{coded("1044"), "grant the account privileges on the database"},
	{coded("53300", "1040", "1203"), "the server is full: use fewer or smaller pools, or raise its limit"},
	{coded("57P03"), "the server is starting or stopping: try again"},
	{is(mysql.ErrNoTLS), "turn TLS on at the server, or write tls=false if nobody can listen on the network"},
	{is(pq.ErrSSLNotSupported), "turn TLS on at the server, or write sslmode=disable if nobody can listen on the network"},
	{isA[*tls.CertificateVerificationError], "check the certificate: its host name, who signed it " +
		"(sslrootcert, tls), and when it expires"},
	{isA[x509.UnknownAuthorityError], "give the authority that signed the certificate (sslrootcert, tls)"},
	{lacks(hosts.WantPrimary), "a server answers, but none that takes writes: add the primary's host, or check why " +
		"there is none; pool_target=any for a program that only reads"},
	{lacks(hosts.WantStandby), "a server answers, but none that is read-only: add a standby's host, or " +
		"pool_target=prefer-standby, which uses the primary until there is one"},
	{isA[*net.DNSError], "check the host's name"},
	{cli.Refused, "nothing listens there: check host and port, and whether the server is running"},
	{is(syscall.ENOENT), "there is no such socket: check the path, and whether the server is running"},
	{is(syscall.EHOSTUNREACH), "check the host, and the network in between"},
	{isA[slowError], "check host and port, and firewalls in between"},
	{func(err error) bool { return errors.Is(err, pooled.ErrTimeout) }, "check host and port, and firewalls in between"},
}

// lacks fits if a server is up that has not the role that is wanted. Others may be down.
func lacks(target hosts.Target) func(error) bool {
	return func(err error) bool {
		wrong, ok := errors.AsType[*hosts.RoleError](err)
		return ok && wrong.Target == target
	}
}

func refusesInitSQL(err error) bool {
	return strings.Contains(err.Error(), "pool_init_sql") && !noAnswer(err)
}

func whatToChange(err error) string {
	for _, r := range refusals {
		if r.fits(err) {
			return r.change
		}
	}
	return "see the message"
}

func coded(codes ...string) func(error) bool {
	return func(err error) bool {
		code := errorCode(err)
		for _, c := range codes {
			if c == code {
				return true
			}
		}
		return false
	}
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// checkServer asks what it is and, if that can be told, who listens on the way.
func checkServer(ctx context.Context, x *exam) error {
	if x.server == nil {
		x.report.add("server", levelOK, fmt.Sprintf("the doctor does not know the server of driver %s: it did not "+
			"check its limits, its resets, or what the next caller finds",
			x.cfg.Driver), "")
		return nil
	}
	return x.with(nil, func(s *session) error {
		return s.use(ctx, func(conn *sql.Conn) error {
			version, err := one(ctx, conn, x.server.version)
			if err != nil {
				return err
			}
			name := x.secrets.mask(x.server.call(version))
			x.report.record(func() { x.report.Server = name })
			x.report.add("server", levelOK, name+x.which(s.pool.Hosts()), "")
			return x.server.look(ctx, x, conn)
		})
	})
}

// checkPing measures the round trip that a ping is.
func checkPing(ctx context.Context, x *exam) error {
	var took []time.Duration
	err := x.with(nil, func(s *session) error {
		return s.use(ctx, func(conn *sql.Conn) error {
			for range pingTries {
				began := time.Now()
				if err := conn.PingContext(ctx); err != nil {
					return err
				}
				took = append(took, time.Since(began))
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	l := newLatency("ping", took)
	x.report.record(func() { x.report.Latency = append(x.report.Latency, l) })
	x.ping = l.median
	x.judgePing(l)
	return nil
}

// standardTimeout is the default of pool_ping_timeout and of pool_reset_timeout.
const standardTimeout = 5 * time.Second

// enough is a limit that leaves room for what was measured, on a good day.
func enough(option string, l latency) string {
	least := (4 * l.max).Round(time.Millisecond)
	if least > standardTimeout {
		return fmt.Sprintf("at least %s=%v", option, least)
	}
	return fmt.Sprintf("at least %s=%v; %v is the default", option, least, standardTimeout)
}

// What counts as slow; variables for the tests, whose machine may be busy.
var (
	slowDial  = time.Second
	slowPing  = 50 * time.Millisecond
	slowReset = 100 * time.Millisecond
)

func (x *exam) judgePing(l latency) {
	switch limit := x.cfg.PingTimeout; {
	case limit > 0 && l.max > limit/2:
		x.report.add("ping", levelProblem, fmt.Sprintf("a ping takes %s: with pool_ping_timeout=%v, healthy "+
			"connections will be taken for dead", l, limit),
			enough("pool_ping_timeout", l))
	case l.median > slowPing:
		text, change := "the network alone", "run the program closer to the server"
		if x.near {
			text, change = "an answer, without a network in between", "check what keeps the server and this machine busy"
		}
		x.report.add("ping", levelWarning, fmt.Sprintf("a ping takes %s: every statement waits that long for %s", l, text),
			change)
	default:
		x.report.add("ping", levelOK, fmt.Sprintf("a ping takes %s", l), "")
	}
}
