package serverconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/socket"
)

// Prepare makes a new session ready and learns what it is born with, whoever gave it that: the server's configuration,
// the account, the DSN or InitSQL, which comes first for this reason. The facts count also if there is an error.
func (c *Conn) Prepare(ctx context.Context, wants dialect.Wants) (facts dialect.Facts, err error) {
	if err := c.RunInitSQL(ctx); err != nil {
		return facts, err
	}
	if c.shared.Dialect.Probe == nil {
		return facts, nil
	}
	wants.Statements = c.Cache != nil
	facts, err = c.shared.Dialect.Probe(ctx, dialectSession{c}, wants)
	c.restore = facts.Restore
	c.State.SetAutoOff(facts.AutoOff)
	if facts.SessionID != "" {
		c.SessionID = facts.SessionID
	}
	if facts.NoStatements != "" && c.Cache != nil {
		c.Cache.TurnOff(facts.NoStatements)
	}
	if err == nil {
		c.State.SetNew()
	}
	return facts, err
}

// AskRole asks the server whether it takes no writes, whatever the session has been made. It is a question of the
// pool's, and no statement of the program's: it changes nothing of what is known of the session. No result may be open.
// The error, after Shared.ResetTimeout at the latest, says that the role is not known now, as on a PostgreSQL session
// whose transaction has failed. If it is dialect.IsLost, the connection is of no use.
func (c *Conn) AskRole(ctx context.Context) (readOnly bool, err error) {
	if c.shared.Dialect.Role == nil {
		return false, dialect.ErrNoRole
	}
	ctx, cancel := c.shared.ResetContext(ctx)
	defer cancel()
	err = c.Bounded(ctx, func(ctx context.Context) error {
		readOnly, err = c.shared.Dialect.Role(ctx, dialectSession{c})
		return err
	})
	return readOnly && err == nil, err
}

// RunInitSQL runs Shared.InitSQL.
func (c *Conn) RunInitSQL(ctx context.Context) error {
	if c.shared.InitSQL == "" {
		return nil
	}
	if c.Cache != nil {
		c.Cache.Invalidate(c.shared.Dialect.Rules.InvalidatesBy(c.shared.InitSQL))
	}
	if err := c.Exec(ctx, c.shared.InitSQL); err != nil {
		return fmt.Errorf("pooled: pool_init_sql: %w", err)
	}
	return nil
}

// EndTx ends the transaction that may be open.
func (c *Conn) EndTx(ctx context.Context, commit bool) error {
	d := c.shared.Dialect
	text := d.Rollback
	if commit {
		text = d.Commit
	}
	if c.State.AutoOff() {
		text += d.NoChain
	}
	err := c.send(ctx, text)
	if err != nil && (d.NoTransaction == nil || !d.NoTransaction(err)) {
		return fmt.Errorf("pooled: reset on return (%s): %w", text, err)
	}
	c.State.RolledBack()
	return nil
}

// ResetSession gives the session the state it had after Prepare. The error is dialect.ErrReopen if only a new session
// has that.
func (c *Conn) ResetSession(ctx context.Context) error {
	d := c.shared.Dialect
	if d.Reset == nil {
		return dialect.ErrReopen
	}
	if err := d.Reset(ctx, dialectSession{c}, dialect.Facts{Restore: c.restore}); err != nil {
		if errors.Is(err, dialect.ErrReopen) {
			return dialect.ErrReopen
		}
		return err
	}
	if !d.ResetsAtCheckout {
		if err := c.RunInitSQL(ctx); err != nil {
			return err
		}
	}
	c.State.Reset()
	return nil
}

// BeginReset is told before a reset; Sent is what was sent since.
func (c *Conn) BeginReset() { c.sent = "" }

// Sent is what the last reset has sent, empty: nothing.
func (c *Conn) Sent() string { return c.sent }

// noteSent writes down what a reset sends.
func (c *Conn) noteSent(what string) {
	if c.sent != "" {
		what = c.sent + "; " + what
	}
	c.sent = what
}

// send runs a statement of a reset, and writes it down.
func (c *Conn) send(ctx context.Context, query string) error {
	c.noteSent(query)
	err := c.Bounded(ctx, func(ctx context.Context) error { return c.Exec(ctx, query) })
	c.Refused(err)
	return err
}

// dialectSession is a Conn as its dialect sees it.
type dialectSession struct{ c *Conn }

var _ dialect.Session = dialectSession{}

func (d dialectSession) Exec(ctx context.Context, query string) error { return d.c.send(ctx, query) }
func (d dialectSession) Sent(what string)                             { d.c.noteSent(what) }
func (d dialectSession) MayHoldTx() bool                              { return d.c.State.MayHoldTx() }
func (d dialectSession) Driver() *driverconn.Conn                     { return &d.c.Driver }
func (d dialectSession) Connector() driver.Connector                  { return d.c.Connector }
func (d dialectSession) Socket() *socket.Socket                       { return d.c.Socket }

func (d dialectSession) ForgetStatements() {
	d.c.Parked.Forget()
	d.c.Cache.Forget()
}

func (d dialectSession) QueryRow(ctx context.Context, query string) ([]driver.Value, error) {
	return d.c.queryRow(ctx, query)
}
