package tracing

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	_ "modernc.org/sqlite"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// registerTraceOnce lets tests run more than once: a name can be registered once.
var registerTraceOnce = sync.OnceFunc(registerTrace)

func TestMain(m *testing.M) { pooledtest.Main(m) }

const dsn = "sqlite://?pool_driver=sqlite&pool_size=1&pool_max_overflow=0"

// record collects the spans of a test.
func record(t *testing.T) *tracetest.InMemoryExporter {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	otel.SetTracerProvider(provider)
	t.Cleanup(func() { provider.Shutdown(context.WithoutCancel(t.Context())) })
	return spans
}

// queued sends a query that waits for the only connection, and returns the moment at which that came back.
func queued(t *testing.T, db *sql.DB, pool *pooled.Pool) (released time.Time) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- db.QueryRowContext(t.Context(), "SELECT 7").Scan(new(int)) }()
	for deadline := time.Now().Add(20 * time.Second); pool.Stats().Waiting == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the query does not wait")
		}
	}
	released = time.Now()
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	return released
}

// A span of otelsql's has the wait for a connection in it, and the hook's event says when it was over. Both ways are
// seen: in the span of the query, and where database/sql has no idle conn in that of its connect.
func TestWaitInSpan(t *testing.T) {
	registerTraceOnce()
	for _, idle := range []int{0, 2} {
		spans := record(t)
		db, err := openTraced(dsn + "&pool_hooks=trace&pool_name=traced")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, ok := pooled.PoolOf(db); ok {
			t.Error("PoolOf finds the pool behind otelsql: docs/tracing.md says that it does not")
		}
		pool, ok := pooled.PoolNamed("traced")
		if !ok {
			t.Fatal("have no pool of that name")
		}
		want := "sql.connector.connect"
		if db.SetMaxIdleConns(idle); idle > 0 {
			makeIdle(t, db, idle)
			want = "sql.conn.query"
		}
		spans.Reset()
		released := queued(t, db, pool)
		waited := func(s tracetest.SpanStub) bool {
			return s.Name == want && s.StartTime.Before(released) && slices.ContainsFunc(s.Events, func(e sdktrace.Event) bool {
				return e.Name == "pool.checkout" && !e.Time.Before(released)
			})
		}
		if have := spans.GetSpans(); !slices.ContainsFunc(have, waited) {
			t.Errorf("%d idle: have %+v, want the wait in %s", idle, have, want)
		}
		db.Close()
	}
}

// makeIdle has database/sql keep some conns. The pool has one server connection for all of them.
func makeIdle(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	var conns []*sql.Conn
	for range n {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, c := range conns {
		c.Close()
	}
}

// The span of an interceptor begins when the query has its connection.
func TestSpanBelow(t *testing.T) {
	spans := record(t)
	db, err := openIntercepted(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pool, _ := pooled.PoolOf(db)
	released := queued(t, db, pool)
	have := spans.GetSpans()
	if len(have) != 1 || have[0].Name != "query" || have[0].StartTime.Before(released) {
		t.Errorf("have %+v, want one span of a query, after %v", have, released)
	}
	if _, err := db.QueryContext(t.Context(), "SELECT nothing"); err == nil {
		t.Fatal("have no error")
	}
	if have := spans.GetSpans(); len(have) != 2 || len(have[1].Events) != 1 {
		t.Errorf("have %+v, want the error in a second span", have)
	}
}

// The pool logs with the caller's context, so a handler finds the trace in it.
func TestLogHasTrace(t *testing.T) {
	record(t)
	var logged bytes.Buffer
	cfg, err := pooled.ParseDSN(dsn + "&echo=true&echo_pool=debug")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = slog.New(withTrace{slog.NewTextHandler(&logged, nil)}).With("service", "shop").WithGroup("db")
	db, err := pooled.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, span := otel.Tracer("shop").Start(t.Context(), "request")
	if _, err := db.ExecContext(ctx, "CREATE TABLE notes (id INTEGER)"); err != nil {
		t.Error(err)
	}
	span.End()
	trace := "db.trace_id=" + span.SpanContext().TraceID().String()
	for _, event := range []string{"event=exec", "event=checkout"} {
		has := func(line string) bool { return strings.Contains(line, event) && strings.Contains(line, trace) }
		if !slices.ContainsFunc(strings.Split(logged.String(), "\n"), has) {
			t.Errorf("have %s, want %s with %s", logged.String(), event, trace)
		}
	}
}
