package serverconn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/serverconn"
)

type probe = func(context.Context, dialect.Session, dialect.Wants) (dialect.Facts, error)

// probing answers with these facts, whatever is asked.
func probing(facts dialect.Facts, err error) probe {
	return func(context.Context, dialect.Session, dialect.Wants) (dialect.Facts, error) { return facts, err }
}

func TestPrepare(t *testing.T) {
	shared := newShared()
	shared.InitSQL = "SET a = 1"
	var wanted dialect.Wants
	shared.Dialect.Probe = func(
		ctx context.Context, s dialect.Session, wants dialect.Wants,
	) (dialect.Facts, error) {
		wanted = wants
		row, err := s.QueryRow(ctx, "SELECT 42")
		return dialect.Facts{SessionID: fmt.Sprint(row[0]), Restore: []string{"SET b = 1"}}, err
	}
	c, s := open(shared)
	s.row = []driver.Value{[]byte("42")}
	facts, err := c.Prepare(t.Context(), dialect.Wants{IdleLimit: true, Reset: true})
	if err != nil {
		t.Fatal(err)
	}
	s.want(t, "SET a = 1", "SELECT 42")
	if want := (dialect.Wants{IdleLimit: true, Reset: true}); wanted != want {
		t.Errorf("asked for %+v, want %+v", wanted, want)
	}
	if facts.SessionID != "42" || c.SessionID != "42" || !slices.Equal(facts.Restore, []string{"SET b = 1"}) {
		t.Errorf("have %+v, session %q", facts, c.SessionID)
	}
	if c.Sent() != "" {
		t.Errorf("it passes for a reset: %q", c.Sent())
	}
}

// A server that is not asked has what its driver knows.
func TestPrepareWithoutProbe(t *testing.T) {
	shared := newShared()
	shared.InitSQL = "SET a = 1"
	shared.Dialect.SessionID = func(driver.Conn) string { return "41" }
	c, s := open(shared)
	facts, err := c.Prepare(t.Context(), dialect.Wants{})
	if err != nil || facts.SessionID != "" || c.SessionID != "41" {
		t.Errorf("have %+v, %v, session %q", facts, err, c.SessionID)
	}
	s.want(t, "SET a = 1")
	shared.Dialect.Probe = probing(dialect.Facts{}, nil)
	if _, err := c.Prepare(t.Context(), dialect.Wants{}); err != nil || c.SessionID != "41" {
		t.Errorf("asked for nothing: have %v, session %q", err, c.SessionID)
	}
}

func TestPrepareFails(t *testing.T) {
	shared := newShared()
	shared.InitSQL = "SET a = 1"
	shared.Dialect.Probe = func(context.Context, dialect.Session, dialect.Wants) (dialect.Facts, error) {
		t.Error("a session that could not be prepared was asked")
		return dialect.Facts{}, nil
	}
	c, s := open(shared)
	s.fails("SET a = 1", errBoom)
	_, err := c.Prepare(t.Context(), dialect.Wants{})
	wantErr(t, err, "pooled: pool_init_sql: boom", errBoom)
}

// The facts count also with an error; but what a reset restores is only known without one.
func TestPrepareFacts(t *testing.T) {
	for _, failed := range []error{nil, errBoom} {
		shared, why := keeping()
		shared.Dialect.Probe = probing(dialect.Facts{
			AutoOff: true, SessionID: "42", NoStatements: "there is a pooler", Restore: []string{"SET b = 1"},
		}, failed)
		var given dialect.Facts
		shared.Dialect.Reset = func(_ context.Context, _ dialect.Session, facts dialect.Facts) error {
			given = facts
			return nil
		}
		c, s := open(shared)
		facts, err := c.Prepare(t.Context(), dialect.Wants{})
		if err != failed || !c.State.AutoOff() || c.SessionID != "42" || facts.SessionID != "42" {
			t.Errorf("have %v, autocommit off %t, session %q, facts %+v", err, c.State.AutoOff(), c.SessionID, facts)
		}
		if !slices.Equal(*why, []string{"there is a pooler"}) {
			t.Errorf("why no statements are kept: have %q", *why)
		}
		keep(t, c, "SELECT ?")
		s.want(t, "SELECT ?", "SELECT ?")
		if err := c.ResetSession(t.Context()); err != nil || !slices.Equal(given.Restore, facts.Restore) {
			t.Errorf("reset: have %v, with the facts %+v", err, given)
		}
		if have, want := c.State.AutoOff(), failed == nil; have != want {
			t.Errorf("%v: after a reset autocommit is off: %t, want %t", failed, have, want)
		}
	}
}

