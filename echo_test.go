package pooled_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func logTo(b *pooledtest.LogBook) func(*pooled.Config) {
	return func(c *pooled.Config) { c.Logger, c.Name = slog.New(b), "shop" }
}

func echo(mode pooled.EchoMode) func(*pooled.Config) {
	return func(c *pooled.Config) { c.Echo = mode }
}

func echoPool(mode pooled.EchoMode) func(*pooled.Config) {
	return func(c *pooled.Config) { c.EchoPool = mode }
}

func TestEchoStatements(t *testing.T) {
	var book pooledtest.LogBook
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, logTo(&book), echo(pooled.EchoOn))

	pooledtest.MustExec(t, db, "UPDATE a SET b = ?, c = ?", 5, "it's\n"+strings.Repeat("x", 200))
	book.Want(t, "exec", `INFO pooled: exec pool=shop conn=1 stmt=UPDATE a SET b = ?, c = ? args=[5, "it's\n`+
		strings.Repeat("x", 92)+`…"] duration_ms rows=1`)

	var n int
	if err := db.QueryRow("SELECT conn").Scan(&n); err != nil {
		t.Fatal(err)
	}
	book.Want(t, "query", `INFO pooled: query pool=shop conn=1 stmt=SELECT conn duration_ms`)

	stmt, err := db.Prepare("UPDATE ?")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stmt.Exec(nil); err != nil {
		t.Fatal(err)
	}
	stmt.Close()
	book.Want(t, "a prepared statement", `INFO pooled: prepare pool=shop conn=1 stmt=UPDATE ? duration_ms`,
		`INFO pooled: exec pool=shop conn=1 stmt=UPDATE ? args=[NULL] duration_ms rows=1`)

	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	tx.Commit()
	if tx, err = db.Begin(); err != nil {
		t.Fatal(err)
	}
	tx.Rollback()
	book.Want(t, "transactions", `INFO pooled: begin pool=shop conn=1 duration_ms`,
		`INFO pooled: commit pool=shop conn=1 duration_ms`,
		`INFO pooled: begin pool=shop conn=1 duration_ms`, `INFO pooled: rollback pool=shop conn=1 duration_ms`)

	fake.On(pooledtest.StageExec, pooledtest.Fail(errors.New("no such table")).Times(1))
	db.Exec("UPDATE nowhere")
	book.Want(t, "an error", `WARN pooled: exec pool=shop conn=1 stmt=UPDATE nowhere duration_ms err=no such table`)
	fake.On(pooledtest.StageNext, pooledtest.Fail(errors.New("division by zero")).Times(1))
	db.QueryRow("SELECT 1/0").Scan(&n)
	book.Want(t, "an error among the rows", `INFO pooled: query pool=shop conn=1 stmt=SELECT 1/0 duration_ms`,
		`WARN pooled: row pool=shop conn=1 stmt=SELECT 1/0 duration_ms err=division by zero`)
}

// A driver that takes no arguments without preparing first is asked twice, and logged once.
func TestEchoOfASkippedStatement(t *testing.T) {
	var book pooledtest.LogBook
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageExec, pooledtest.Fail(driver.ErrSkip).Times(1))
	db, _ := open(t, fake, logTo(&book), echo(pooled.EchoOn))
	pooledtest.MustExec(t, db, "UPDATE ?", 1)
	book.Want(t, "exec", `INFO pooled: prepare pool=shop conn=1 stmt=UPDATE ? duration_ms`,
		`INFO pooled: exec pool=shop conn=1 stmt=UPDATE ? args=[1] duration_ms rows=1`)
}

func TestEchoArguments(t *testing.T) {
	var book pooledtest.LogBook
	db, _ := open(t, pooledtest.NewFake(t), logTo(&book), echo(pooled.EchoOn))
	many := make([]any, 25)
	for _, args := range []struct {
		given []any
		want  string
	}{
		{[]any{int64(7), 1.5, true, nil}, "[7, 1.5, true, NULL]"},
		{[]any{[]byte("a\x00b")}, `["a\x00b"]`},
		{[]any{[]byte(strings.Repeat("b", 130))}, `["` + strings.Repeat("b", 100) + `" and 30 bytes more]`},
		{[]any{time.Date(2020, 2, 3, 4, 5, 6, 7, time.UTC)}, "[2020-02-03T04:05:06.000000007Z]"},
		{[]any{sql.Named("id", 3)}, "[id=3]"},
		{many, "[" + strings.Repeat("NULL, ", 20) + "and 5 more]"},
		{[]any{strings.Repeat("é", 80)}, `["` + strings.Repeat("é", 48) + `…"]`},
	} {
		db.Exec("UPDATE", args.given...)
		have := strings.Join(book.Take(), "\n")
		if !strings.Contains(have, " args="+args.want+" duration_ms") {
			t.Errorf("have %s\nwant %s", have, args.want)
		}
	}
}

