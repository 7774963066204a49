package doctor

import (
	"context"
	"fmt"
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
			sent = state.Sent // on this goroutine, see pooled.Hooks
			return nil
		}
	}
	replaced, lost := false, uint64(0)
	err := x.with(watch, func(s *session) error {
		for range resetTries {
			conn, err := s.db.Conn(ctx)
			if err != nil {
				return err
			}
			if _, err := conn.ExecContext(ctx, leave); err != nil {
				conn.Close()
				return err
			}
			began := time.Now()
			if err := conn.Close(); err != nil {
				return err
			}
			took = append(took, time.Since(began))
		}
		replaced, lost = s.replaced(), s.pool.Stats().Invalidated
		return nil
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
	case limit > 0 && l.max > limit/2:
		x.report.add("reset", levelProblem, fmt.Sprintf("a reset takes %s: one that takes longer than "+
			"pool_reset_timeout=%v closes the connection", l, limit),
			enough("pool_reset_timeout", l))
	case lost > 0:
		x.report.add("reset", levelWarning,
			fmt.Sprintf("%d of %d resets failed, and each closed its connection", lost, resetTries),
			"check the network, and the server's log: it may have ended the sessions")
	case replaced && x.server != sqliteServer:
		text := fmt.Sprintf("a reset in mode %s closes the connection, and the next caller opens another", mode)
		if x.server == mysqlServer {
			text += ": a MySQL session can't be reset with compression, with init_connect, with a dialer of your own, or " +
				"over TLS with a go-sql-driver/mysql that this pooled does not know"
		}
		x.report.add("reset", levelWarning, text, x.sparingMode())
	case l.median > slowReset:
		x.report.add("reset", levelWarning, fmt.Sprintf("a reset takes %s, on each return with something to undo",
			l), x.sparingMode())
	default:
		x.report.add("reset", levelOK, fmt.Sprintf("a reset takes %s", l), "")
	}
}

// sparingMode is a mode that resets less often.
func (x *exam) sparingMode() string {
	if x.cfg.ResetOnReturn == pooled.ResetSession {
		return "pool_reset_on_return=auto, which resets only after statements that need it"
	}
	return "run the program closer to the server; transactions ended by Commit or Rollback need no reset"
}
