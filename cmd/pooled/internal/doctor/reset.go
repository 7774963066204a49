package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pooled-go/pooled"
)

const resetTries = 10

// checkReset gives a session back with something to undo, in the DSN's mode, and measures that.
func checkReset(ctx context.Context, x *exam) error {
	leave, ok := x.somethingToUndo()
	if !ok {
		return nil
	}
	var took []time.Duration
	var sent string
	watch := func(cfg *pooled.Config) {
		cfg.ResetOnReturn = x.cfg.ResetOnReturn
		cfg.Hooks.Reset = func(_ context.Context, _ *pooled.ServerConn, state pooled.ResetState) error {
			sent = cmp.Or(state.Sent, sent) // on this goroutine, see pooled.Hooks; the last caller leaves nothing
			return nil
		}
	}
	replaced, lost := false, uint64(0)
	err := x.with(watch, func(s *session) (err error) {
		took, err = timeResets(ctx, s, leave)
		replaced, lost = s.replaced(), s.pool.Stats().Invalidated
		return err
	})
	if err != nil {
		return err
	}
	l := newLatency("reset", took)
	l.Sent = sent
	if replaced && lost == 0 {
		l.Sent = "closed and reopened"
	}
	x.report.record(func() { x.report.Latency = append(x.report.Latency, l) })
	x.judgeReset(l, replaced, lost)
	return nil
}

// timeResets is how long it takes until another caller can have what one has left something behind on: the reset, and,
// if that closes the session, the opening of another.
func timeResets(ctx context.Context, s *session, leave string) (took []time.Duration, err error) {
	var returned time.Duration // how long it took to give the last one back
	opened := uint64(1)
	for i := range resetTries + 1 {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		err = conn.PingContext(ctx) // the first operation has the session
		if i > 0 {
			if now := s.pool.Stats().Opened; now > opened {
				returned, opened = returned+time.Since(began), now
			}
			took = append(took, returned)
		}
		if err == nil && i < resetTries {
			_, err = conn.ExecContext(ctx, leave)
		}
		began = time.Now()
		if err := errors.Join(err, conn.Close()); err != nil {
			return nil, err
		}
		returned = time.Since(began)
	}
	return took, nil
}

// somethingToUndo is the statement that a reset in the DSN's mode has the most work with.
func (x *exam) somethingToUndo() (leave string, ok bool) {
	switch mode := x.cfg.ResetOnReturn; {
	case mode == pooled.ResetNone || x.cfg.Class == pooled.ClassNull:
		return "", false // nothing is reset
	case mode == pooled.ResetRollback || mode == pooled.ResetCommit:
		return "BEGIN", x.pooler != poolerStatement
	}
	return x.server.touch, !x.pooler.shares()
}

// judgeReset: replaced says that sessions were closed and others opened in their place, lost how many because their
// reset failed.
func (x *exam) judgeReset(l latency, replaced bool, lost uint64) {
	limit, mode := x.cfg.ResetTimeout, x.cfg.ResetOnReturn
	switch {
	case limit > 0 && l.max > limit/2 && !replaced: // an opening has pool_timeout
		x.report.add("reset", levelProblem, fmt.Sprintf("a reset takes %s: one that takes longer than "+
			"pool_reset_timeout=%v closes the connection", l, limit),
			enough("pool_reset_timeout", l))
	case lost > 0:
		x.report.add("reset", levelWarning,
			fmt.Sprintf("%d of %d resets failed, and each closed its connection", lost, resetTries),
			"check the network, and the server's log: it may have ended the sessions")
	case replaced && x.server != sqliteServer:
		text := fmt.Sprintf("a reset in mode %s closes the connection and opens another, which takes %s", mode, l)
		if x.server == mysqlServer {
			text += ": a MySQL session can't be reset with compression, with init_connect, with a dialer of your own, or " +
				"over TLS with a go-sql-driver/mysql that this pooled does not know"
		}
		x.report.add("reset", levelWarning, text, x.reopenLess())
	case l.median > slowReset:
		x.report.add("reset", levelWarning, fmt.Sprintf("a reset takes %s, on each return with something to undo",
			l), x.resetLess(l))
	default:
		x.report.add("reset", levelOK, fmt.Sprintf("a reset takes %s", l), "")
	}
}

// resetLess is what makes resets rarer, or shorter. A server far away is so for a ping, too.
func (x *exam) resetLess(l latency) string {
	switch {
	case x.cfg.ResetOnReturn == pooled.ResetSession:
		return autoMode
	case !x.near && x.ping > l.median/2:
		return "run the program closer to the server; transactions ended by Commit or Rollback need no reset"
	}
	return "check what keeps the server busy; transactions ended by Commit or Rollback need no reset"
}

const autoMode = "pool_reset_on_return=auto, which resets only after statements that need it"

// reopenLess is how the session could be reset without another connection, or more rarely.
func (x *exam) reopenLess() string {
	var ways []string
	if strings.Contains(x.cfg.DSN, "compress=true") {
		ways = append(ways, "remove compress=true")
	}
	if x.cfg.ResetOnReturn == pooled.ResetSession {
		ways = append(ways, autoMode)
	} else {
		ways = append(ways, "pool_reset_on_return=rollback, if the program leaves no state behind")
	}
	return strings.Join(ways, "; or ")
}
