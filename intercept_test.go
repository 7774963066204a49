package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strings"
	"testing"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

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
	mustExec(t, db, "UPDATE") // the next borrower closes what was left
	want("statements", "prepare SELECT conn conn 1", "stmt query SELECT conn conn 1", "next conn 1 marked",
		"close rows conn 1 marked", "stmt exec SELECT conn conn 1", "close stmt conn 1 marked", "exec UPDATE conn 1")
}

// An interceptor that changes nothing changes nothing, whatever the parent has and lacks: not what reaches it, not an
// error, not an argument, not a column's type.
func TestConformanceWithInterceptors(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			pooledtest.Conform(t, func(t *testing.T, parent driver.Connector) *sql.DB {
				db, _ := open(t, parent, class(c), echo(pooled.EchoDebug), func(cfg *pooled.Config) {
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
	mustExec(t, db, "INSERT")
	log := strings.Join(fake.Log(), "\n")
	if !strings.Contains(log, "ROLLBACK") || !strings.Contains(log, "CLOSE ALL") {
		t.Errorf("have\n%s\nwant a rollback, and the session reset", log)
	}
}
