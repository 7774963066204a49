package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestRawByContext(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(1, 0))
	conn, n := grab(t, db)
	err := pooled.Raw(t.Context(), conn, func(wrapped driver.Conn) error {
		if have := pooledtest.ConnID(wrapped); have != n {
			t.Errorf("have connection %d, want %d", have, n)
		}
		_, err := wrapped.(driver.ExecerContext).ExecContext(t.Context(), "BEGIN", nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// Nothing was seen of it, so it may have left a transaction, and did.
	pooledtest.Give(t, conn)
	if fake.InTx(n) {
		t.Error("the transaction outlived its checkout")
	}

	conn, _ = grab(t, db)
	failed := errors.New("no backup today")
	if err := pooled.Raw(t.Context(), conn, func(driver.Conn) error { return failed }); err != failed {
		t.Errorf("have %v, want %v itself", err, failed)
	}
	pooledtest.Give(t, conn)
	if s := pool.Stats(); s.Closed != 0 {
		t.Errorf("have %+v: f's own error is no reason to close", s)
	}
}

// driver.ErrBadConn from sql.Conn.Raw with a Tx open hangs in database/sql. Not here:
// the connection ends with its conn.
func TestRawErrBadConn(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(1, 0))
	conn, n := grab(t, db)
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	bad := func(driver.Conn) error { return driver.ErrBadConn }
	if err := pooled.Raw(t.Context(), conn, bad); err != driver.ErrBadConn {
		t.Errorf("have %v, want driver.ErrBadConn", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Errorf("rollback: %v", err)
	}
	pooledtest.Give(t, conn)
	conn, now := grab(t, db)
	pooledtest.Give(t, conn)
	if now == n || pool.Stats().Invalidated != 1 {
		t.Errorf("have connection %d again, and %+v", now, pool.Stats())
	}
}

func TestRawWaitsNoLongerThanItsContext(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, size(1, 0))
	a, _ := grab(t, db)
	pooledtest.Give(t, a)
	idle, err := db.Conn(t.Context()) // reserves nothing yet
	if err != nil {
		t.Fatal(err)
	}
	b, _ := grab(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pooled.Raw(ctx, idle, func(driver.Conn) error { return nil }); err != context.Canceled {
		t.Errorf("have %v, want context.Canceled", err)
	}
	pooledtest.Give(t, idle, b)
}

func TestByHandOnAnotherDriver(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db := sql.OpenDB(fake)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, f := range map[string]func() error{
		"Raw":            func() error { return pooled.Raw(t.Context(), conn, func(driver.Conn) error { return nil }) },
		"Detach":         func() error { return pooled.Detach(t.Context(), conn) },
		"Invalidate":     func() error { return pooled.Invalidate(conn, nil) },
		"SoftInvalidate": func() error { return pooled.SoftInvalidate(t.Context(), conn, nil) },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), "not of a sql.DB that was opened with driver pooled") {
			t.Errorf("%s: have %v", name, err)
		}
	}
}

// Nil is answered like what is not pooled.
func TestNil(t *testing.T) {
	if pool, ok := pooled.PoolOf(nil); ok || pool != nil {
		t.Errorf("PoolOf: have %v, %t", pool, ok)
	}
	db, _ := open(t, pooledtest.NewFake(t))
	conn, _ := grab(t, db)
	defer pooledtest.Give(t, conn)
	nothing := func(driver.Conn) error { return nil }
	for name, err := range map[string]error{
		"Raw":                    pooled.Raw(t.Context(), nil, nothing),
		"Raw without a function": pooled.Raw(t.Context(), conn, nil),
		"Detach":                 pooled.Detach(t.Context(), nil),
		"Invalidate":             pooled.Invalidate(nil, nil),
		"SoftInvalidate":         pooled.SoftInvalidate(t.Context(), nil, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), "nil") {
			t.Errorf("%s: have %v, want an error", name, err)
		}
	}
	var book pooledtest.LogBook
	_, pool := open(t, pooledtest.NewFake(t), logTo(&book))
	pool.Observe(nil)
	pooled.ObservePools(nil)
	other, _ := open(t, pooledtest.NewFake(t), logTo(&book))
	pooledtest.MustExec(t, other, "UPDATE")
	if lines := book.Take(); len(lines) > 0 {
		t.Errorf("observers that are nil: have %q in the log", lines)
	}
	cfg := pooled.NewConfig()
	cfg.Interceptors = []pooled.Interceptor{nil}
	if _, err := pooled.NewConnector(pooledtest.Null{}, cfg); err == nil {
		t.Error("a nil Interceptor: have no error")
	}
	if _, err := pooled.NewConnector(nil, pooled.NewConfig()); err == nil {
		t.Error("a nil driver: have no error")
	}
}

