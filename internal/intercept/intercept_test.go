package intercept_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/intercept"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// guard writes down what it is told.
type guard struct {
	calls []string
	veto  error
	means error // what every error means; nil: itself
}

func (g *guard) Allow(query string, args []driver.NamedValue) error {
	g.calls = append(g.calls, fmt.Sprintf("allow %s %d", query, len(args)))
	return g.veto
}

func (g *guard) Sending(query string) { g.calls = append(g.calls, "sending "+query) }
func (g *guard) Beginning()           { g.calls = append(g.calls, "beginning") }

func (g *guard) TrueErr(err error) error {
	if err != nil && g.means != nil {
		return g.means
	}
	return err
}

// connector has connections with interceptors before them, of which the first has ID 1.
type connector struct {
	driver.Connector
	list  []sqlmw.Interceptor
	guard *guard
	id    *uint64
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := intercept.Connect(ctx, c.list, c.Connector)
	if err != nil {
		return nil, err
	}
	conn := driverconn.Of(inner)
	*c.id++
	via := intercept.Before(&conn, c.list, *c.id, c.guard)
	return &withInterceptors{Conn: inner, Execer: via.Execer, Queryer: via.Queryer, Pinger: via.Pinger, via: via}, nil
}

// withInterceptors leaves to database/sql what a pool does.
type (
	withInterceptors struct {
		driver.Conn
		Execer
		Queryer
		driver.Pinger
		via *driverconn.Conn
	}
	Execer  = driver.ExecerContext
	Queryer = driver.QueryerContext
)

func (c *withInterceptors) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.via.Prepare(ctx, query)
}

func (c *withInterceptors) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.via.Begin(ctx, opts)
}

func open(t *testing.T, g *guard, list ...sqlmw.Interceptor) (*sql.DB, *pooledtest.Fake) {
	fake := pooledtest.NewFake(t)
	db := sql.OpenDB(connector{fake, list, g, new(uint64)})
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	return db, fake
}

// program does one thing of each kind.
func program(t *testing.T, db *sql.DB) {
	t.Helper()
	failed := func(what string, err error) {
		if err != nil {
			t.Helper()
			t.Fatal(what, err)
		}
	}
	failed("ping", db.Ping())
	result, err := db.Exec("UPDATE")
	failed("exec", err)
	result.RowsAffected()
	result.LastInsertId()
	var n int
	failed("query", db.QueryRow("SELECT conn").Scan(&n))
	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		tx, err := db.Begin()
		failed("begin", err)
		failed("end", end(tx))
	}
	stmt, err := db.Prepare("SELECT conn")
	failed("prepare", err)
	failed("stmt query", stmt.QueryRow().Scan(&n))
	_, err = stmt.Exec()
	failed("stmt exec", err)
	failed("stmt close", stmt.Close())
}

// TestOrder: every function of two interceptors is called, the first outermost, with the connection's ID and the
// context that was returned for what came before.
func TestOrder(t *testing.T) {
	var calls []string
	tracer := func(name string) sqlmw.Interceptor {
		return pooledtest.Tracer{Name: name, ConnID: intercept.ConnID, Calls: &calls}
	}
	db, _ := open(t, &guard{}, tracer("A"), tracer("B"))
	program(t, db)
	var want []string
	for _, call := range []string{
		"connect", "ping conn 1", "exec UPDATE conn 1", "rows affected", "last insert id",
		"query SELECT conn conn 1", "next conn 1 marked", "close rows conn 1 marked",
		"begin conn 1", "commit conn 1 marked", "begin conn 1", "rollback conn 1 marked",
		"prepare SELECT conn conn 1", "stmt query SELECT conn conn 1", "next conn 1 marked", "close rows conn 1 marked",
		"stmt exec SELECT conn conn 1", "close stmt conn 1 marked",
	} {
		want = append(want, "A "+call, "B "+call)
	}
	if !slices.Equal(calls, want) {
		t.Errorf("have %q\nwant %q", calls, want)
	}
}

func TestGuardIsToldWhatIsSent(t *testing.T) {
	g := &guard{}
	db, _ := open(t, g, sqlmw.NullInterceptor{})
	program(t, db)
	if _, err := db.Exec("UPDATE ?", 1); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"allow UPDATE 0", "sending UPDATE", "allow SELECT conn 0", "sending SELECT conn", "beginning", "beginning",
		"allow SELECT conn 0", "sending SELECT conn", "sending SELECT conn", "allow UPDATE ? 1", "sending UPDATE ?",
	}
	if !slices.Equal(g.calls, want) {
		t.Errorf("have %q\nwant %q", g.calls, want)
	}
}

// sender sends statements of its own before the program's.
type sender struct{ sqlmw.NullInterceptor }