func TestEchoDebugLogsRows(t *testing.T) {
	for _, hide := range []bool{false, true} {
		var book pooledtest.LogBook
		db, _ := open(t, pooledtest.NewFake(t), logTo(&book), echo(pooled.EchoDebug),
			func(c *pooled.Config) { c.HideParameters = hide })
		var n int
		if err := db.QueryRow("SELECT conn WHERE ?", "a secret").Scan(&n); err != nil {
			t.Fatal(err)
		}
		want := []string{`INFO pooled: query pool=shop conn=1 stmt=SELECT conn WHERE ? args=["a secret"] duration_ms`,
			`INFO pooled: row pool=shop conn=1 row=[1]`}
		if hide {
			want = []string{`INFO pooled: query pool=shop conn=1 stmt=SELECT conn WHERE ? duration_ms`,
				`INFO pooled: row pool=shop conn=1`}
		}
		book.Want(t, fmt.Sprint("hide: ", hide), want...)
	}
}

// Every event of the pool, with debug and without.
func TestEchoPool(t *testing.T) {
	for _, mode := range []pooled.EchoMode{pooled.EchoOn, pooled.EchoDebug} {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { echoPoolEvents(t, mode) })
		})
	}
}

func echoPoolEvents(t *testing.T, mode pooled.EchoMode) {
	var book pooledtest.LogBook
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, logTo(&book), echoPool(mode), size(1, 0), func(c *pooled.Config) {
		c.Timeout, c.Recycle, c.RecycleJitter = time.Second, time.Hour, pooled.Jitter{}
	})
	defer db.Close()
	want := func(what string, want ...string) {
		t.Helper()
		synctest.Wait()
		if mode == pooled.EchoOn { // what is not rare is left out
			want = slices.DeleteFunc(want, func(line string) bool {
				return regexp.MustCompile("pooled: (checkout|reset|checkin)").MatchString(line)
			})
		}
		book.Want(t, what, want...)
	}
	pooledtest.MustExec(t, db, "UPDATE")
	want("the first", "INFO pooled: connect pool=shop conn=1 age_ms",
		"INFO pooled: checkout pool=shop conn=1 age_ms idle_ms",
		"INFO pooled: checkin pool=shop conn=1 age_ms")
	pooledtest.MustExec(t, db, "BEGIN")
	want("a forgotten transaction", "INFO pooled: checkout pool=shop conn=1 age_ms idle_ms",
		"INFO pooled: reset pool=shop conn=1 age_ms stmt=ROLLBACK", "INFO pooled: checkin pool=shop conn=1 age_ms")

	held, _ := grab(t, db)
	book.Take()
	_, err := db.Exec("UPDATE")
	want("a timeout", "WARN pooled: timeout pool=shop err="+err.Error())
	if err := pooled.SoftInvalidate(t.Context(), held, errors.New("old")); err != nil {
		t.Error(err)
	}
	pooledtest.Give(t, held)
	want("a soft invalidation", "INFO pooled: soft_invalidate pool=shop conn=1 age_ms err=old",
		"INFO pooled: close pool=shop conn=1 age_ms err=pooled: invalidated softly: old")

	fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("refused")).Times(1))
	db.Exec("UPDATE")
	want("a failed connect", "WARN pooled: connect_error pool=shop err=refused")

	held, _ = grab(t, db)
	book.Take()
	if err := pooled.Invalidate(held, errors.New("read-only")); err != nil {
		t.Error(err)
	}
	pooledtest.Give(t, held)
	want("an invalidation", "WARN pooled: invalidate pool=shop conn=3 age_ms err=read-only",
		"INFO pooled: close pool=shop conn=3 age_ms err=read-only")

	held, _ = grab(t, db)
	book.Take()
	if err := pooled.Detach(t.Context(), held); err != nil {
		t.Error(err)
	}
	pooledtest.Give(t, held)
	want("a detachment", "INFO pooled: detach pool=shop conn=4 age_ms", "INFO pooled: close pool=shop conn=4 age_ms")

	pooledtest.MustExec(t, db, "UPDATE")
	synctest.Wait()
	book.Take()
	time.Sleep(time.Hour)
	synctest.Wait()
	want("recycling, with no room for both", "INFO pooled: recycle pool=shop conn=5 age_ms err=pooled: recycled: older "+
		"than pool_recycle",
		"INFO pooled: connect pool=shop conn=6 age_ms")

	pool.Dispose()
	want("disposal", "INFO pooled: dispose pool=shop",
		"INFO pooled: close pool=shop conn=6 age_ms err=pooled: closed by Pool.Dispose")
}

