package stmtcache_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// TestKeptFromTheSecondUse: a text is prepared as ever at its first use, and kept at its second.
func TestKeptFromTheSecondUse(t *testing.T) {
	p := keeping(t, 2)
	p.SetMaxOpenConns(1)
	p.exec("UPDATE ?", 1)
	p.want("prepare UPDATE ?", "stmt exec UPDATE ? [1]", "stmt close UPDATE ?")
	p.exec("UPDATE ?", 2)
	p.want("prepare UPDATE ?", "stmt exec UPDATE ? [2]")
	p.exec("UPDATE ?", 3)
	p.want("stmt exec UPDATE ? [3]")
	p.exec("UPDATE")
	p.want("exec UPDATE")
	hits, prepared, evicted := p.shared.Counts()
	if hits != 1 || prepared != 1 || evicted != 0 {
		t.Errorf("have %d hits, %d prepared, %d evicted, want 1, 1, 0", hits, prepared, evicted)
	}
}

// TestKeptWhereverItIsUsedNext: a text that was used on one connection is prepared at its first use on another.
func TestKeptWhereverItIsUsedNext(t *testing.T) {
	p := keeping(t, 2)
	p.exec("UPDATE ?", 1)
	held := p.own()
	p.skip()
	p.exec("UPDATE ?", 2)
	p.want("prepare UPDATE ?", "stmt exec UPDATE ? [2]")
	held.Close()
}

func TestLeastRecentlyUsedMakesRoom(t *testing.T) {
	p := keeping(t, 2)
	p.SetMaxOpenConns(1)
	p.keep("UPDATE a ?", "UPDATE b ?")
	p.exec("UPDATE a ?", 1)
	p.exec("UPDATE c ?", 1)
	for range 7 { // no room: one in eight makes some
		p.skip()
		p.exec("UPDATE c ?", 1)
		p.want("prepare UPDATE c ?", "stmt exec UPDATE c ? [1]", "stmt close UPDATE c ?")
	}
	p.exec("UPDATE c ?", 1)
	p.want("prepare UPDATE c ?", "stmt close UPDATE b ?", "stmt exec UPDATE c ? [1]")
	p.exec("UPDATE a ?", 1)
	p.want("stmt exec UPDATE a ? [1]")
	if n := p.Fake.Counts().StmtsOpen; n != 2 {
		t.Errorf("statements open: have %d, want 2", n)
	}
	if _, _, evicted := p.shared.Counts(); evicted != 1 {
		t.Errorf("have %d evicted, want 1", evicted)
	}
}

// TestStaleIsPreparedAgain: a statement that the server has no use for is prepared again and run, once.
func TestStaleIsPreparedAgain(t *testing.T) {
	p := keeping(t, 2)
	p.SetMaxOpenConns(1)
	p.keep("UPDATE ?")
	p.skip()
	p.On(pooledtest.StageExec, pooledtest.Fail(errStale).Times(1))
	p.exec("UPDATE ?", 2)
	p.want("stmt exec UPDATE ? [2] -> stale statement", "prepare UPDATE ?", "stmt exec UPDATE ? [2]",
		"stmt close UPDATE ?")
	p.use(func(c *conn) {
		if c.started != 2 {
			t.Errorf("the host was told of %d operations more, want 2", c.started)
		}
	})
	p.ClearFaults()
	p.On(pooledtest.StageExec, pooledtest.Fail(errStale))
	if _, err := p.Exec("UPDATE ?", 3); !errors.Is(err, errStale) {
		t.Errorf("stale again: have %v, want the server's word", err)
	}
	p.want("stmt exec UPDATE ? [3] -> stale statement", "prepare UPDATE ?",
		"stmt exec UPDATE ? [3] -> stale statement", "stmt close UPDATE ?")
}

