package pooledtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// open returns a database over f with a single connection.
func open(t *testing.T, f *Fake) *sql.DB {
	t.Helper()
	db := sql.OpenDB(f)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t *testing.T, db interface {
	Exec(string, ...any) (sql.Result, error)
}, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatalf("Exec(%q): have error %v, want none", query, err)
	}
}

func wantLog(t *testing.T, f *Fake, want ...string) {
	t.Helper()
	if have := f.Log(); !reflect.DeepEqual(have, want) {
		t.Errorf("log:\nhave\n\t%s\nwant\n\t%s", strings.Join(have, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// wantViolation checks that exactly one violation was found, and takes it.
func wantViolation(t *testing.T, f *Fake, parts ...string) {
	t.Helper()
	have := f.TakeViolations()
	if len(have) != 1 {
		t.Fatalf("have %d violations %q, want one", len(have), have)
	}
	for _, part := range parts {
		if !strings.Contains(have[0], part) {
			t.Errorf("violation: have %q, want it to contain %q", have[0], part)
		}
	}
}

func TestFakeLog(t *testing.T) {
	f := NewFake(t, With(SkipQueries))
	db := open(t, f)
	mustExec(t, db, "UPDATE a")
	mustExec(t, db, "INSERT ?, ?", 1, sql.Named("x", "y"))
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	f.On("exec", Fail(errors.New("boom")))
	if _, err := db.Exec("DELETE"); err == nil {
		t.Error("have no error, want boom")
	}
	db.Close()
	wantLog(t, f,
		"c1 connect",
		"c1 exec UPDATE a",
		"c1 resetSession",
		"c1 prepare INSERT ?, ?",
		"c1 stmt exec INSERT ?, ? [1 x=y]",
		"c1 stmt close INSERT ?, ?",
		"c1 resetSession",
		"c1 begin serializable read-only",
		"c1 commit",
		"c1 resetSession",
		"c1 exec DELETE -> boom",
		"c1 close",
	)
}

func TestFakeLanguage(t *testing.T) {
	for _, tt := range []struct {
		query string
		args  []any
		want  string
	}{
		{"SELECT conn", nil, "conn: [1]"},
		{"SELECT intx", nil, "intx: [false]"},
		{"select 7", nil, "n: [7]"},
		{"SELECT now()", nil, "text: [SELECT now()]"},
		{"SELECT n 3", nil, "n: [1] [2] [3]"},
		{"SELECT sets 1 0 2", nil, "n: [1]; n:; n: [1] [2]"},
		{"SELECT types", nil, "name price: [tea 3.50] [<nil> 0.00]"},
		{"GET a", nil, "a: [5]"},
		{"GET b", nil, "b: [<nil>]"},
		{"VALUES", []any{1, sql.Named("x", "y")}, "ordinal name type value: [1  int64 1] [2 x string y]"},
		{"UPDATE", nil, ":"},
		{"ERROR no", nil, "fake: server: no"},
	} {
		t.Run(tt.query, func(t *testing.T) {
			db := open(t, NewFake(t))
			mustExec(t, db, "SET a = 5")
			rows, err := db.Query(tt.query, tt.args...)
			have := ""
			if err != nil {
				have = err.Error()
			} else {
				have = allSets(t, rows)
			}
			if have != tt.want {
				t.Errorf("have %q, want %q", have, tt.want)
			}
		})
	}
}

func allSets(t *testing.T, rows *sql.Rows) string {
	t.Helper()
	defer rows.Close()
	var sets []string
	for {
		cols, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		set := strings.Join(cols, " ") + ":"
		for rows.Next() {
			vals := make([]any, len(cols))
			for i := range vals {
				vals[i] = new(any)
			}
			if err := rows.Scan(vals...); err != nil {
				t.Fatal(err)
			}
			texts := make([]string, len(vals))
			for i, v := range vals {
				v := *v.(*any)
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				texts[i] = fmt.Sprint(v)
			}
			set += " [" + strings.Join(texts, " ") + "]"
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		sets = append(sets, set)
		if !rows.NextResultSet() {
			return strings.Join(sets, "; ")
		}
	}
}

func TestFakeTransactionState(t *testing.T) {
	type step struct {
		query string
		want  bool
	}
	for name, steps := range map[string][]step{
		"plain":      {{"BEGIN", true}, {"UPDATE", true}, {"COMMIT", false}},
		"joined":     {{"UPDATE; begin;", true}, {"rollback;", false}},
		"sql server": {{"BEGIN", true}, {"IF @@TRANCOUNT > 0 ROLLBACK", false}},
		"autocommit": {{"SET autocommit=0", false}, {"UPDATE", true}, {"ROLLBACK", false}, {"UPDATE", true}},
	} {
		t.Run(name, func(t *testing.T) {
			f := NewFake(t)
			db := open(t, f)
			for _, s := range steps {
				mustExec(t, db, s.query)
				if have := f.InTx(1); have != s.want {
					t.Errorf("in a transaction after %q: have %t, want %t", s.query, have, s.want)
				}
			}
		})
	}
}

func TestFakeWaitHoldsUntilReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFake(t)
		db := open(t, f)
		done := make(chan error, 1)
		go func() {
			_, err := db.Exec("WAIT")
			done <- err
		}()
		f.AwaitWaiting(t, 1)
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("WAIT: have it finished, want it held")
		default:
		}
		if !f.ReleaseOne() {
			t.Error("ReleaseOne: have false, want true")
		}
		if err := <-done; err != nil {
			t.Errorf("have error %v, want none", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		_, err := db.ExecContext(ctx, "WAIT")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("have %v after %v, want the deadline's error after 1h", err, time.Since(start))
		}
		if n := f.Counts().Waiting; n != 0 {
			t.Errorf("waiting: have %d, want 0", n)
		}
	})
}

func TestFakeFaults(t *testing.T) {
	boom := errors.New("boom")
	t.Run("order and number", func(t *testing.T) {
		f := NewFake(t)
		f.On("exec", Fail(boom).Skip(1).Times(1).Match("UP"))
		f.On("exec", Fail(sql.ErrNoRows).Match("DELETE"))
		db := open(t, f)
		var have []error
		for _, q := range []string{"UPDATE", "INSERT", "UPDATE", "UPDATE", "DELETE", "DELETE"} {
			_, err := db.Exec(q)
			have = append(have, err)
		}
		want := []error{nil, nil, boom, nil, sql.ErrNoRows, sql.ErrNoRows}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("have %v, want %v", have, want)
		}
	})
	t.Run("every stage", func(t *testing.T) {
		for _, stage := range Stages {
			f := NewFake(t, func(f *Fake) { f.AllowLeaks = true })
			var seen []string
			f.Hook = func(s, _ string, _ int) error {
				if s == stage {
					seen = append(seen, s)
					return boom
				}
				return nil
			}
			everyStage(sql.OpenDB(f))
			if len(seen) == 0 {
				t.Errorf("stage %s: have no call of the hook, want one", stage)
			}
		}
	})
	t.Run("slow and deaf", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := NewFake(t)
			db := open(t, f)
			mustExec(t, db, "UPDATE")
			for _, tt := range []struct {
				fault Fault
				after time.Duration
				err   error
			}{
				{Slow(time.Minute), time.Second, context.DeadlineExceeded},
				{Slow(time.Minute).Deaf(), time.Minute, nil},
				{Slow(time.Minute).Deaf().Then(Fail(boom)), time.Minute, boom},
				{Slow(time.Millisecond), time.Millisecond, nil},
				{Hang(), time.Second, context.DeadlineExceeded},
			} {
				f.ClearFaults()
				f.On("exec", tt.fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				start := time.Now()
				_, err := db.ExecContext(ctx, "UPDATE")
				cancel()
				if took := time.Since(start); took != tt.after || !errors.Is(err, tt.err) {
					t.Errorf("%+v: have %v after %v, want %v after %v", tt.fault, err, took, tt.err, tt.after)
				}
			}
		})
	})
	t.Run("panic", func(t *testing.T) {
		f := NewFake(t)
		f.On("exec", Panic("boom").Times(1))
		db := open(t, f)
		func() {
			defer func() {
				if r := recover(); r != "boom" {
					t.Errorf("recovered %v, want boom", r)
				}
			}()
			db.Exec("UPDATE")
		}()
		mustExec(t, db, "UPDATE")
	})
	t.Run("unknown stage", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("have no panic, want one")
			}
		}()
		NewFake(t).On("execute", BadConn())
	})
}