func (sender) ConnExecContext(
	ctx context.Context, c driver.ExecerContext, q string, args []driver.NamedValue,
) (driver.Result, error) {
	if _, err := c.ExecContext(ctx, "SET tenant=7", nil); err != nil {
		return nil, err
	}
	return c.ExecContext(ctx, q, args)
}

func TestGuardIsToldWhatInterceptorsSend(t *testing.T) {
	g := &guard{}
	db, _ := open(t, g, sender{})
	if _, err := db.Exec("UPDATE"); err != nil {
		t.Fatal(err)
	}
	want := []string{"allow SET tenant=7 0", "sending SET tenant=7", "allow UPDATE 0", "sending UPDATE"}
	if !slices.Equal(g.calls, want) {
		t.Errorf("have %q, want %q", g.calls, want)
	}
}

// TestVeto: what the guard does not allow is not sent, and its error is the program's.
func TestVeto(t *testing.T) {
	g := &guard{veto: errors.New("not allowed")}
	db, fake := open(t, g, sqlmw.NullInterceptor{})
	_, execErr := db.Exec("UPDATE")
	_, queryErr := db.Query("SELECT conn")
	_, prepareErr := db.Prepare("SELECT conn")
	for _, have := range []error{execErr, queryErr, prepareErr} {
		if have != g.veto {
			t.Errorf("have %v, want %v", have, g.veto)
		}
	}
	if log := fake.Log(); len(log) != 1 {
		t.Errorf("have %q, want a connect alone", log)
	}
}

// watcher sees an error that comes back from the driver.
type watcher struct {
	sqlmw.NullInterceptor
	err *error
}

func (w watcher) ConnExecContext(
	ctx context.Context, c driver.ExecerContext, q string, args []driver.NamedValue,
) (result driver.Result, err error) {
	result, *w.err = c.ExecContext(ctx, q, args)
	return result, *w.err
}

// TestTrueErr: an interceptor, and the program, is given what the guard makes of an error of what was sent.
func TestTrueErr(t *testing.T) {
	var seen error
	g := &guard{means: errors.New("it was sent")}
	db, fake := open(t, g, watcher{err: &seen})
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	stmt, err := tx.Prepare("SELECT conn")
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range []string{pooledtest.StageExec, pooledtest.StageQuery, pooledtest.StageCommit} {
		fake.On(stage, pooledtest.Fail(errors.New("driver's")))
	}
	for name, run := range map[string]func() error{
		"exec":       func() error { _, err := tx.Exec("UPDATE"); return err },
		"query":      func() error { _, err := tx.Query("SELECT conn"); return err },
		"stmt exec":  func() error { _, err := stmt.Exec(); return err },
		"stmt query": func() error { _, err := stmt.Query(); return err },
	} {
		if have := run(); have != g.means {
			t.Errorf("%s: have %v, want %v", name, have, g.means)
		}
	}
	if have := tx.Commit(); have != g.means {
		t.Errorf("commit: have %v, want %v", have, g.means)
	}
	if seen != g.means {
		t.Errorf("the interceptor has seen %v, want %v", seen, g.means)
	}
	fake.ClearFaults()
	db.Exec("ROLLBACK")
}

// refuser answers by itself.
type refuser struct{ sqlmw.NullInterceptor }

var errRefuser = errors.New("not on Sundays")

func (refuser) ConnExecContext(
	context.Context, driver.ExecerContext, string, []driver.NamedValue,
) (driver.Result, error) {
	return nil, errRefuser
}

func TestInterceptorThatRefuses(t *testing.T) {
	db, fake := open(t, &guard{}, refuser{})
	if _, err := db.Exec("UPDATE"); err != errRefuser {
		t.Errorf("have %v, want %v", err, errRefuser)
	}
	if log := fake.Log(); len(log) != 1 {
		t.Errorf("have %q, want a connect alone", log)
	}
}

// forgetful returns no context, or one of its own.
type forgetful struct {
	sqlmw.NullInterceptor
	returns context.Context
	tracer  pooledtest.Tracer
}

func (f forgetful) ConnQueryContext(
	ctx context.Context, c driver.QueryerContext, q string, args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	rows, err := c.QueryContext(ctx, q, args)
	return f.returns, rows, err
}

func (f forgetful) RowsNext(ctx context.Context, r driver.Rows, dest []driver.Value) error {
	return f.tracer.RowsNext(ctx, r, dest)
}

func (f forgetful) RowsClose(ctx context.Context, r driver.Rows) error {
	return f.tracer.RowsClose(ctx, r)
}