// TestStaleInATransaction: in a transaction the error is the program's, and the statement is given up.
func TestStaleInATransaction(t *testing.T) {
	type exec func(string, ...any) error
	for name, begin := range map[string]func(t *testing.T, p *pool) (exec, func()){
		"begun by the driver": func(t *testing.T, p *pool) (exec, func()) {
			tx, err := p.Begin()
			if err != nil {
				t.Fatal(err)
			}
			return func(q string, args ...any) error { _, err := tx.Exec(q, args...); return err }, func() { tx.Rollback() }
		},
		"begun by a text": func(t *testing.T, p *pool) (exec, func()) {
			conn := p.own()
			if _, err := conn.ExecContext(t.Context(), "BEGIN"); err != nil {
				t.Fatal(err)
			}
			return func(q string, args ...any) error {
					_, err := conn.ExecContext(t.Context(), q, args...)
					return err
				}, func() {
					conn.ExecContext(t.Context(), "ROLLBACK")
					conn.Close()
				}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := keeping(t, 2)
			p.SetMaxOpenConns(1)
			p.keep("UPDATE ?")
			exec, end := begin(t, p)
			p.skip()
			p.On(pooledtest.StageExec, pooledtest.Fail(errStale).Times(1).Match("UPDATE"))
			if err := exec("UPDATE ?", 2); !errors.Is(err, errStale) {
				t.Errorf("have %v, want the server's word", err)
			}
			p.want("stmt exec UPDATE ? [2] -> stale statement")
			if err := exec("UPDATE ?", 3); err != nil {
				t.Error(err)
			}
			p.want("prepare UPDATE ?", "stmt exec UPDATE ? [3]")
			end()
		})
	}
}

// TestUnfit: after an error that may be for an old statement, which may have done something, it is the program's, once.
func TestUnfit(t *testing.T) {
	p := keeping(t, 4)
	p.SetMaxOpenConns(1)
	p.keep("UPDATE ?")
	p.skip()
	p.On(pooledtest.StageExec, pooledtest.Fail(errUnfit).Times(1))
	if _, err := p.Exec("UPDATE ?", 2); !errors.Is(err, errUnfit) {
		t.Errorf("have %v, want the server's word", err)
	}
	p.want("stmt exec UPDATE ? [2] -> unfit statement", "stmt close UPDATE ?")
	p.exec("UPDATE ?", 3)
	p.want("prepare UPDATE ?", "stmt exec UPDATE ? [3]")
}

// TestCannotBePrepared: what can't be prepared is sent as it always was, unless a transaction may have ended with the
// error.
func TestCannotBePrepared(t *testing.T) {
	p := open(t, 4, false, rules(false), pooledtest.Full)
	p.SetMaxOpenConns(1)
	boom := errors.New("boom")
	p.On(pooledtest.StagePrepare, pooledtest.Fail(boom))
	p.exec("UPDATE ?", 1)
	p.exec("UPDATE ?", 2)
	p.want("exec UPDATE ? [1]", "prepare UPDATE ? -> boom", "exec UPDATE ? [2]")
	tx, err := p.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("UPDATE ?", 3); err != boom {
		t.Errorf("have %v, want %v", err, boom)
	}
	tx.Rollback()
}

// TestTextsAreTaken: a driver that takes a text with arguments puts them into the text by itself, now and then; it is
// left alone.
func TestTextsAreTaken(t *testing.T) {
	p := open(t, 4, false, rules(true), pooledtest.Full)
	p.SetMaxOpenConns(1)
	p.On(pooledtest.StageExec, pooledtest.Fail(driver.ErrSkip).Times(1))
	for n, text := range []string{"UPDATE a ?", "UPDATE b ?", "UPDATE a ?"} {
		p.exec(text, n)
	}
	p.want("exec UPDATE a ? [0] -> "+driver.ErrSkip.Error(), "prepare UPDATE a ?", "stmt exec UPDATE a ? [0]",
		"stmt close UPDATE a ?", "exec UPDATE b ? [1]", "exec UPDATE a ? [2]")
	if !slices.Equal(p.why, []string{stmtcache.Interpolates}) {
		t.Errorf("have %q, want the reason, once", p.why)
	}
}

