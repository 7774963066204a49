package pooled

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pooled-go/pooled/internal/socket"
)

// livenessGuard keeps a dead server connection from being leased. It looks at the socket, if that is known, which
// costs a system call and no round trip; and it pings by pool_pre_ping, when the socket's silence says too little:
// bytes that nobody asked for, or a loss since this one was last seen alive.
//
// All of it is part of the checkout, within the caller's context. What is dead is closed in the background.
func (p *Pool) livenessGuard() Hooks {
	return Hooks{Checkout: func(ctx context.Context, s *ServerConn) error {
		if !s.slot.Used() || s.conn.Socket == nil && s.conn.Driver.Pinger == nil {
			return nil
		}
		ping := p.wantsPing(s)
		if s.conn.Socket != nil {
			switch state, err := s.conn.Socket.Peek(); {
			case state == socket.Gone:
				return fmt.Errorf("%w: the server has hung up: %w", ErrDisconnect, err)
			case state == socket.Pending && p.driver.Dialect.SilentWhenIdle:
				return fmt.Errorf("%w: the server has sent something unasked, most likely that it ends the session", ErrDisconnect)
			case state == socket.Pending:
				ping = true
			}
		}
		if !ping || s.conn.Driver.Pinger == nil {
			return nil
		}
		return p.ping(ctx, s)
	}}
}

// wantsPing is pool_pre_ping's answer.
func (p *Pool) wantsPing(s *ServerConn) bool {
	switch p.cfg.PrePing {
	case PingOff:
		return false
	case PingAlways:
		return true
	}
	return s.slot.Suspect() || s.slot.IdleFor() > p.cfg.PrePing
}

// ping asks the server whether it is there. If time runs out rather than the server answering, so it would with the
// others that have been idle meanwhile: a firewall that forgets connections forgets them all. They are closed, and the
// caller need not wait for one after the other.
func (p *Pool) ping(ctx context.Context, s *ServerConn) error {
	limited, cancel := ctx, context.CancelFunc(func() {})
	limit := p.pingLimit(ctx)
	if limit > 0 {
		limited, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	err := s.conn.Bounded(limited, s.conn.Driver.Pinger.Ping)
	switch {
	case err == nil:
		s.slot.SetAlive()
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	p.core.Suspect()
	if limited.Err() != nil {
		limit = limit.Round(time.Millisecond)
		err = fmt.Errorf("no answer within %v", limit)
		p.core.CloseSuspects(&s.slot, fmt.Errorf("pooled: another did not answer a ping within %v", limit))
	}
	return fmt.Errorf("%w: ping: %w", ErrDisconnect, err)
}

// leastPing is how long a ping may take in any case.
const leastPing = 250 * time.Millisecond

// pingLimit is pool_ping_timeout, or half of the time the caller has left: if the server connection is dead, the
// caller needs the other half to get another.
func (p *Pool) pingLimit(ctx context.Context) time.Duration {
	limit := p.cfg.PingTimeout
	if end, ok := ctx.Deadline(); ok {
		half := max(time.Until(end)/2, leastPing)
		if limit == NoLimit || half < limit {
			return half
		}
	}
	return limit
}

// lookAfterLoss is for one that comes back broken, and no operation has said so: its Rows may have. If the server has
// hung up, that is a loss as any. The driver itself closes a connection on which it gave up, which tells nothing about
// the server.
func (p *Pool) lookAfterLoss(s *ServerConn) {
	if s.conn.Cause != nil || s.conn.Socket == nil {
		return
	}
	if state, err := s.conn.Socket.Peek(); state == socket.Gone && !errors.Is(err, net.ErrClosed) {
		s.conn.Cause = fmt.Errorf("pooled: the server has hung up: %w", err)
		p.core.Suspect()
	}
}
