package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
)

// poolerMode is what stands between the program and PostgreSQL. PgBouncer has no name on an ordinary database, and
// others do as it does, so it is told by the backends, the server's own processes: a session has one for life.
type poolerMode int

const (
	poolerNone        poolerMode = iota // or it behaves as if there were none
	poolerSession                       // sessions are the next client's after this one's end
	poolerTransaction                   // a session has a backend only within a transaction
	poolerStatement                     // only within a statement
)

// shares: what a session leaves is on a backend that others use.
func (m poolerMode) shares() bool { return m >= poolerTransaction }

const (
	poolerRounds = 5
	// poolerPatience is for a session that gets no backend while another is open.
	poolerPatience = 8 * time.Second
	transactTries  = 3
)

// checkPooler asks two open sessions which backend they have: the first twice, then the second, some rounds of that. It
// changes nothing, so nothing is left on a backend of others, and it needs no traffic.
//
//   - Both have the same backend, or one has two: certain, since a session without a pooler has one of its own for
//     life. A pooler that hands out the backend that was used last shows it by the second session, one that hands them
//     out in turn by the first one's second question.
//   - Neither: there is none, or one that kept them apart. PgBouncer does if it runs as several processes and each
//     session met another one.
//   - Sessions opened one after the other had the same backend: certainly a pooler, in session mode or of several
//     processes.
func checkPooler(ctx context.Context, x *exam) error {
	if x.server != postgresServer {
		return nil
	}
	evidence, err := x.sharedBackend(ctx)
	switch {
	case errors.Is(err, errRefused):
		x.alone = true
		return err
	case errors.Is(err, errAlone):
		x.pooler, x.alone = poolerSession, true
		x.report.add("pooler", levelWarning, err.Error()+": most likely there is a pooler in session "+
			"mode with no room for another",
			"give the pooler (PgBouncer: default_pool_size) as many connections as all processes together may need")
	case err != nil:
		return err
	case evidence != "":
		x.pooler = poolerTransaction // until more is known: nothing is to be left on a backend
		transacts, err := x.transacts(ctx)
		if err != nil {
			return err
		}
		if !transacts {
			x.pooler = poolerStatement
		}
		x.judgeSharing(x.secrets.mask(evidence))
	case repeated(x.sessions):
		x.pooler = poolerSession
		x.report.add("pooler", levelOK, "there is a pooler in between: sessions opened one after the other had "+
			"the same backend. It seems to be in session mode: two open sessions kept a backend each", "")
	default:
		x.report.add("pooler", levelOK, fmt.Sprintf("no pooler found: two sessions kept a backend each, in %d rounds",
			poolerRounds), "")
	}
	return nil
}

// judgeSharing: a pool before such a pooler works if nobody wants anything of a session. lib/pq wants its unnamed
// statement, which it prepares in one round trip and executes in the next, unless it is told to do both in one.
func (x *exam) judgeSharing(evidence string) {
	l, unit := levelWarning, "transaction"
	change := []string{"no session state outlives a transaction: use SET LOCAL and pg_advisory_xact_lock, but no " +
		"LISTEN and no temporary tables; docs/proxies.md says more"}
	if x.pooler == poolerStatement {
		l, unit = levelProblem, "statement"
		change = []string{"transactions are not possible: set pool_mode=transaction in PgBouncer"}
	}
	if mode := x.cfg.ResetOnReturn; mode == pooled.ResetAuto || mode == pooled.ResetSession {
		l = levelProblem
		change = append(change, fmt.Sprintf("pool_reset_on_return=rollback, because %s resets whichever backend it gets",
			mode))
	}
	if cfg, err := pq.NewConfig(x.cfg.DSN); err == nil && !cfg.BinaryParameters && x.report.Driver == "postgres" {
		l = levelProblem
		change = append(change, "binary_parameters=yes, because lib/pq otherwise prepares a statement on one backend "+
			"and may execute it on another")
	}
	x.report.add("pooler", l, fmt.Sprintf("there is a pooler in between that shares backends per %s (PgBouncer "+
		"with pool_mode=%s, or similar): %s",
		unit, unit, evidence), strings.Join(change, "; "))
}

