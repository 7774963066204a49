package stmtcache_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/sqltext"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// What the server says about a kept statement, by the rules of the tests.
var (
	errStale = errors.New("stale statement")
	errUnfit = errors.New("unfit statement")
	errFull  = errors.New("no more statements")
)

// rules are those of a driver that asks for statements when there are arguments, as go-sql-driver does, or does not.
func rules(needsPrepare bool) *stmtcache.Rules {
	return &stmtcache.Rules{
		Inspect:       func(driver.Conn) (facts stmtcache.Facts, why string) { return facts, "" },
		Preparable:    generic.Dialect.Rules.Preparable,
		ReturnsRows:   generic.Dialect.Rules.ReturnsRows,
		NeedsPrepare:  needsPrepare,
		ClosesLocally: true,
		Stale:         func(err error) bool { return errors.Is(err, errStale) },
		Unfit:         func(err error) bool { return errors.Is(err, errUnfit) },
		Changed:       func(error) bool { return false },
		Full:          func(err error) bool { return errors.Is(err, errFull) },
	}
}

// pool opens connections with caches before them, and does for them what a pool does.
type pool struct {
	*pooledtest.Fake
	*sql.DB
	t      *testing.T
	shared *stmtcache.Shared
	rules  *stmtcache.Rules
	why    []string // causes for which no statements are kept
	looked int      // lines of the fake's log that were compared
}

func open(t *testing.T, most int, resets bool, rules *stmtcache.Rules, p pooledtest.Profile) *pool {
	pool := &pool{Fake: pooledtest.NewFake(t, pooledtest.With(p)), t: t, rules: rules}
	pool.shared = stmtcache.NewShared(most, resets, func(why string) { pool.why = append(pool.why, why) })
	pool.DB = sql.OpenDB(connector{pool})
	t.Cleanup(func() { pool.DB.Close() })
	return pool
}

// keeping is a pool whose driver asks for statements when there are arguments.
func keeping(t *testing.T, most int) *pool {
	return open(t, most, false, rules(true), pooledtest.SkipQueries)
}

// skip forgets what reached the server so far.
func (p *pool) skip() { p.looked = len(p.Log()) }

// want compares what reached the server since the last look, but for connections and their numbers.
func (p *pool) want(want ...string) {
	p.t.Helper()
	var have []string
	for _, line := range p.Log()[p.looked:] {
		_, what, _ := strings.Cut(line, " ")
		if what != "close" && what != "connect" && what != "resetSession" {
			have = append(have, what)
		}
	}
	p.skip()
	if !slices.Equal(have, want) {
		p.t.Errorf("reached the server:\nhave %q\nwant %q", have, want)
	}
}

func (p *pool) exec(query string, args ...any) {
	p.t.Helper()
	if _, err := p.Exec(query, args...); err != nil {
		p.t.Fatal(err)
	}
}

// keep uses each text twice.
func (p *pool) keep(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		p.exec(text, 1)
		p.exec(text, 1)
	}
}

// own is a connection of its own.
func (p *pool) own() *sql.Conn {
	p.t.Helper()
	conn, err := p.Conn(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return conn
}

// use leases a connection.
func (p *pool) use(f func(*conn)) {
	p.t.Helper()
	lease := p.own()
	defer lease.Close()
	lease.Raw(func(dc any) error {
		f(dc.(*conn))
		return nil
	})
}

type connector struct{ pool *pool }

func (c connector) Driver() driver.Driver { return c.pool.Fake.Driver() }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.pool.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn := &conn{Conn: driverconn.Of(inner)}
	conn.cache = c.pool.shared.Before(&conn.Conn, c.pool.rules, (*host)(conn))
	if conn.cache != nil {
		conn.cache.Opened()
	}
	return conn, nil
}

// conn is a connection with a cache before it, and its host.
type conn struct {
	driverconn.Conn
	cache        *stmtcache.Cache
	inTx, textTx bool // a transaction was begun by the driver, or may have been by a text
	started      int  // operations that the cache began
	lost         bool
	cut          error
}

type host conn

func (h *host) Start()          { h.started++ }
func (h *host) InTx() bool      { return h.inTx }
func (h *host) MayHoldTx() bool { return h.inTx || h.textTx }
func (h *host) Lost()           { h.lost = true }
func (h *host) Cut(err error)   { h.cut, h.lost = err, true }

func (h *host) CloseStmt(_ context.Context, stmt driver.Stmt) error { return stmt.Close() }

func (h *host) MakeRoom(ctx context.Context) bool { return h.cache.CloseAll(ctx) }

func (c *conn) note(query string) {
	c.cache.Invalidate(generic.Dialect.Rules.InvalidatesBy(query))
	if generic.Dialect.Rules.Leaves(query) != sqltext.EffectNone {
		c.cache.MayEndTx()
		c.textTx = true
	}
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	defer c.cache.Publish()
	c.note(query)
	return c.Exec(ctx, query, args)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	defer c.cache.Publish()
	c.note(query)
	return c.Conn.Query(ctx, query, args)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.Prepare(ctx, query)
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.inTx = true
	inner, err := c.Conn.Begin(ctx, opts)
	return tx{inner, c}, err
}

func (c *conn) ResetSession(ctx context.Context) error { return c.Resetter.ResetSession(ctx) }

func (c *conn) IsValid() bool {
	c.textTx = false
	if c.cache.NeedsCleanUp() && c.cache.CleanUp(context.Background()) != nil {
		return false
	}
	return c.cut == nil && !c.lost && c.Validator.IsValid()
}

func (c *conn) Close() error {
	c.cache.Close()
	return c.Conn.Conn.Close()
}

func (c *conn) Begin() (driver.Tx, error)           { panic("database/sql uses BeginTx") }
func (c *conn) Prepare(string) (driver.Stmt, error) { panic("database/sql uses PrepareContext") }

type tx struct {
	driver.Tx
	conn *conn
}

func (t tx) Commit() error   { return t.end(t.Tx.Commit) }
func (t tx) Rollback() error { return t.end(t.Tx.Rollback) }

func (t tx) end(how func() error) error {
	err := how()
	t.conn.inTx = false
	t.conn.cache.Publish()
	return err
}