// What is detached leaves its place to another, belongs to its conn alone, and is
// closed for real with it.
func TestDetach(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassStatic, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, pool := open(t, fake, one(c))
			conn, n := grab(t, db)
			for range 2 { // twice is once
				if err := pooled.Detach(t.Context(), conn); err != nil {
					t.Fatal(err)
				}
			}
			other, m := grab(t, db)
			pooledtest.Give(t, other)
			if m == n {
				t.Errorf("have connection %d for both", n)
			}
			pool.Dispose()
			if have := number(t, conn); have != n {
				t.Errorf("have connection %d, want %d for good", have, n)
			}
			pooledtest.MustExec(t, conn, "BEGIN")
			pooledtest.Give(t, conn)
			log := fake.Log()
			if !slices.Contains(log, "c1 close") || slices.Contains(log, "c1 exec ROLLBACK") {
				t.Errorf("want it closed with its conn, without a reset: %q", log)
			}
			if s := pool.Stats(); s.Detached != 1 || s.CheckedOut != 0 && c != pooled.ClassDirect {
				t.Errorf("have %+v", s)
			}
		})
	}
}

// A detached server connection that breaks is closed, and counted nowhere.
func TestDetachedBreaks(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(1, 0))
	conn, _ := grab(t, db)
	if err := pooled.Detach(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(1))
	if _, err := conn.ExecContext(t.Context(), "UPDATE"); err != driver.ErrBadConn {
		t.Errorf("have %v, want driver.ErrBadConn: nothing may take its place", err)
	}
	conn.Close()
	pooledtest.MustExec(t, db, "UPDATE")
	if s := pool.Stats(); s.CheckedOut != 0 || s.Idle != 1 || s.Opened != 2 {
		t.Errorf("have %+v", s)
	}
}

// What is open on an invalidated server connection can be ended there.
func TestInvalidateWithRowsOpen(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(2, 0))
	conn, n := grab(t, db)
	rows, err := conn.QueryContext(t.Context(), "SELECT conn")
	if err != nil {
		t.Fatal(err)
	}
	if err := pooled.Invalidate(conn, nil); err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Errorf("the rows ended: %v", rows.Err())
	}
	rows.Close()
	if now := number(t, conn); now == n {
		t.Errorf("have connection %d still", n)
	}
	pooledtest.Give(t, conn)
	fake.Await(t, func(c pooledtest.Counts) bool { return c.Closed == 1 })
	if s := pool.Stats(); s.Invalidated != 1 || s.CheckedOut != 0 || s.Idle != 1 {
		t.Errorf("have %+v", s)
	}
}

// A transaction does not go on elsewhere.
func TestInvalidateWithATxOpen(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, size(2, 0))
	conn, _ := grab(t, db)
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pooled.Invalidate(conn, errors.New("read only")); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("UPDATE"); err == nil || !strings.Contains(err.Error(), "can only be rolled back") {
		t.Errorf("have %v, want an error until the Tx is over", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	if now := number(t, conn); now != 2 {
		t.Errorf("have connection %d, want the second", now)
	}
	pooledtest.Give(t, conn)
	for _, line := range fake.Log() {
		if line == "c2 exec UPDATE" {
			t.Error("a statement of the transaction was run outside of it")
		}
	}
}

// To invalidate what is not there is nothing.
func TestInvalidateWithoutABorrow(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake)
	a, _ := grab(t, db)
	pooledtest.Give(t, a)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := pooled.Invalidate(conn, nil); err != nil {
		t.Error(err)
	}
	pooledtest.Give(t, conn)
	if s := pool.Stats(); s.Closed != 0 {
		t.Errorf("have %+v", s)
	}
}