// TestKeptAfterAnError: an error says nothing about how the driver takes texts: what comes after it is kept as before.
func TestKeptAfterAnError(t *testing.T) {
	for _, failed := range []error{context.Canceled, context.DeadlineExceeded, errors.New("server's")} {
		p := open(t, 4, false, rules(true), pooledtest.Full)
		p.SetMaxOpenConns(1)
		p.On(pooledtest.StageExec, pooledtest.Fail(driver.ErrSkip).Times(1).Match("UPDATE a"))
		p.exec("UPDATE a ?", 1)
		p.On(pooledtest.StageExec, pooledtest.Fail(failed).Times(1).Match("UPDATE b"))
		if _, err := p.Exec("UPDATE b ?", 1); !errors.Is(err, failed) {
			t.Errorf("have %v, want %v", err, failed)
		}
		p.skip()
		p.exec("UPDATE a ?", 2)
		p.exec("UPDATE a ?", 3)
		p.want("prepare UPDATE a ?", "stmt exec UPDATE a ? [2]", "stmt exec UPDATE a ? [3]")
		if len(p.why) > 0 {
			t.Errorf("have %q, want no word of it", p.why)
		}
	}
}

// TestKeptForKinds: where it matters, a statement is kept for arguments of the same kinds.
func TestKeptForKinds(t *testing.T) {
	r := rules(true)
	r.Kinds = func(args []driver.NamedValue, facts stmtcache.Facts) (uint64, bool) {
		switch v := args[0].Value.(type) {
		case int64:
			return 1, true
		case string:
			return 2, len(v) < facts.Packet
		}
		return 0, false
	}
	r.Inspect = func(driver.Conn) (stmtcache.Facts, string) { return stmtcache.Facts{Packet: 10}, "" }
	p := open(t, 8, false, r, pooledtest.SkipQueries)
	p.SetMaxOpenConns(1)
	long := strings.Repeat("x", 10)
	for range 3 {
		p.skip()
		for _, arg := range []any{1, "a", long, 1.5} {
			p.exec("UPDATE ?", arg)
		}
	}
	p.want("stmt exec UPDATE ? [1]", "stmt exec UPDATE ? [a]",
		"prepare UPDATE ?", "stmt exec UPDATE ? ["+long+"]", "stmt close UPDATE ?",
		"prepare UPDATE ?", "stmt exec UPDATE ? [1.5]", "stmt close UPDATE ?")
}

// TestNothingIsKeptThatAResetDrops: where the session is reset on return, a statement is kept in a transaction alone.
func TestNothingIsKeptThatAResetDrops(t *testing.T) {
	p := open(t, 8, true, rules(true), pooledtest.SkipQueries)
	p.SetMaxOpenConns(1)
	p.keep("UPDATE ?")
	p.skip()
	p.exec("UPDATE ?", 1)
	p.want("prepare UPDATE ?", "stmt exec UPDATE ? [1]", "stmt close UPDATE ?")
	tx, err := p.Begin()
	if err != nil {
		t.Fatal(err)
	}
	p.skip()
	for range 2 {
		if _, err := tx.Exec("UPDATE ?", 1); err != nil {
			t.Fatal(err)
		}
	}
	p.want("prepare UPDATE ?", "stmt exec UPDATE ? [1]", "stmt exec UPDATE ? [1]")
	tx.Rollback()
}

// TestInvalidated: what makes statements unfit pauses the cache until the connection comes back, or drops them.
func TestInvalidated(t *testing.T) {
	for _, test := range []struct {
		text string
		back []string // what the server is told when the connection comes back
		next []string // and at the next use of the statement
	}{
		{"SET LOCAL search_path = x", nil, []string{"stmt exec UPDATE ? [2]"}},
		{"SET search_path = x", []string{"stmt close UPDATE ?"}, []string{"prepare UPDATE ?", "stmt exec UPDATE ? [2]"}},
		{"DROP TABLE t", []string{"stmt close UPDATE ?"}, []string{"prepare UPDATE ?", "stmt exec UPDATE ? [2]"}},
	} {
		p := keeping(t, 4)
		p.SetMaxOpenConns(1)
		p.keep("UPDATE ?")
		conn := p.own()
		for _, query := range []string{test.text, "UPDATE ?"} {
			p.skip()
			args := make([]any, strings.Count(query, "?"))
			for i := range args {
				args[i] = 1
			}
			if _, err := conn.ExecContext(t.Context(), query, args...); err != nil {
				t.Fatal(err)
			}
		}
		p.want("prepare UPDATE ?", "stmt exec UPDATE ? [1]", "stmt close UPDATE ?")
		conn.Close()
		p.want(test.back...)
		p.exec("UPDATE ?", 2)
		p.want(test.next...)
	}
}

