package pooledtest

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
)

// Of two calls at the same moment each tells where it came from: the second at once, the first when it ends.
func TestFakeTwoCalls(t *testing.T) {
	f := NewFake(t, func(f *Fake) { f.unwatched = true })
	conn, err := f.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, done := inner(conn), make(chan error)
	go func() { done <- exec(t.Context(), c, "WAIT") }()
	f.AwaitWaiting(t, 1)
	pinger{c}.Ping(t.Context())
	wantViolation(t, f, "c1: two calls at the same moment, ping is the second:", "(*conn).do ", "TestFakeTwoCalls ")
	f.Release()
	<-done
	wantViolation(t, f, "c1: two calls at the same moment, exec is the first:", "(*conn).do ", "TestFakeTwoCalls.func")
	c.Close()
}

func TestFakeViolations(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name  string
		setup func(*Fake)
		do    func(t *testing.T, f *Fake, c *conn)
		want  []string
	}{
		{"use after close", nil, func(t *testing.T, f *Fake, c *conn) {
			c.Close()
			exec(ctx, c, "UPDATE")
		}, []string{"c1: used after its Close: exec"}},
		{"close twice", nil, func(t *testing.T, f *Fake, c *conn) {
			c.Close()
			c.Close()
		}, []string{"c1: used after its Close: close"}},
		{"statement of a closed connection", nil, func(t *testing.T, f *Fake, c *conn) {
			s, _ := c.Prepare("UPDATE")
			s.Close()
			c.Close()
			s.Close()
		}, []string{"c1: used after its Close: stmt close"}},
		{"statement closed twice", nil, func(t *testing.T, f *Fake, c *conn) {
			s, _ := c.Prepare("UPDATE")
			s.Close()
			s.Close()
			c.Close()
		}, []string{"statement \"UPDATE\" closed twice"}},
		{"use of a closed statement", nil, func(t *testing.T, f *Fake, c *conn) {
			s, _ := c.Prepare("UPDATE")
			s.Close()
			s.(driver.StmtExecContext).ExecContext(ctx, nil)
			c.Close()
		}, []string{"exec of the closed statement \"UPDATE\""}},
		{"close with statements open", nil, func(t *testing.T, f *Fake, c *conn) {
			c.Prepare("UPDATE")
			c.Close()
		}, []string{"c1: closed with 1 statements open"}},
		{"close with Rows open", nil, func(t *testing.T, f *Fake, c *conn) {
			c.query(ctx, "query", "SELECT 1", nil, nil)
			c.Close()
		}, []string{"c1: closed with 1 Rows open"}},
		{"close of a statement with Rows open", nil, func(t *testing.T, f *Fake, c *conn) {
			s, _ := c.Prepare("SELECT 1")
			rows, _ := s.(driver.StmtQueryContext).QueryContext(ctx, nil)
			s.Close()
			rows.Close()
			c.Close()
		}, []string{"statement \"SELECT 1\" closed with 1 Rows open"}},
		{"Rows closed twice", nil, func(t *testing.T, f *Fake, c *conn) {
			rows, _ := c.query(ctx, "query", "SELECT 1", nil, nil)
			rows.Close()
			rows.Close()
			c.Close()
		}, []string{"Rows of \"SELECT 1\" closed twice"}},
		{"transaction ended twice", nil, func(t *testing.T, f *Fake, c *conn) {
			tx, _ := c.Begin()
			tx.Commit()
			tx.Rollback()
			c.Close()
		}, []string{"c1: rollback of a transaction that is over"}},
		{"statement while Rows are open", func(f *Fake) { f.OneAtATime = true }, func(t *testing.T, f *Fake, c *conn) {
			rows, _ := c.query(ctx, "query", "SELECT 1", nil, nil)
			if err := exec(ctx, c, "UPDATE"); !errors.Is(err, ErrBusy) {
				t.Errorf("have %v, want %v", err, ErrBusy)
			}
			rows.Close()
			c.Close()
		}, []string{"c1: exec UPDATE while Rows are open"}},
		{"dirty handover", func(f *Fake) { f.RefuseDirty = true }, func(t *testing.T, f *Fake, c *conn) {
			exec(ctx, c, "BEGIN")
			c.resetSession(ctx)
			c.Close()
		}, []string{"c1: handed to the next caller inside a transaction"}},
		{"use after ErrBadConn", func(f *Fake) { f.RefuseBad = true }, func(t *testing.T, f *Fake, c *conn) {
			tx, _ := c.Begin()
			f.On("exec", BadConn().Times(2))
			exec(ctx, c, "UPDATE in a transaction")
			tx.Rollback()
			exec(ctx, c, "UPDATE")
			exec(ctx, c, "UPDATE again")
			c.Close()
		}, []string{"c1: exec UPDATE again after ErrBadConn"}},
		{"no ResetSession", func(f *Fake) { f.RequireReset = true }, func(t *testing.T, f *Fake, c *conn) {
			c.isValid()
			exec(ctx, c, "ROLLBACK")
			exec(ctx, c, "UPDATE")
			c.resetSession(ctx)
			exec(ctx, c, "UPDATE")
			c.Close()
		}, []string{"c1: exec UPDATE after IsValid without ResetSession"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFake(t, func(f *Fake) {
				f.AllowLeaks = true
				if tt.setup != nil {
					tt.setup(f)
				}
			})
			c, err := f.Connect(ctx)
			if err != nil {
				t.Fatal(err)
			}
			tt.do(t, f, inner(c))
			wantViolation(t, f, tt.want...)
		})
	}
}

func exec(ctx context.Context, c *conn, query string) error {
	_, err := c.exec(ctx, "exec", query, nil)
	return err
}

// inner returns the *conn inside the type that a profile made.
func inner(c driver.Conn) *conn {
	f := c.(interface{ self() *conn })
	return f.self()
}

func (c *conn) self() *conn { return c }