// In class direct a conn keeps its server connection until it comes back.
func TestInvalidateInClassDirect(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, class(pooled.ClassDirect))
	conn, n := grab(t, db)
	if err := pooled.Invalidate(conn, nil); err != nil {
		t.Fatal(err)
	}
	if now := number(t, conn); now != n {
		t.Errorf("have %d, want %d until it comes back", now, n)
	}
	pooledtest.Give(t, conn)
	conn, now := grab(t, db)
	pooledtest.Give(t, conn)
	if s := pool.Stats(); now == n || s.Invalidated != 1 {
		t.Errorf("have connection %d and %+v", now, s)
	}
}

// The place of what was invalidated is free for another at once: conn does not wait for itself.
func TestInvalidateAtTheLimit(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassStatic, pooled.ClassAssert} {
		t.Run(string(c), func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, pool := open(t, fake, one(c))
			conn, n := grab(t, db)
			if err := pooled.Invalidate(conn, nil); err != nil {
				t.Fatal(err)
			}
			if now := number(t, conn); now == n {
				t.Errorf("have %d still", now)
			}
			pooledtest.Give(t, conn)
			fake.Await(t, func(c pooledtest.Counts) bool { return c.Open == 1 })
			if s := pool.Stats(); s.CheckedOut != 0 || s.Idle != 1 {
				t.Errorf("have %+v", s)
			}
		})
	}
}

// A transaction that was invalidated is not committed by half.
func TestInvalidateThenCommit(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	conn, _ := grab(t, db)
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pooled.Invalidate(conn, nil); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err == nil || !strings.Contains(err.Error(), "invalidated") {
		t.Errorf("have %v, want the commit refused", err)
	}
	pooledtest.Give(t, conn)
	if log := fake.Log(); slices.Contains(log, "c1 commit") || !slices.Contains(log, "c1 rollback") {
		t.Errorf("have %q, want it rolled back", log)
	}
}

// Two statements of one text, with Rows open on both.
func TestInvalidateWithStatementsOpen(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	conn, _ := grab(t, db)
	var all []*sql.Rows
	for range 2 {
		stmt, err := conn.PrepareContext(t.Context(), "SELECT conn")
		if err != nil {
			t.Fatal(err)
		}
		defer stmt.Close()
		rows, err := stmt.Query()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rows)
	}
	if err := pooled.Invalidate(conn, nil); err != nil {
		t.Fatal(err)
	}
	for _, rows := range all {
		if !rows.Next() {
			t.Error(rows.Err())
		}
		rows.Close()
	}
	pooledtest.Give(t, conn)
}

// A panic of f with a Tx open comes out of Raw, which in database/sql's Raw would wait for ever.
func TestRawThatPanics(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(1, 0))
	conn, n := grab(t, db)
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if v := recover(); v != "f" {
				t.Errorf("have %v, want the panic to go on", v)
			}
		}()
		pooled.Raw(t.Context(), conn, func(driver.Conn) error { panic("f") })
	}()
	tx.Rollback()
	conn.Close()
	conn, now := grab(t, db)
	pooledtest.Give(t, conn)
	if s := pool.Stats(); now == n || s.CheckedOut != 0 {
		t.Errorf("have connection %d and %+v", now, s)
	}
}

// After a panic that the program recovered, a conn does not go on elsewhere, outside
// of the transaction that it began.
func TestNothingGoesOnAfterAPanic(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	conn, _ := grab(t, db)
	pooledtest.MustExec(t, conn, "BEGIN")
	rows, err := conn.QueryContext(t.Context(), "SELECT n 5")
	if err != nil {
		t.Fatal(err)
	}
	fake.On(pooledtest.StageExec, pooledtest.Panic("boom").Match("PANIC"))
	func() {
		defer func() { recover() }()
		conn.ExecContext(t.Context(), "PANIC")
	}()
	if !rows.Next() {
		t.Errorf("the rows ended: %v", rows.Err())
	}
	rows.Close()
	if _, err := conn.ExecContext(t.Context(), "UPDATE"); err != driver.ErrBadConn {
		t.Errorf("have %v, want driver.ErrBadConn", err)
	}
	conn.Close()
	for _, line := range fake.Log() {
		if line == "c2 exec UPDATE" {
			t.Error("a statement of the transaction was run outside of it")
		}
	}
}
