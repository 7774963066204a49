package serverconn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/serverconn"
)

// asksRole is for connections of a server that tells its role as its only row.
func asksRole() *serverconn.Shared {
	shared := newShared()
	shared.WatchSession = true
	shared.Dialect.Role = func(ctx context.Context, s dialect.Session) (bool, error) {
		row, err := s.QueryRow(ctx, "SELECT role")
		if err != nil {
			return true, err
		}
		return row[0] == int64(1), nil
	}
	return shared
}

// A question of the pool's leaves what is known of the session, and of its user, as it was.
func TestAskRole(t *testing.T) {
	c, s := open(asksRole())
	c.StartLease(1)
	if err := exec(t.Context(), c, "UPDATE t SET a = ?"); err != nil {
		t.Fatal(err)
	}
	s.log = nil
	for _, want := range []bool{true, false, true} {
		s.row = []driver.Value{int64(0)}
		if want {
			s.row = []driver.Value{int64(1)}
		}
		have, err := c.AskRole(t.Context())
		if have != want || err != nil {
			t.Errorf("have %t, %v, want %t", have, err, want)
		}
	}
	s.want(t, "SELECT role", "SELECT role", "SELECT role")
	statement, _ := c.Activity.Look(1, func() bool { return true })
	if statement != "UPDATE t SET a = ?" || c.State.MayHoldTx() || c.Sent() != "" {
		t.Errorf("have the statement %q, a transaction %t, sent by a reset %q", statement, c.State.MayHoldTx(), c.Sent())
	}
}

// What is not answered is not known now, whatever it was before.
func TestAskRoleFails(t *testing.T) {
	c, s := open(asksRole())
	s.row = []driver.Value{int64(1)}
	if _, err := c.AskRole(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.fails("SELECT role", errBoom)
	if have, err := c.AskRole(t.Context()); have || err != errBoom {
		t.Errorf("have %t, %v", have, err)
	}
	without, _ := open(newShared())
	if _, err := without.AskRole(t.Context()); err != dialect.ErrNoRole {
		t.Errorf("a server without a role: have %v", err)
	}
}

// A server that is silent is not waited for without end.
func TestAskRoleBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newShared()
		shared.ResetTimeout = time.Second
		shared.Dialect.Role = func(ctx context.Context, _ dialect.Session) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}
		c, _ := open(shared)
		began := time.Now()
		if _, err := c.AskRole(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("have %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v, want a second", took)
		}
	})
}

// What a new session says is told, also where the pool did not ask for it.
func TestPrepareRole(t *testing.T) {
	for _, facts := range []dialect.Facts{{}, {RoleKnown: true}, {ReadOnly: true, RoleKnown: true}} {
		shared := newShared()
		shared.Dialect.Probe = probing(facts, nil)
		c, _ := open(shared)
		have, err := c.Prepare(t.Context(), dialect.Wants{})
		if err != nil || have.ReadOnly != facts.ReadOnly || have.RoleKnown != facts.RoleKnown {
			t.Errorf("have %+v, %v, want %+v", have, err, facts)
		}
	}
}