// everyStage does something with db that passes every stage, whatever fails.
func everyStage(db *sql.DB) {
	defer db.Close()
	db.Ping()
	db.Exec("UPDATE")
	if rows, err := db.Query("SELECT 1"); err == nil {
		rows.Next()
		rows.Close()
	}
	if s, err := db.Prepare("SELECT ?"); err == nil {
		s.Exec(1)
		s.Close()
	}
	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		if tx, err := db.Begin(); err == nil {
			end(tx)
		}
	}
}

func TestFakeConnectCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFake(t, func(f *Fake) { f.MaxConns = 3 })
		f.On("connect", Slow(time.Second))
		db := sql.OpenDB(f)
		defer db.Close()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { mustExec(t, db, "SLEEP 1m") })
		}
		f.Await(t, func(c Counts) bool { return c.Dialing == 3 })
		f.Await(t, func(c Counts) bool { return c.Open == 3 })
		if _, err := db.Exec("UPDATE"); !errors.Is(err, ErrTooManyConns) {
			t.Errorf("have %v, want %v", err, ErrTooManyConns)
		}
		wg.Wait()
		db.Close()
		have := f.Counts()
		want := Counts{MaxOpen: 3, Opened: 3, Closed: 3, MaxDialing: 3, Dialed: 4, ConnectorCloses: 1}
		if have != want {
			t.Errorf("have %+v, want %+v", have, want)
		}
	})
}