// TestChangeElsewhere: what one connection did to the tables, the statements of the others were prepared without. They
// are prepared again when it is committed, and if that can't be told, whenever it may have been.
func TestChangeElsewhere(t *testing.T) {
	p := keeping(t, 4)
	p.SetMaxOpenConns(2)
	p.keep("UPDATE ?")
	held, other := p.own(), p.own()
	exec := func(q interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
	}, text string, args ...any) {
		t.Helper()
		if _, err := q.ExecContext(t.Context(), text, args...); err != nil {
			t.Fatal(err)
		}
	}
	use := func(prepared bool) {
		t.Helper()
		p.skip()
		exec(held, "UPDATE ?", 1)
		if prepared {
			p.want("prepare UPDATE ?", "stmt exec UPDATE ? [1]")
		} else {
			p.want("stmt exec UPDATE ? [1]")
		}
	}
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	exec(tx, "ALTER TABLE t ADD a int")
	use(false)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	use(true)
	exec(other, "BEGIN")
	exec(other, "ALTER TABLE t ADD b int")
	use(true)
	exec(other, "SELECT 1")
	use(false)
	exec(other, "COMMIT")
	use(true)
	other.Close()
	use(true)
	held.Close()
}

// TestChangeThatAnErrorTells: some errors of a stale statement tell of a change that concerns all connections.
func TestChangeThatAnErrorTells(t *testing.T) {
	for _, changed := range []bool{false, true} {
		r := rules(true)
		r.Changed = func(error) bool { return changed }
		p := open(t, 4, false, r, pooledtest.SkipQueries)
		p.SetMaxOpenConns(2)
		p.keep("UPDATE ?")
		held, other := p.own(), p.own()
		for _, lease := range []*sql.Conn{held, other, held} {
			if _, err := lease.ExecContext(t.Context(), "UPDATE ?", 1); err != nil {
				t.Fatal(err)
			}
		}
		p.On(pooledtest.StageExec, pooledtest.Fail(errStale).Times(1))
		if _, err := other.ExecContext(t.Context(), "UPDATE ?", 1); err != nil {
			t.Fatal(err)
		}
		p.skip()
		if _, err := held.ExecContext(t.Context(), "UPDATE ?", 2); err != nil {
			t.Fatal(err)
		}
		if changed {
			p.want("prepare UPDATE ?", "stmt exec UPDATE ? [2]")
		} else {
			p.want("stmt exec UPDATE ? [2]")
		}
		if _, err := other.ExecContext(t.Context(), "UPDATE ?", 3); err != nil {
			t.Fatal(err)
		}
		p.want("stmt exec UPDATE ? [3]") // it was prepared after the change
		held.Close()
		other.Close()
	}
}

// TestKeptStatementThatDoesNotFit: where the driver asks for statements, what is wrong with arguments is said to one
// that is prepared anew, and so are rows sent that Exec does not read.
func TestKeptStatementThatDoesNotFit(t *testing.T) {
	p := keeping(t, 4)
	p.SetMaxOpenConns(1)
	for range 2 {
		if err := p.QueryRow("SELECT ?", 1).Scan(new(any)); err != nil {
			t.Fatal(err)
		}
	}
	p.skip()
	p.exec("SELECT ?", 1)
	p.want("prepare SELECT ?", "stmt exec SELECT ? [1]", "stmt close SELECT ?")
	if _, err := p.Query("SELECT ?", 1, 2); err == nil || !strings.Contains(err.Error(), "expected 1 arguments, got 2") {
		t.Errorf("have %v, want what database/sql says", err)
	}
	p.want("prepare SELECT ?", "stmt close SELECT ?")
}

