package pooled

import (
	"context"
	"errors"
	"fmt"

	"github.com/pooled-go/pooled/internal/hosts"
	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/serverconn"
)

// A server that took writes and takes none any more has been demoted: another one is the primary now. The pool finds
// that out by the errors of statements. It asks the session once, so that it does not mistake a transaction that the
// program has begun read-only for a demotion.

// ErrDemoted is the cause of closing a connection to a server that takes no writes any more, or that is not what
// pool_target asks for.
var ErrDemoted = errors.New("pooled: the server has another role")

// errUnfit is the cause of closing a connection to a host that no longer fits.
var errUnfit = &retirement{text: "pooled: closed: its server has not the role that is needed", of: ErrDemoted}

// greet asks a session whether its server takes statements, if one of the pool's ever took none, and for its role if
// that is wanted.
func (p *Pool) greet(ctx context.Context, c *serverconn.Conn, role bool) (hosts.Role, error) {
	ctx, cancel := serverconn.PingContext(ctx, p.cfg.PingTimeout)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		return hosts.RoleUnknown, fmt.Errorf("pooled: open connection: %w", p.secrets.Error(err))
	}
	if !role || p.driver.Dialect.Role == nil {
		return hosts.RoleUnknown, nil
	}
	readOnly, err := c.AskRole(ctx)
	if err != nil {
		return hosts.RoleUnknown, fmt.Errorf("pooled: open connection: ask for the server's role: %w", p.secrets.Error(err))
	}
	return roleOf(readOnly), nil
}

func roleOf(readOnly bool) hosts.Role {
	if readOnly {
		return hosts.Standby
	}
	return hosts.Primary
}

// maxMoves is how often one statement is sent to another server after one has refused it.
const maxMoves = 3

// moves decides, after s has answered a statement with err, whether it is to be sent to another server. It is if the
// server refused it because it takes no writes any more, so that nothing of it was executed; and if it was the first of
// its lease, outside of a transaction, and the only one in its text, so that the program can't tell the difference.
func (c *pooledConn) moves(ctx context.Context, s *ServerConn, query string, err error, try int) bool {
	p := c.pool.current()
	if !p.refusesWrites(err) {
		return false
	}
	if c.tx.open || s.conn.State.MayHoldTx() {
		s.roleInDoubt = true // it is asked when the transaction is over
		return false
	}
	return c.leaves(ctx, s, try < maxMoves && p.driver.Dialect.Rules.Repeatable(query))
}

// leaves asks whether the server of s takes no writes any more. If so, and if the operation may be done again and is
// the first of its lease, it gives s up.
func (c *pooledConn) leaves(ctx context.Context, s *ServerConn, again bool) bool {
	s.conn.Busy = false
	p := c.pool.current()
	if !p.isDemoted(ctx, s) || !c.pristine || !again {
		return false
	}
	c.turn = s.slot.Turn()
	c.drop(errUnfit)
	p.tally.moved.Add(1)
	return true
}

// refusesWrites recognises the error of a server that takes no writes, or of a transaction that was begun read-only.
func (p *Pool) refusesWrites(err error) bool {
	d := p.driver.Dialect
	return d.ReadOnly != nil && d.ReadOnly(err)
}

// isDemoted asks whether the server of s takes no writes any more, though it should.
func (p *Pool) isDemoted(ctx context.Context, s *ServerConn) bool {
	s.roleInDoubt = false
	role, err := p.greet(ctx, &s.conn, true)
	return err == nil && role == hosts.Standby && p.hosts.Demoted(s.address, s.born)
}

// lookForDemotion is isDemoted for one that comes back.
func (p *Pool) lookForDemotion(s *ServerConn) error {
	ctx, cancel := p.shared.ResetContext(context.Background())
	defer cancel()
	if p.isDemoted(ctx, s) {
		return errUnfit
	}
	return nil
}

// fireDemoted closes the connections to a server that takes no writes any more, and tells the hooks and the log.
func (p *Pool) fireDemoted(a hosts.Address) {
	defer p.logPanic(observe.EventDemoted)
	p.core.CloseWhere(func(s *ServerConn) bool { return s.address == a }, errUnfit, errUnfit)
	for _, h := range p.Hosts() {
		if h.Name != a.Name || h.Address != a.IP {
			continue
		}
		p.log().Warn("pooled: a server takes no writes any more; its connections are closed, and a primary is looked for",
			"pool", p.name, "host", h.shown())
		for _, f := range p.hooks.demoted {
			f(h)
		}
	}
}