func TestInterceptorThatLosesTheContext(t *testing.T) {
	for _, returns := range []context.Context{nil, context.Background()} {
		var calls []string
		tracer := pooledtest.Tracer{Name: "A", ConnID: intercept.ConnID, Calls: &calls}
		db, _ := open(t, &guard{}, forgetful{returns: returns, tracer: tracer})
		var n int
		if err := db.QueryRow("SELECT conn").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if want := []string{"A next conn 1", "A close rows conn 1"}; !slices.Equal(calls, want) {
			t.Errorf("have %q, want %q", calls, want)
		}
	}
}

// closer notes whether the contexts of what ends something had ended.
type closer struct {
	sqlmw.NullInterceptor
	ended *[]error
}

func (c closer) RowsClose(ctx context.Context, r driver.Rows) error {
	*c.ended = append(*c.ended, ctx.Err())
	return r.Close()
}

func (c closer) StmtClose(ctx context.Context, st driver.Stmt) error {
	*c.ended = append(*c.ended, ctx.Err())
	return st.Close()
}

func (c closer) TxRollback(ctx context.Context, tx driver.Tx) error {
	*c.ended = append(*c.ended, ctx.Err())
	return tx.Rollback()
}

// TestWhatEndsHasAContextThatHasNot: database/sql closes and rolls back because a context has ended.
func TestWhatEndsHasAContextThatHasNot(t *testing.T) {
	inner, err := pooledtest.NewFake(t).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	conn := driverconn.Of(inner)
	var ended []error
	via := intercept.Before(&conn, []sqlmw.Interceptor{closer{ended: &ended}}, 1, &guard{})
	ctx, cancel := context.WithCancel(t.Context())
	tx, err := via.Begin(ctx, driver.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stmt, err := via.Prepare(ctx, "SELECT conn")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := via.Query(ctx, "SELECT conn", nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	rows.Close()
	stmt.Close()
	tx.Rollback()
	if !slices.Equal(ended, []error{nil, nil, nil}) {
		t.Errorf("have %v, want three that go on", ended)
	}
}

// TestBefore: without interceptors nothing is put before a connection, and a chain has what the driver's connection
// has.
func TestBefore(t *testing.T) {
	list := []sqlmw.Interceptor{sqlmw.NullInterceptor{}}
	for _, p := range pooledtest.Profiles {
		inner, err := pooledtest.NewFake(t, pooledtest.With(p)).Connect(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		conn := driverconn.Of(inner)
		if intercept.Before(&conn, nil, 1, nil) != &conn {
			t.Errorf("%s: without interceptors it is another", p.Name)
		}
		via := intercept.Before(&conn, list, 1, &guard{})
		have := []bool{via.Execer != nil, via.Queryer != nil, via.Pinger != nil, via.Resetter != nil, via.Checker != nil}
		want := []bool{conn.Execer != nil, conn.Queryer != nil, conn.Pinger != nil, conn.Resetter != nil, conn.Checker != nil}
		if !slices.Equal(have, want) {
			t.Errorf("%s: have %v, want %v", p.Name, have, want)
		}
		stmt, err := via.Prepare(context.Background(), "SELECT conn")
		if err != nil {
			t.Fatal(err)
		}
		own, err := conn.Prepare(context.Background(), "SELECT conn")
		if err != nil {
			t.Fatal(err)
		}
		if have, want := fmt.Sprintf("%T", intercept.Unwrap(stmt)), fmt.Sprintf("%T", own); have != want {
			t.Errorf("%s: have a statement %s, want %s", p.Name, have, want)
		}
		stmt.Close()
		own.Close()
		inner.Close()
	}
}

// breaks connects, and does not return.
type breaks struct {
	sqlmw.NullInterceptor
	how func()
}

func (i breaks) ConnectorConnect(ctx context.Context, c driver.Connector) (driver.Conn, error) {
	for range 2 {
		if _, err := c.Connect(ctx); err != nil {
			return nil, err
		}
	}
	i.how()
	return nil, errors.New("it went on")
}

// TestConnectThatDoesNotReturn: what was opened behind an interceptor that panics, or ends the goroutine, is closed;
// the fake complains at the end of the test of what is not.
func TestConnectThatDoesNotReturn(t *testing.T) {
	for name, how := range map[string]func(){"panic": func() { panic(errRefuser) }, "Goexit": runtime.Goexit} {
		fake := pooledtest.NewFake(t)
		recovered := make(chan any)
		go func() {
			defer func() { recovered <- recover() }()
			intercept.Connect(context.Background(), []sqlmw.Interceptor{sqlmw.NullInterceptor{}, breaks{how: how}}, fake)
		}()
		if have := <-recovered; (have == nil) != (name == "Goexit") {
			t.Errorf("%s: recovered %v", name, have)
		}
		if have := fake.Counts(); have.Open != 0 {
			t.Errorf("%s: %d connections are open", name, have.Open)
		}
	}
}
