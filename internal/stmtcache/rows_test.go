package stmtcache_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

var errBusy = errors.New("there is already a query being processed")

// watching is a pool whose driver does not notice when a kept statement is run while Rows are open, as lib/pq, with a
// connection that keeps the statement of a text.
func watching(t *testing.T) (*pool, *sql.Conn) {
	r := rules(false)
	r.WatchRows, r.Busy = true, errBusy
	p := open(t, 4, false, r, pooledtest.Full)
	p.SetMaxOpenConns(1)
	for range 2 {
		if err := p.QueryRow("SELECT ?", 1).Scan(new(any)); err != nil {
			t.Fatal(err)
		}
	}
	p.want("query SELECT ? [1]", "prepare SELECT ?", "stmt query SELECT ? [1]")
	conn := p.own()
	t.Cleanup(func() { conn.Close() })
	return p, conn
}

// TestRowsOfAKeptStatement: while they are open, everything else is refused in the driver's words.
func TestRowsOfAKeptStatement(t *testing.T) {
	p, conn := watching(t)
	rows, err := conn.QueryContext(t.Context(), "SELECT ?", 1)
	if err != nil {
		t.Fatal(err)
	}
	_, execErr := conn.ExecContext(t.Context(), "UPDATE")
	_, queryErr := conn.QueryContext(t.Context(), "SELECT ?", 1)
	if execErr != errBusy || queryErr != errBusy {
		t.Errorf("have %v and %v, want %v", execErr, queryErr, errBusy)
	}
	rows.Close()
	rows.Close()
	p.skip()
	if _, err := conn.ExecContext(t.Context(), "UPDATE"); err != nil {
		t.Error(err)
	}
	p.want("exec UPDATE")
}

// TestRowsOfAText: while they are open no kept statement is run, so that the driver sees what it refuses.
func TestRowsOfAText(t *testing.T) {
	p, conn := watching(t)
	rows, err := conn.QueryContext(t.Context(), "SELECT conn")
	if err != nil {
		t.Fatal(err)
	}
	p.skip()
	more, err := conn.QueryContext(t.Context(), "SELECT ?", 1)
	if err != nil {
		t.Fatal(err)
	}
	p.want("query SELECT ? [1]")
	rows.Close()
	more.Close()
	p.skip()
	if more, err = conn.QueryContext(t.Context(), "SELECT ?", 1); err != nil {
		t.Fatal(err)
	}
	more.Close()
	p.want("stmt query SELECT ? [1]")
}

// TestContextEnds: the lease can't go on on a connection of which a context ended while a kept statement ran: the
// driver keeps it, and its request to cancel may reach the server late.
func TestContextEnds(t *testing.T) {
	for name, test := range map[string]struct {
		stage string // at which it ends
		query string
		cut   error
	}{
		"while it is run":    {pooledtest.StageQuery, "SELECT ?", context.Canceled},
		"while it is read":   {pooledtest.StageNext, "SELECT ?", context.Canceled},
		"while a text runs":  {pooledtest.StageQuery, "SELECT other", nil},
		"with nothing to do": {pooledtest.StagePing, "SELECT ?", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, lease := watching(t)
			p.On(test.stage, pooledtest.Hang())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if test.stage != pooledtest.StagePing {
				go func() {
					p.AwaitWaiting(t, 1)
					cancel()
				}()
			}
			lease.Raw(func(dc any) error {
				c := dc.(*conn)
				rows, err := c.QueryContext(ctx, test.query, args(test.query))
				if err == nil {
					err = rows.Next(make([]driver.Value, 1))
					rows.Close()
				}
				if (err == context.Canceled) != (test.stage != pooledtest.StagePing) {
					t.Errorf("have %v", err)
				}
				if c.cut != test.cut {
					t.Errorf("the lease was ended by %v, want %v", c.cut, test.cut)
				}
				return nil
			})
		})
	}
}

// args are as many as a text has question marks.
func args(query string) []driver.NamedValue {
	args := make([]driver.NamedValue, strings.Count(query, "?"))
	for i := range args {
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: int64(1)}
	}
	return args
}

// lone is a driver's connection of which every operation answers err.
type lone struct {
	driver.Conn
	err *error
}

func (c lone) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, *c.err
}

func (c lone) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return c, *c.err
}

func (c lone) PrepareContext(context.Context, string) (driver.Stmt, error) { return loneStmt{c}, nil }

func (c lone) Columns() []string         { return []string{"a"} }
func (c lone) Next([]driver.Value) error { return *c.err }
func (c lone) Close() error              { return nil }

type loneStmt struct{ lone }

func (s loneStmt) NumInput() int                              { return 1 }
func (s loneStmt) Exec([]driver.Value) (driver.Result, error) { return driver.ResultNoRows, *s.err }
func (s loneStmt) Query([]driver.Value) (driver.Rows, error)  { return s.lone, *s.err }

// TestErrorAfterTheContextEnded: what a driver says to a kept statement that was canceled is the context's error, as
// it is for a text, and the connection is of no use.
func TestErrorAfterTheContextEnded(t *testing.T) {
	r := rules(false)
	r.WatchRows, r.Busy = true, errBusy
	shared := stmtcache.NewShared(4, false, func(why string) { t.Error(why) })
	var err error
	c := &conn{Conn: driverconn.Of(lone{err: &err})}
	c.cache = shared.Before(&c.Conn, r, (*host)(c))
	query := func(ctx context.Context) (driver.Rows, error) {
		return c.QueryContext(ctx, "SELECT ?", args("SELECT ?"))
	}
	for range 2 {
		rows, err := query(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows.Close()
		rows.Close() // is counted once
	}
	ctx, cancel := context.WithCancel(t.Context())
	rows, _ := query(ctx)
	if _, have := query(ctx); have != errBusy {
		t.Errorf("have %v, want %v", have, errBusy)
	}
	cancel()
	err = errors.New("canceling statement due to user request")
	if have := rows.Next(make([]driver.Value, 1)); have != context.Canceled {
		t.Errorf("Next: have %v, want the context's error", have)
	}
	rows.Close()
	if c.cut != context.Canceled {
		t.Errorf("the lease was ended by %v", c.cut)
	}
	c.cut, c.lost = nil, false
	ended := &endsAfter{t.Context(), 1}
	err = driver.ErrBadConn
	r.WatchRows = false
	if _, have := query(ended); have != context.Canceled || !c.lost {
		t.Errorf("have %v, lost %t, want the error of the context that the driver has closed it for", have, c.lost)
	}
}

// endsAfter is a context that ends when it was asked a number of times.
type endsAfter struct {
	context.Context
	asked int
}

func (c *endsAfter) Err() error {
	if c.asked--; c.asked >= 0 {
		return nil
	}
	return context.Canceled
}
