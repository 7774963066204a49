package pooled

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/pooled-go/pooled/internal/process"
)

// A process that was forked has a copy of all its parent had: the pool, and the sockets of its server connections.
// They stay the parent's. What the child reads or writes there, the parent misses or finds in its stream; to close a
// connection in the protocol's way ends the parent's session; and net.Conn.Close takes the socket out of the parent's
// network poller, which the child shares, so that the parent hangs.
//
// So in a child each pool begins anew, and what the parent's copy of it held is left alone: not used, written to,
// closed or collected. Its descriptors go when the child ends.
//
// Goroutines and timers of the pool's may have been copied as well, and run in the child. They belong to the parent's
// copy of the pool, so what they hold is the parent's, and ServerConn.close, the one place where the pool closes
// anything, sees that.

// errForked is the error of an operation on a server connection that was in use at the fork. A transaction, or a
// session, can't go on in both processes, and nothing can replace it.
var errForked = errors.New("pooled: the connection was opened by the parent process before a fork and can't be " +
	"used in the child: close it, and go on with another of the sql.DB")

// forkGuard refuses a server connection that another process opened. In class direct database/sql may bring one;
// elsewhere only what was under way at the fork can.
var forkGuard = Hooks{
	Checkout: func(_ context.Context, s *ServerConn) error {
		if s.foreign() {
			return fmt.Errorf("%w: %w", ErrDisconnect, errForked)
		}
		return nil
	},
}

// foreign reports whether another process opened this. It is never so without the fork guard, which leaves process
// zero.
func (s *ServerConn) foreign() bool { return !process.Same(s.process) && process.Other(s.process) }

// current is this process's pool: p, or in a forked child the one that took its place there. All that comes from
// outside goes through current first.
func (p *Pool) current() *Pool {
	if process.Same(p.process) {
		return p
	}
	return p.orSuccessor()
}

// orSuccessor is current where the process may be another.
func (p *Pool) orSuccessor() *Pool {
	if process.Other(p.process) {
		return p.succeed()
	}
	return p
}

// succeed makes the child's pool at the first call in the child. Nothing of p is changed or waited for: its lock may
// be held for ever, by a goroutine that the child has no thread for.
func (p *Pool) succeed() *Pool {
	for {
		last := p.successor.Load()
		if last != nil && last.process == process.ID() {
			return last
		}
		fresh := newPool(p.driver.Anew(), *p.cfg, p.user)
		fresh.inherited = true
		fresh.number, fresh.name, fresh.asked, fresh.unregister = p.number, p.name, p.asked, p.unregister
		fresh.above = p.above
		if before := cmp.Or(last, p); before.closing.Load() {
			fresh.closing.Store(true) // by the program, before the fork
			fresh.core.Close()
		}
		if p.successor.CompareAndSwap(last, fresh) {
			process.KeepAlive(p)
			process.KeepAlive(last) // nil, unless the child was forked again
			if fresh.cfg.Timings {
				fresh.measure()
			}
			fresh.fireFork()
			fresh.core.Refill()
			return fresh
		}
		fresh.core.Close() // another goroutine was first
	}
}

// fireFork tells the hooks and logs once in each process, that it was forked.
func (p *Pool) fireFork() {
	p.tally.forks.Store(1)
	parent, child, first := process.Forked()
	for _, f := range p.hooks.fork {
		f(parent, child)
	}
	if first {
		p.log().Warn("pooled: this process was forked; the child opens new connections, the old ones belong to the parent",
			"pool", p.name, "parent", parent, "child", child)
	}
}

// abandon leaves the server connection to the parent process that opened it, with the statements prepared there in
// this lease.
func (c *pooledConn) abandon() { process.KeepAlive(c.leave((*pooledStmt).abandon)) }
