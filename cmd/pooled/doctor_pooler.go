package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
)

// poolerMode is what stands between the program and PostgreSQL. PgBouncer has no name on an ordinary database, and others do
// as it does, so it is told by the backends, the server's own processes: a session has one for life.
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
)

// checkPooler asks two open sessions which backend they have: the first twice, then the second, some rounds of that. It changes nothing, so
// nothing is left on a backend of others, and it needs no traffic.
//
//   - Both have the same backend, or one has two: certain, since a session without a pooler has one of its own for life. A pooler that lends
//     the backend that was used last shows it by the second session, one that lends them in turn by the first one's second question.
//   - Neither: there is none, or one that kept them apart. PgBouncer does if it runs as several processes and each session met
//     another one.
//   - Sessions opened one after the other had the same backend: certainly a pooler, in session mode or of several processes.
func checkPooler(ctx context.Context, x *exam) error {
	if x.patient != postgresPatient {
		return nil
	}
	evidence, err := x.sharedBackend(ctx)
	switch {
	case errors.Is(err, errAlone):
		x.pooler, x.alone = poolerSession, true
		x.report.add("pooler", levelWarning, err.Error()+": a pooler in session mode, most likely, that has room for no more",
			"give the pooler (PgBouncer: default_pool_size) as many connections as all processes together may want")
	case err != nil:
		return err
	case evidence != "":
		x.pooler = poolerTransaction
		if !x.transacts(ctx) {
			x.pooler = poolerStatement
		}
		x.judgeSharing(evidence)
	case repeated(x.sessions):
		x.pooler = poolerSession
		x.report.add("pooler", levelOK, "a pooler is in between, certainly, since sessions opened one after the other had the same backend; "+
			"in session mode, as far as two open sessions can tell", "")
	default:
		x.report.add("pooler", levelOK, fmt.Sprintf("no pooler seen: two sessions kept a backend each, in %d rounds", poolerRounds), "")
	}
	return nil
}

// judgeSharing: a pool before such a pooler works if nobody wants anything of a session. lib/pq wants its unnamed statement, which it
// prepares in one round trip and executes in the next, unless it is told to do both in one.
func (x *exam) judgeSharing(evidence string) {
	l, unit := levelWarning, "transaction"
	change := []string{"nothing of a session outlives a transaction, so use SET LOCAL and pg_advisory_xact_lock, no LISTEN and no temporary tables; docs/proxies.md says more"}
	if x.pooler == poolerStatement {
		l, unit = levelProblem, "statement"
		change = []string{"no transaction is possible: pool_mode=transaction in PgBouncer"}
	}
	if mode := x.cfg.ResetOnReturn; mode == pooled.ResetAuto || mode == pooled.ResetSession {
		l = levelProblem
		change = append(change, fmt.Sprintf("pool_reset_on_return=rollback, since %s resets whichever backend it meets", mode))
	}
	if cfg, err := pq.NewConfig(x.cfg.DSN); err == nil && !cfg.BinaryParameters && x.report.Driver == "postgres" {
		l = levelProblem
		change = append(change, "binary_parameters=yes, since lib/pq otherwise prepares a statement on one backend and may execute it on another")
	}
	x.report.add("pooler", l, fmt.Sprintf("a pooler that lends backends by %s is in between (PgBouncer with pool_mode=%s or its like), certainly: %s",
		unit, unit, evidence), strings.Join(change, "; "))
}

// transacts tells whether a transaction is possible.
func (x *exam) transacts(ctx context.Context) bool {
	return x.with(nil, func(s *session) error {
		return s.borrow(ctx, func(conn *sql.Conn) error { return send(ctx, conn, "BEGIN", "ROLLBACK") })
	}) == nil
}

// errAlone: there was no room for a second session.
var errAlone = fmt.Errorf("of two sessions the second got no answer within %v", poolerPatience)

// sharedBackend returns the proof that sessions share backends; empty: there is none. A pooler may let the second session wait for the first
// one's end, which a context does not end where the driver asks the server to cancel: then the first one goes.
func (x *exam) sharedBackend(ctx context.Context) (evidence string, err error) {
	two := func(cfg *pooled.Config) { cfg.Size, cfg.ResetOnReturn = 2, pooled.ResetNone }
	err = x.with(two, func(s *session) error {
		return s.borrow(ctx, func(a *sql.Conn) error {
			if err := pooled.SoftInvalidate(ctx, a, nil); err != nil { // it ends when it comes back
				return err
			}
			patience := time.AfterFunc(poolerPatience, func() { a.Close() })
			err := s.borrow(ctx, func(b *sql.Conn) (err error) {
				evidence, err = compareBackends(ctx, a, b)
				return err
			})
			if !patience.Stop() {
				return errAlone
			}
			return err
		})
	})
	if errors.Is(err, errAlone) { // and so does a, which was closed, when it is closed again
		err = errAlone
	}
	return evidence, err
}

func compareBackends(ctx context.Context, a, b *sql.Conn) (evidence string, err error) {
	var ofA, ofB string
	for range poolerRounds {
		for _, ask := range []struct {
			conn       *sql.Conn
			had, other *string
		}{{a, &ofA, &ofB}, {a, &ofA, &ofB}, {b, &ofB, &ofA}} {
			id, err := one(ctx, ask.conn, postgresPatient.session)
			switch {
			case err != nil:
				return "", err
			case id == *ask.other:
				return fmt.Sprintf("two open sessions had the same backend, %s", id), nil
			case *ask.had != "" && id != *ask.had:
				return fmt.Sprintf("one session had backend %s, then %s", *ask.had, id), nil
			}
			*ask.had = id
		}
	}
	return "", nil
}

func repeated(ids []string) bool {
	ids = slices.Sorted(slices.Values(ids))
	return len(slices.Compact(ids)) < dialTries
}