// Without a logger of its own a pool logs to slog's default of the moment.
func TestLoggers(t *testing.T) {
	var named, set, fallback pooledtest.LogBook
	name := "loggers-" + rand.Text() // a process may register a name once
	pooled.RegisterLogger(name, slog.New(&named))
	was := slog.Default()
	defer slog.SetDefault(was)
	for _, test := range []struct {
		book *pooledtest.LogBook
		set  func(*pooled.Config)
	}{
		{&named, func(c *pooled.Config) { c.LoggerName = name }},
		{&set, func(c *pooled.Config) { c.LoggerName, c.Logger = name, slog.New(&set) }},
		{&fallback, func(*pooled.Config) {}},
	} {
		db, _ := open(t, pooledtest.NewFake(t), test.set, echo(pooled.EchoOn))
		slog.SetDefault(slog.New(&fallback))
		pooledtest.MustExec(t, db, "UPDATE")
		slog.SetDefault(was)
		if have := len(test.book.Take()); have != 1 {
			t.Errorf("have %d lines, want 1", have)
		}
	}
	cfg := pooled.NewConfig()
	cfg.LoggerName = "nobody"
	_, err := pooled.NewConnector(pooledtest.NewFake(t), cfg)
	if want := `pooled: pool_logger: nothing is registered as "nobody" (registered: `; err == nil ||
		!strings.HasPrefix(err.Error(), want) {
		t.Errorf("have %v, want %s", err, want)
	}
	for what, f := range map[string]func(){
		"nil":      func() { pooled.RegisterLogger("nil", nil) },
		"taken":    func() { pooled.RegisterLogger(name, slog.New(&named)) },
		"no name":  func() { pooled.RegisterLogger("", slog.New(&named)) },
		"a comma":  func() { pooled.RegisterLogger("a,b", slog.New(&named)) },
		"a blank ": func() { pooled.RegisterLogger("a b", slog.New(&named)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			f()
		}()
	}
}

// The attributes that docs/logging.md lists are those that there are.
func TestLogAttributesAreDocumented(t *testing.T) {
	var book pooledtest.LogBook
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, logTo(&book), echo(pooled.EchoDebug), echoPool(pooled.EchoDebug),
		func(c *pooled.Config) { c.LeakAfter = time.Millisecond })
	pooledtest.MustExec(t, db, "BEGIN")
	var n int
	if err := db.QueryRow("SELECT conn WHERE ?", 1).Scan(&n); err != nil {
		t.Fatal(err)
	}
	held, _ := grab(t, db)
	pooledtest.WaitUntil(t, func() bool {
		return slices.ContainsFunc(book.Take(), func(l string) bool { return strings.Contains(l, "leak") })
	},
		func() string { return "no leak was logged" })
	pooledtest.Give(t, held)
	fake.On(pooledtest.StageExec, pooledtest.Fail(errors.New("no")))
	db.Exec("UPDATE")
	panics, _ := open(t, pooledtest.NewFake(t), logTo(&book), func(c *pooled.Config) {
		c.StmtCache = 1 // for a driver that it is not for
		c.Hooks.Connect = func(context.Context, *pooled.ServerConn) error { panic("boom") }
	})
	panics.Ping()

	text, err := os.ReadFile("docs/logging.md")
	if err != nil {
		t.Fatal(err)
	}
	_, attributes, _ := strings.Cut(string(text), "## Attributes")
	attributes, events, _ := strings.Cut(attributes, "\n## ")
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(attributes, -1) {
		documented[row[1]] = true
	}
	logged := book.Attributes()
	delete(logged, "")       // an attribute that is not there
	logged["session"] = true // this server has none
	for key := range logged {
		if !documented[key] {
			t.Errorf("docs/logging.md lacks the attribute %q", key)
		}
	}
	for key := range documented {
		if !logged[key] {
			t.Errorf("docs/logging.md has the attribute %q, which was not logged", key)
		}
	}
	for _, file := range []string{"events.go", "internal/observe/statements.go"} {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`(?m)^\tevent\w+ += "(\w+)"`).FindAllStringSubmatch(string(code), -1) {
			if !strings.Contains(events, "`"+name[1]+"`") {
				t.Errorf("docs/logging.md lacks the event %q", name[1])
			}
		}
	}
}