// Whether statements are kept decides what is asked, whatever the caller says.
func TestPrepareStatements(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		shared, why := keeping()
		if !keeps {
			shared.Stmts = nil
		}
		var wanted dialect.Wants
		shared.Dialect.Probe = func(_ context.Context, _ dialect.Session, wants dialect.Wants) (dialect.Facts, error) {
			wanted = wants
			return dialect.Facts{}, nil
		}
		c, s := open(shared)
		if _, err := c.Prepare(t.Context(), dialect.Wants{Statements: !keeps}); err != nil {
			t.Fatal(err)
		}
		if wanted.Statements != keeps || len(*why) != 0 {
			t.Errorf("kept %t: asked for %+v; why not: %q", keeps, wanted, *why)
		}
		keep(t, c, "SELECT ?")
		if have := slices.Contains(s.log, "prepare SELECT ?"); have != keeps {
			t.Errorf("kept %t: reached the server: %q", keeps, s.log)
		}
	}
}

// A dialect may say why no statements can be kept where none are.
func TestPrepareNoStatements(t *testing.T) {
	shared := newShared()
	shared.Dialect.Probe = probing(dialect.Facts{NoStatements: "there is a pooler"}, nil)
	c, _ := open(shared)
	if facts, err := c.Prepare(t.Context(), dialect.Wants{}); err != nil || facts.NoStatements != "there is a pooler" {
		t.Errorf("have %+v, %v", facts, err)
	}
}

