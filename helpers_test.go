package pooled_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "modernc.org/sqlite" // a driver by name for many tests

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooltest"
)

func TestMain(m *testing.M) {
	playRole()
	pooledtest.Main(m)
}

// playRole ends a process that was started as some test's helper, after it has
// done its part. fork_test.go has roles.
var playRole = func() {}

var (
	open        = pooltest.Open
	openFrom    = pooltest.OpenFrom
	connectorTo = pooltest.Connector
	size        = pooltest.Size
	one         = pooltest.One
	resetMode   = pooltest.ResetMode
)

func class(c pooled.Class) func(*pooled.Config) { return func(cfg *pooled.Config) { cfg.Class = c } }

// noRecycle keeps server connections whatever their age.
func noRecycle(cfg *pooled.Config) { cfg.Recycle = -1 }

// speaks sets the dialect.
func speaks(name string) func(*pooled.Config) { return func(cfg *pooled.Config) { cfg.Driver = name } }

// grab takes a sql.Conn and makes it lease a server connection, whose number it returns.
func grab(t testing.TB, db *sql.DB) (*sql.Conn, int) {
	t.Helper()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatalf("Conn: %v", err)
	}
	return conn, number(t, conn)
}

// number is the fake's number of the server connection behind conn.
func number(t testing.TB, conn interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) int {
	t.Helper()
	var n int
	if err := conn.QueryRowContext(context.Background(), "SELECT conn").Scan(&n); err != nil {
		t.Fatalf("SELECT conn: %v", err)
	}
	return n
}

// wantLog compares all that reached the server, as one slice, but for closes:
// those are made in the background.
func wantLog(t testing.TB, fake *pooledtest.Fake, want ...string) {
	t.Helper()
	have := slices.DeleteFunc(fake.Log(), func(line string) bool { return strings.HasSuffix(line, " close") })
	if !slices.Equal(have, want) {
		t.Errorf("reached the server:\nhave %q\nwant %q", have, want)
	}
}

// burst makes n callers come at the same moment, each of whom holds a server
// connection until all have one, or as many as there may be.
func burst(t testing.TB, db *sql.DB, n int) {
	t.Helper()
	pool, _ := pooled.PoolOf(db)
	places := n
	if limit := pool.Stats().Limit; limit > 0 {
		places = min(n, limit)
	}
	var come atomic.Int32
	all := make(chan struct{})
	hold := func() {
		if come.Add(1) == int32(places) {
			close(all)
		}
		<-all
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			conn, err := db.Conn(context.Background())
			if err != nil {
				t.Error(err)
				hold()
				return
			}
			defer conn.Close()
			if _, err := conn.ExecContext(context.Background(), "UPDATE"); err != nil {
				t.Error(err)
			}
			hold()
		})
	}
	wg.Wait()
}
