package pooled

import (
	"context"
	"fmt"
	"time"

	"github.com/pooled-go/pooled/internal/serverconn"
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
		unsure, err := s.conn.Peek(ctx)
		if err != nil {
			return dead(err)
		}
		if !ping && !unsure || s.conn.Driver.Pinger == nil {
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
	limit := serverconn.PingLimit(ctx, p.cfg.PingTimeout)
	silent, err := s.conn.Ping(ctx, limit)
	switch {
	case err == nil:
		s.slot.SetAlive()
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	p.core.Suspect()
	if silent {
		limit = limit.Round(time.Millisecond)
		err = fmt.Errorf("no answer within %v", limit)
		p.core.CloseSuspects(&s.slot, fmt.Errorf("pooled: another connection did not answer a ping within %v", limit))
	}
	return fmt.Errorf("%w: ping: %w", ErrDisconnect, err)
}

// lookAfterLoss is for one that comes back broken, and no operation has said so: its Rows may have. If the server has
// hung up, that is a loss as any.
func (p *Pool) lookAfterLoss(s *ServerConn) {
	if s.conn.Cause != nil {
		return
	}
	if err := s.conn.HungUp(context.Background()); err != nil {
		s.conn.Cause = fmt.Errorf("pooled: %w", err)
		p.core.Suspect()
	}
}