func TestFakeKill(t *testing.T) {
	f := NewFake(t)
	db := open(t, f)
	mustExec(t, db, "UPDATE")
	f.Kill(nil)
	f.On("resetSession", Pass())
	mustExec(t, db, "DELETE")
	wantLog(t, f,
		"c1 connect",
		"c1 exec UPDATE",
		"c1 resetSession -> driver: bad connection",
		"c1 close",
		"c2 connect",
		"c2 exec DELETE",
	)
}

func TestFakeBreakOnCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFake(t, func(f *Fake) { f.BreakOnCancel = true })
		db := open(t, f)
		mustExec(t, db, "UPDATE")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		db.ExecContext(ctx, "WAIT")
		if have := f.Counts(); have.Closed != 1 {
			t.Errorf("closed: have %d, want 1", have.Closed)
		}
	})
}

func TestFakeLogShowsMarks(t *testing.T) {
	f := NewFake(t)
	db := open(t, f)
	if err := db.PingContext(WithMark(t.Context(), "m")); err != nil {
		t.Fatal(err)
	}
	wantLog(t, f, "c1 connect {m}", "c1 ping {m}")
}

// recorder is a testing.TB that keeps what a Fake reports at the test's end.
type recorder struct {
	testing.TB
	cleanup func()
	errors  []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Cleanup(fn func()) { r.cleanup = fn }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *recorder) Failed() bool { return false }

func TestFakeReportsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{TB: t}
		f := NewFake(r)
		c, err := f.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		exec(t.Context(), inner(c), "BEGIN")
		c.Prepare("SELECT 1")
		f.violation("for the test")
		r.cleanup()
		want := []string{
			"fake: left open: c1 (1 statements, 0 Rows, in a transaction: true)",
			"fake: violation: for the test",
		}
		if !reflect.DeepEqual(r.errors, want) {
			t.Errorf("have %q, want %q", r.errors, want)
		}
	})
}

func TestFakeDriverRemembersDSN(t *testing.T) {
	f := NewFake(t)
	c, err := f.Driver().Open("user@host")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if have, want := f.DSNs(), []string{"user@host"}; !reflect.DeepEqual(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
	if have := ConnID(c); have != 1 {
		t.Errorf("ConnID: have %d, want 1", have)
	}
	if have := ConnID(f); have != 0 {
		t.Errorf("ConnID of something else: have %d, want 0", have)
	}
}

func TestProfilesDiffer(t *testing.T) {
	for name, tt := range map[string]struct {
		p       Profile
		has, no Features
	}{
		"Full": {Full, HasExecerContext | HasQueryerContext | HasPrepareContext | HasBeginTx | HasPinger | HasSessionResetter |
			HasValidator | HasStmtExecContext | HasStmtQueryContext | HasNumInput,
			HasConnChecker | HasExecer | HasStmtChecker | HasColumnConverter},
		"Minimal":    {Minimal, HasNumInput, ^HasNumInput},
		"Legacy":     {Legacy, HasExecer | HasQueryer, HasExecerContext | HasBeginTx},
		"AnyInput":   {AnyInput, HasStmtExecContext, HasNumInput},
		"CheckerAll": {CheckerAll, HasConnChecker | HasStmtChecker | HasColumnConverter, 0},
	} {
		if have := tt.p.Features(); have&tt.has != tt.has || have&tt.no != 0 {
			t.Errorf("%s: have features %b, want %b and none of %b", name, have, tt.has, tt.no)
		}
	}
	names := map[string]bool{}
	for _, p := range Profiles {
		if names[p.Name] {
			t.Errorf("have two profiles %s, want one", p.Name)
		}
		names[p.Name] = true
	}
}

func TestNullAllocates(t *testing.T) {
	c, err := Null{}.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := &nullConn{}
	ctx := t.Context()
	if have := testing.AllocsPerRun(100, func() {
		n.ExecContext(ctx, "UPDATE", nil)
		n.QueryContext(ctx, "SELECT", nil)
		c.(driver.Validator).IsValid()
	}); have != 0 {
		t.Errorf("have %v allocations, want 0", have)
	}
}