// Two interceptors, the first outermost: every function is called, in order, with the context that the one before
// returned.
func TestInterceptors(t *testing.T) {
	var list []string
	db, _ := open(t, pooledtest.NewFake(t), func(c *pooled.Config) {
		for _, name := range []string{"A", "B"} {
			c.Interceptors = append(c.Interceptors, pooledtest.Tracer{Name: name, ConnID: pooled.ConnID, Calls: &list})
		}
	})
	want := func(what string, want ...string) {
		t.Helper()
		var both []string
		for _, w := range want {
			both = append(both, "A "+w, "B "+w)
		}
		if !slices.Equal(list, both) {
			t.Errorf("%s:\nhave %q\nwant %q", what, list, both)
		}
		list = nil
	}
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	want("ping", "connect", "ping conn 1")
	result, err := db.Exec("UPDATE")
	if err != nil {
		t.Fatal(err)
	}
	result.RowsAffected()
	result.LastInsertId()
	want("exec", "exec UPDATE conn 1", "rows affected", "last insert id")
	var n int
	if err := db.QueryRow("SELECT conn").Scan(&n); err != nil {
		t.Fatal(err)
	}
	want("query", "query SELECT conn conn 1", "next conn 1 marked", "close rows conn 1 marked")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	tx.Commit()
	tx, err = db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	tx.Rollback()
	want("transactions", "begin conn 1", "commit conn 1 marked", "begin conn 1", "rollback conn 1 marked")
	stmt, err := db.Prepare("SELECT conn")
	if err != nil {
		t.Fatal(err)
	}
	if err := stmt.QueryRow().Scan(&n); err != nil {
		t.Fatal(err)
	}
	if _, err := stmt.Exec(); err != nil {
		t.Fatal(err)
	}
	stmt.Close()
	pooledtest.MustExec(t, db, "UPDATE") // the next caller closes what was left
	want("statements", "prepare SELECT conn conn 1", "stmt query SELECT conn conn 1", "next conn 1 marked",
		"close rows conn 1 marked", "stmt exec SELECT conn conn 1", "close stmt conn 1 marked", "exec UPDATE conn 1")
}

// An interceptor that changes nothing changes nothing, whatever the driver has and lacks: not what reaches it, not an
// error, not an argument, not a column's type. An argument is converted before the interceptors get it, so one of each
// kind will do; and of class direct, where Connect is the caller's, how connections are opened.
func TestConformanceWithInterceptors(t *testing.T) {
	for c, what := range map[pooled.Class]pooledtest.About{
		pooled.ClassQueue:  pooledtest.Everything &^ pooledtest.Arguments,
		pooled.ClassDirect: pooledtest.Connecting,
	} {
		t.Run(string(c), func(t *testing.T) {
			pooledtest.Conform(t, what, func(t *testing.T, wrapped driver.Connector) *sql.DB {
				db, _ := open(t, wrapped, class(c), echo(pooled.EchoDebug), func(cfg *pooled.Config) {
					cfg.Interceptors = []pooled.Interceptor{sqlmw.NullInterceptor{}, sqlmw.NullInterceptor{}}
					cfg.LoggerName = "discard"
				})
				return db
			})
		})
	}
}

// sqlmw's interceptors can be used as they are.
var _ pooled.Interceptor = sqlmw.Interceptor(nil)

// sender sends statements of its own before the program's.
type sender struct{ sqlmw.NullInterceptor }

func (sender) ConnExecContext(
	ctx context.Context, c driver.ExecerContext, q string, args []driver.NamedValue,
) (driver.Result, error) {
	for _, text := range []string{"SET tenant=7", "BEGIN"} {
		if _, err := c.ExecContext(ctx, text, nil); err != nil {
			return nil, err
		}
	}
	return c.ExecContext(ctx, q, args)
}

// What an interceptor sends is undone on return like the program's.
func TestResetSeesWhatInterceptorsSend(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, one(pooled.ClassQueue), speaks("postgres"), func(c *pooled.Config) {
		c.Interceptors, c.ResetOnReturn = []pooled.Interceptor{sender{}}, pooled.ResetAuto
	})
	pooledtest.MustExec(t, db, "INSERT")
	log := strings.Join(fake.Log(), "\n")
	if !strings.Contains(log, "ROLLBACK") || !strings.Contains(log, "CLOSE ALL") {
		t.Errorf("have\n%s\nwant a rollback, and the session reset", log)
	}
}