// TestServerIsFull: when the server takes no more statements, those that are kept make room, also for the program's
// own, and fewer are kept.
func TestServerIsFull(t *testing.T) {
	full := pooledtest.Fail(errFull).Times(1).Match("UPDATE new")
	p := keeping(t, 4)
	p.SetMaxOpenConns(1)
	p.keep("UPDATE a ?", "UPDATE b ?")
	p.skip()
	p.On(pooledtest.StagePrepare, full)
	p.exec("UPDATE new ?", 1)
	p.want("prepare UPDATE new ? -> no more statements", "stmt close UPDATE a ?", "stmt close UPDATE b ?",
		"prepare UPDATE new ?", "stmt exec UPDATE new ? [1]", "stmt close UPDATE new ?")
	p.ClearFaults()
	p.On(pooledtest.StagePrepare, pooledtest.Fail(errFull))
	if _, err := p.Exec("UPDATE newer ?", 1); !errors.Is(err, errFull) {
		t.Errorf("none is kept: have %v, want the server's word", err)
	}
}

// TestShare: a connection keeps no more than its share of what the server takes, and none if that is nothing.
func TestShare(t *testing.T) {
	p := keeping(t, 4)
	p.SetMaxOpenConns(1)
	p.shared.SetShare(2)
	p.keep("UPDATE a ?", "UPDATE b ?", "UPDATE c ?")
	if n := p.Fake.Counts().StmtsOpen; n != 2 {
		t.Errorf("have %d open, want 2", n)
	}
	p.shared.Halve()
	p.exec("UPDATE")
	if n := p.Fake.Counts().StmtsOpen; n != 1 {
		t.Errorf("have %d open, want 1", n)
	}
	p.shared.SetShare(0)
	p.keep("UPDATE d ?")
	if n := p.Fake.Counts().StmtsOpen; n != 0 {
		t.Errorf("have %d open, want none", n)
	}
}

// TestConnectionsWithoutACache: none is put before a connection that is not the driver's own, or lacks what is needed.
func TestConnectionsWithoutACache(t *testing.T) {
	other := rules(true)
	other.Inspect = func(driver.Conn) (stmtcache.Facts, string) { return stmtcache.Facts{}, "another connection" }
	for name, test := range map[string]struct {
		rules   *stmtcache.Rules
		profile pooledtest.Profile
		why     string
	}{
		"another driver's":     {other, pooledtest.Full, "another connection"},
		"one that lacks Exec":  {rules(true), pooledtest.NoExecer, stmtcache.OtherConn},
		"one that lacks Query": {rules(true), pooledtest.NoQueryer, stmtcache.OtherConn},
	} {
		inner, err := pooledtest.NewFake(t, pooledtest.With(test.profile)).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conn := driverconn.Of(inner)
		before := conn
		var why string
		shared := stmtcache.NewShared(4, false, func(w string) { why = w })
		if cache := shared.Before(&conn, test.rules, nil); cache != nil || conn != before || why != test.why {
			t.Errorf("%s: have cache %t and %q, want none and %q", name, cache != nil, why, test.why)
		}
		inner.Close()
	}
}

// TestNotKept: each cause for which no statements are kept is said once.
func TestNotKept(t *testing.T) {
	var why []string
	shared := stmtcache.NewShared(4, false, func(w string) { why = append(why, w) })
	for _, w := range []string{"a", "b", "a"} {
		shared.NotKept(w)
	}
	if !slices.Equal(why, []string{"a", "b"}) {
		t.Errorf("have %q", why)
	}
}

// TestTurnedOff: where it is not safe, nothing is kept, with the reason given.
func TestTurnedOff(t *testing.T) {
	p := keeping(t, 4)
	p.SetMaxOpenConns(1)
	p.exec("UPDATE ?", 1)
	p.use(func(c *conn) { c.cache.TurnOff("behind a pooler") })
	p.keep("UPDATE ?")
	if n := p.Fake.Counts().StmtsOpen; n != 0 {
		t.Errorf("have %d open, want none", n)
	}
	if len(p.why) != 1 || p.why[0] != "behind a pooler" {
		t.Errorf("have %q, want the reason", p.why)
	}
}

// TestNilCache: a connection without a cache is told the same things.
func TestNilCache(t *testing.T) {
	var c *stmtcache.Cache
	c.Invalidate(3)
	c.MayEndTx()
	c.Publish()
	c.Forget()
	c.Close()
	if c.NeedsCleanUp() || c.CloseAll(t.Context()) {
		t.Error("it keeps something")
	}
}