// transacts tells whether a transaction is possible. PgBouncer closes the connection of who begins one where it is
// not, which may happen to anybody, but not to session after session that has just had an answer.
func (x *exam) transacts(ctx context.Context) (bool, error) {
	for range transactTries {
		answered := false
		err := x.with(nil, func(s *session) error {
			return s.use(ctx, func(conn *sql.Conn) error {
				if err := send(ctx, conn, "SELECT 1"); err != nil {
					return err
				}
				answered = true
				return send(ctx, conn, "BEGIN", "ROLLBACK")
			})
		})
		switch {
		case err == nil:
			return true, nil
		case !answered || ctx.Err() != nil:
			return false, err
		}
	}
	return false, nil
}

var (
	// errAlone: there was no room for a second session.
	errAlone = fmt.Errorf("of two sessions, the second got no answer within %v", poolerPatience)
	// errRefused: the second session could not be opened.
	errRefused = errors.New("of two sessions, the second was refused")
)

// sharedBackend returns the proof that sessions share backends; empty: there is none.
func (x *exam) sharedBackend(ctx context.Context) (evidence string, err error) {
	var refused refusal
	two := func(cfg *pooled.Config) {
		cfg.Size, cfg.ResetOnReturn, cfg.Hooks.ConnectError = 2, pooled.ResetNone, refused.take
	}
	err = x.with(two, func(s *session) error {
		return s.use(ctx, func(a *sql.Conn) (err error) {
			if err := pooled.SoftInvalidate(ctx, a, nil); err != nil { // it ends when it comes back
				return err
			}
			if evidence, err = s.besideAnother(ctx, a); err != nil {
				err = refused.or(err)
			}
			return err
		})
	})
	if errors.Is(err, errAlone) { // and so does a, which was closed, when it is closed again
		err = errAlone
	}
	return evidence, err
}

// refusal is why a session could not be opened: the pool waits then, as it does for one that comes back.
type refusal struct{ first atomic.Pointer[error] }

func (r *refusal) take(err error) { r.first.CompareAndSwap(nil, &err) }

func (r *refusal) or(err error) error {
	if why := r.first.Load(); why != nil {
		return fmt.Errorf("%w: %w", errRefused, *why)
	}
	return err
}

// besideAnother compares a with a second session. A pooler may let that wait for the end of a, which a context does
// not end where the driver asks the server to cancel: then a goes.
func (s *session) besideAnother(ctx context.Context, a *sql.Conn) (evidence string, err error) {
	ofA, err := one(ctx, a, postgresServer.session)
	if err != nil {
		return "", err
	}
	patience := time.AfterFunc(poolerPatience, func() { a.Close() })
	defer patience.Stop()
	err = s.use(ctx, func(b *sql.Conn) error {
		ofB, err := one(ctx, b, postgresServer.session)
		switch alone := !patience.Stop(); {
		case err != nil:
			return err
		case alone:
			return errAlone // it was answered when a had gone
		}
		evidence, err = compareBackends(ctx, a, b, ofA, ofB)
		return err
	})
	return evidence, err
}

// compareBackends asks them again in turn. ofA and ofB is what they have said first.
func compareBackends(ctx context.Context, a, b *sql.Conn, ofA, ofB string) (evidence string, err error) {
	for range poolerRounds {
		for _, ask := range []struct {
			conn       *sql.Conn
			had, other *string
		}{{a, &ofA, &ofB}, {a, &ofA, &ofB}, {b, &ofB, &ofA}} {
			id, err := one(ctx, ask.conn, postgresServer.session)
			switch {
			case err != nil:
				return "", err
			case id == *ask.other:
				return fmt.Sprintf("two open sessions had the same backend, %s", id), nil
			case id != *ask.had:
				return fmt.Sprintf("one session had backend %s, then %s", *ask.had, id), nil
			}
		}
	}
	return "", nil
}

func repeated(ids []string) bool {
	sorted := slices.Sorted(slices.Values(ids))
	return len(slices.Compact(sorted)) < len(ids)
}