func TestRunInitSQL(t *testing.T) {
	shared, _ := keeping()
	c, s := open(shared)
	if err := c.RunInitSQL(t.Context()); err != nil {
		t.Error(err)
	}
	s.want(t)
	for _, test := range []struct {
		text string
		old  bool // what is kept is not used
	}{{"SELECT 1", false}, {"USE other", true}} {
		shared.InitSQL = test.text
		c, s := open(shared)
		if err := c.RunInitSQL(t.Context()); err != nil {
			t.Error(err)
		}
		s.want(t, test.text)
		if have := c.Cache.NeedsCleanUp(); have != test.old {
			t.Errorf("%s: what is kept is not used: have %t, want %t", test.text, have, test.old)
		}
	}
	shared.Stmts, shared.Dialect.Rules = nil, nil // nothing is kept, so nothing asks what the text does
	c, _ = open(shared)
	if err := c.RunInitSQL(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEndTx(t *testing.T) {
	errNone := errors.New("there is no transaction")
	for _, test := range []struct {
		name    string
		commit  bool
		off     bool // autocommit
		answer  error
		want    string
		wantErr string
	}{
		{name: "rollback", want: "ROLLBACK"},
		{name: "commit", commit: true, want: "COMMIT"},
		{name: "rollback without autocommit", off: true, want: "ROLLBACK AND NO CHAIN"},
		{name: "commit without autocommit", commit: true, off: true, want: "COMMIT AND NO CHAIN"},
		{name: "no transaction", answer: errNone, want: "ROLLBACK"},
		{name: "fails", answer: errBoom, want: "ROLLBACK", wantErr: "pooled: reset on return (ROLLBACK): boom"},
		{name: "fails to commit", commit: true, off: true, answer: errBoom, want: "COMMIT AND NO CHAIN",
			wantErr: "pooled: reset on return (COMMIT AND NO CHAIN): boom"},
	} {
		shared := newShared()
		shared.Dialect.NoTransaction = func(err error) bool { return err == errNone }
		c, s := open(shared)
		c.State.SetAutoOff(test.off)
		c.State.BeginTx()
		s.fails(test.want, test.answer)
		err := c.EndTx(t.Context(), test.commit)
		s.want(t, test.want)
		if c.Sent() != test.want {
			t.Errorf("%s: have it sent %q", test.name, c.Sent())
		}
		if test.wantErr != "" {
			wantErr(t, err, test.wantErr, errBoom)
		} else if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if have, want := c.State.OpenTx(), test.wantErr != ""; have != want {
			t.Errorf("%s: after it there is a transaction: %t, want %t", test.name, have, want)
		}
	}
}

// A server whose error for that is not known fails.
func TestEndTxNoTransaction(t *testing.T) {
	c, s := open(newShared())
	s.fails("ROLLBACK", errBoom)
	wantErr(t, c.EndTx(t.Context(), false), "pooled: reset on return (ROLLBACK): boom", errBoom)
}

// touched is a connection that has to be reset.
func touched(shared *serverconn.Shared) (*serverconn.Conn, *server) {
	shared.WatchSession = true
	c, s := open(shared)
	c.Sending("USE other; BEGIN; SET autocommit = 0")
	return c, s
}

func TestResetSession(t *testing.T) {
	reopen := fmt.Errorf("unknown role: %w", dialect.ErrReopen)
	for _, test := range []struct {
		name       string
		none       bool // there is no way to reset
		answer     error
		initAnswer error
		atCheckout bool
		want       error
		text       string
		sent       []string
	}{
		{name: "reset", sent: []string{"DISCARD ALL", "SET a = 1"}},
		{name: "prepared at checkout", atCheckout: true, sent: []string{"DISCARD ALL"}},
		{name: "no way", none: true, want: dialect.ErrReopen, text: dialect.ErrReopen.Error()},
		{name: "only a new one", answer: reopen, want: dialect.ErrReopen, text: dialect.ErrReopen.Error(),
			sent: []string{"DISCARD ALL"}},
		{name: "fails", answer: errBoom, want: errBoom, text: "boom", sent: []string{"DISCARD ALL"}},
		{name: "can't be prepared", initAnswer: errBoom, want: errBoom, text: "pooled: pool_init_sql: boom",
			sent: []string{"DISCARD ALL", "SET a = 1"}},
	} {
		shared := newShared()
		shared.InitSQL = "SET a = 1"
		shared.Dialect.ResetsAtCheckout = test.atCheckout
		if !test.none {
			shared.Dialect.Reset = func(ctx context.Context, s dialect.Session, _ dialect.Facts) error {
				return s.Exec(ctx, "DISCARD ALL")
			}
		}
		c, s := touched(shared)
		s.on = func(what string) error {
			if what == "SET a = 1" {
				return test.initAnswer
			}
			return test.answer
		}
		err := c.ResetSession(t.Context())
		s.want(t, test.sent...)
		if test.want != nil {
			wantErr(t, err, test.text, test.want)
		} else if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if have, want := c.State.Dirty() && c.State.MayHoldTx(), test.want != nil; have != want {
			t.Errorf("%s: after it it has to be reset: %t, want %t", test.name, have, want)
		}
	}
}

func TestSent(t *testing.T) {
	shared := newShared()
	shared.InitSQL = "SET a = 1"
	shared.Dialect.Reset = func(ctx context.Context, s dialect.Session, _ dialect.Facts) error {
		s.Sent("COM_RESET_CONNECTION")
		if _, err := s.QueryRow(ctx, "SELECT 1"); err != nil {
			return err
		}
		return s.Exec(ctx, "SET b = 1")
	}
	c, s := open(shared)
	s.row = []driver.Value{int64(1)}
	for range 2 {
		c.BeginReset()
		if c.Sent() != "" {
			t.Errorf("before: have %q", c.Sent())
		}
		if err := errors.Join(c.EndTx(t.Context(), false), c.ResetSession(t.Context())); err != nil {
			t.Fatal(err)
		}
		// Questions and pool_init_sql are no part of it.
		if want := "ROLLBACK; COM_RESET_CONNECTION; SET b = 1"; c.Sent() != want {
			t.Errorf("have %q, want %q", c.Sent(), want)
		}
		s.want(t, "ROLLBACK", "SELECT 1", "SET b = 1", "SET a = 1")
	}
}

// A dialect sees the connection as it is.
func TestDialectsSession(t *testing.T) {
	shared, _ := keeping()
	dialed, _ := piped(t)
	s := new(server)
	c := opened(shared, fullConn{plainConn{s}}, dialed)
	keep(t, c, "SELECT ?")
	c.Sending("BEGIN; USE other") // drops what is kept
	c.Cache.Opened()
	keep(t, c, "SELECT 2, ?")
	c.Parked.Park("parked", &stmt{s, "parked"})
	c.Parked.Discard(&stmt{s, "discarded"})
	s.log = nil
	shared.Dialect.Reset = func(_ context.Context, have dialect.Session, _ dialect.Facts) error {
		if have.Driver() != &c.Driver || have.Connector() != driver.Connector(connector{}) || have.Socket() != dialed {
			t.Errorf("have %v, %v, %v", have.Driver(), have.Connector(), have.Socket())
		}
		if !have.MayHoldTx() {
			t.Error("a transaction may be open")
		}
		if c.State.RolledBack(); have.MayHoldTx() {
			t.Error("no transaction is open")
		}
		have.ForgetStatements()
		return nil
	}
	if err := c.ResetSession(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !c.Parked.Empty() || c.NeedsCleanUp() {
		t.Error("there are statements still")
	}
	c.Close()
	s.want(t, "close") // the server has dropped the statements itself
}

// Where the driver can't be told of a context's end, what a reset sends ends by the socket.
func TestResetIsBounded(t *testing.T) {
	shared := newShared()
	shared.Dialect.BoundBySocket = true
	dialed, _ := piped(t)
	s := new(server)
	s.on = func(string) error { return errBoom }
	c := opened(shared, fullConn{plainConn{s}}, dialed)
	wantErr(t, c.EndTx(ended(t), false), "pooled: reset on return (ROLLBACK): context canceled", context.Canceled)
}
