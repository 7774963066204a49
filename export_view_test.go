package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/pool"
)

// KeptText is how long the text is that an idle server connection keeps.
func KeptText(p *Pool) int {
	s := p.core.All()[0]
	if s.conn.State.Long() || s.conn.Activity.Long() {
		return math.MaxInt // the whole text
	}
	statement, _ := s.conn.Activity.Look(0, s.slot.Taken)
	return len(statement)
}

// Measuring tells whether somebody observes the pool's timings.
func Measuring(p *Pool) bool { return !p.observers.Empty() }

// ShownWithSecrets makes a pool for the configuration, lets its secrets into every place where a text may come from a
// driver or a program, and returns all that the pool shows.
func ShownWithSecrets(t testing.TB, cfg Config, secrets []string) string {
	connector, err := openConnector(cfg, originDSN)
	if err != nil {
		t.Fatal(err)
	}
	p := connector.pool
	defer connector.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := connector.Connect(ctx); err == nil { // nobody listens there; BeforeConnect's password is known now
		t.Error("connected")
	}
	said := strings.Join(secrets, " and ")
	s := leaseNop(t, p)
	s.conn.Activity.SetStatement("ALTER USER scott PASSWORD "+said, s.slot.Uses())
	failed := errors.New("refused by " + said)
	for _, f := range p.hooks.connectError {
		f(failed)
	}
	for _, f := range p.hooks.invalidate {
		f(s, failed)
	}
	for _, f := range p.hooks.reset {
		f(ctx, s, ResetState{Sent: "SET PASSWORD " + said})
	}
	p.core.FindOverdue()
	_, err = s.conn.Via.Exec(ctx, "UPDATE "+said, []driver.NamedValue{{Ordinal: 1, Value: said}})
	func() { defer p.logPanic("test"); panic(said) }()
	timeout := p.timeoutError(&pool.WaitError[*ServerConn]{Longest: []holding{p.core.EndOverdue(&s.slot)}})
	p.endLeak(s)
	return fmt.Sprint(p.Settings(), p.Conns(), p.Events(), timeout, p, fmt.Sprintf("%+v %#v", cfg, p), err)
}

// leaseNop leases a server connection of the pool's that does nothing, and lets an hour pass.
func leaseNop(t testing.TB, p *Pool) *ServerConn {
	cfg := p.coreConfig()
	cfg.Open = func(_ context.Context, o opening) (*pool.Slot[*ServerConn], error) {
		return &p.newServerConn(o, nopConn{}, nil, nil).slot, nil
	}
	p.core = pool.New(cfg)
	slot, err := p.core.Take(t.Context(), new(time.Time), 0)
	if err != nil {
		t.Fatal(err)
	}
	p.core.SetClock(func() pool.Moment {
		now := pool.Now()
		now.Mono += time.Hour
		return now
	})
	return slot.Value()
}

// nopConn is a parent's connection that does nothing.
type nopConn struct{}

func (nopConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (nopConn) Close() error                        { return nil }
func (nopConn) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }
func (nopConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), nil
}

// ShownAfterReturn is what is shown of a statement that was sent while a DSN's secrets were known, and came back when
// as many others were that they had been forgotten.
func ShownAfterReturn(name, statement string, others ...string) (before, after string) {
	r, s := &dsn.Redactor{}, &ServerConn{}
	r.Learn("postgres://u@h/db") // the pool's own, which is never forgotten
	r.Learn(name)
	s.conn.Activity.SetStatement(statement, s.slot.Uses())
	for _, other := range others {
		if r.Learn(other) {
			s.forget(r)
			r.Forget()
		}
	}
	before, _ = s.look(r, 0)
	s.trim(r)
	after, _ = s.look(r, 0)
	return before, after
}
