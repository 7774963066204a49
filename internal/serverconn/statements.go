package serverconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/pooled-go/pooled/internal/stmtcache"
)

// keepStmts puts a cache before the driver's connection, if statements are to be kept.
func (c *Conn) keepStmts() {
	stmts, rules := c.shared.Stmts, c.shared.Dialect.Stmts
	if stmts == nil {
		return
	}
	why := stmtcache.OtherDriver
	if rules != nil {
		why = rules.Unsupported(c.Connector)
	}
	if why != "" {
		stmts.NotKept(why)
		return
	}
	c.Cache = stmts.Before(&c.Driver, rules, host{c})
}

// NeedsCleanUp tells whether there may be statements to close.
func (c *Conn) NeedsCleanUp() bool {
	return c.Parked.NeedsCleanUp(&c.shared.Texts) || c.Cache.NeedsCleanUp()
}

// CleanUp closes the statements that nobody needs any more. It blocks until that is done, for Shared.ResetTimeout at
// most. The error is Why, or that of closing a kept statement, if that shows that the connection is dead.
func (c *Conn) CleanUp() error {
	ctx, cancel := c.shared.ResetContext(context.Background())
	defer cancel()
	c.Parked.CloseDiscarded(ctx, c.CloseStmt)
	if !c.Broken && c.HasUnwanted() {
		c.Parked.Sweep(ctx, &c.shared.Texts, c.CloseStmt)
	}
	switch {
	case c.Broken:
		return c.Why()
	case c.Cache.NeedsCleanUp():
		return c.Cache.CleanUp(ctx)
	}
	return nil
}

// HasUnwanted tells whether there are parked statements whose text nobody needs any more.
func (c *Conn) HasUnwanted() bool { return c.Parked.NeedsSweep(&c.shared.Texts) }

// CloseUnwanted closes them, within ctx and Shared.ResetTimeout. The error is Why, if that shows that the connection is
// dead.
func (c *Conn) CloseUnwanted(ctx context.Context) error {
	ctx, cancel := c.shared.ResetContext(ctx)
	defer cancel()
	c.Parked.Sweep(ctx, &c.shared.Texts, c.CloseStmt)
	if c.Broken {
		return c.Why()
	}
	return nil
}

// CloseStmt closes a statement within ctx, which it can't be told. If that shows that the connection is dead, that is
// what it is from now on.
func (c *Conn) CloseStmt(ctx context.Context, stmt driver.Stmt) error {
	err := c.Bounded(ctx, func(context.Context) error { return stmt.Close() })
	if err != nil && (ctx.Err() != nil || errors.Is(err, driver.ErrBadConn)) {
		c.Broken = true
		if c.Cause == nil && c.Ended == nil { // the driver has closed it for a context's end
			c.Cause = fmt.Errorf("pooled: close statement: %w", err)
		}
	}
	return err
}

// host is a Conn as its cache of statements sees it.
type host struct{ c *Conn }

var _ stmtcache.Host = host{}

func (h host) Start()                            { h.c.Start() }
func (h host) InTx() bool                        { return h.c.State.OpenTx() }
func (h host) MayHoldTx() bool                   { return h.c.State.MayHoldTx() }
func (h host) Lost()                             { h.c.Broken = true }
func (h host) Cut(err error)                     { h.c.Cut, h.c.Broken, h.c.Ended = true, true, err }
func (h host) MakeRoom(ctx context.Context) bool { return h.c.shared.MakeRoom(ctx, h.c) }

func (h host) CloseStmt(ctx context.Context, stmt driver.Stmt) error {
	err := h.c.Bounded(ctx, func(context.Context) error { return stmt.Close() })
	if err != nil {
		h.c.Broken = true
	}
	return err
}
