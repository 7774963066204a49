package metrics_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The figures of a pool on a real server: what went over the wire, what the server cut, and what took how long.
func TestOnPostgres(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	db, err := sql.Open("pooled", dsn+"&pool_name=server&pool_size=2&pool_max_overflow=0&pool_timeout=0")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pool, ok := pooled.PoolOf(db)
	if !ok {
		t.Fatal("no pool")
	}
	readOTel, _ := viaOTel(t, pool)
	readProm, _ := viaProm(t, pool)

	// A query of 50 ms, and a transaction that is not ended.
	a, b := take(t, db), take(t, db)
	if _, err := a.ExecContext(t.Context(), "SELECT pg_sleep(0.05)"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ExecContext(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if err := db.PingContext(t.Context()); !errors.Is(err, pooled.ErrTimeout) {
		t.Errorf("a third: have %v, want a timeout", err)
	}
	var session int
	if err := b.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&session); err != nil {
		t.Fatal(err)
	}
	give(t, b)

	// One ends the session of the other, which is idle. The next to take it gets another.
	if _, err := a.ExecContext(t.Context(), "SELECT pg_terminate_backend($1, 5000)", session); err != nil {
		t.Fatal(err)
	}
	give(t, take(t, db), a)
	deadline := time.Now().Add(10 * time.Second)
	for s := pool.Stats(); s.Closing > 0 || s.Opening > 0; s = pool.Stats() {
		if time.Sleep(time.Millisecond); time.Now().After(deadline) {
			t.Fatalf("have %v, want nothing under way", pool)
		}
	}

	otel, prom := readOTel(), readProm()
	for _, v := range []value{
		{"db.client.connection.count{server idle}", "pooled_connections{server idle}", 2},
		{"db.client.connection.count{server used}", "pooled_connections{server used}", 0},
		{"db.client.connection.max{server}", "pooled_connections_max{server}", 2},
		{"db.client.connection.timeouts{server}", "pooled_timeouts_total{server}", 1},
		{"pooled.connection.opened{server}", "pooled_connections_opened_total{server}", 3},
		{"pooled.connection.closed{server}", "pooled_connections_closed_total{server}", 1},
		{"pooled.connection.invalidated{server}", "pooled_connections_invalidated_total{server}", 1},
		{"pooled.resets{server}", "pooled_resets_total{server}", 1},
	} {
		compareValues(t, samples{v.otel: otel[v.otel]}, samples{v.prom: prom[v.prom]}, []value{v})
	}
	for _, h := range []struct {
		otel, prom string
		count      uint64
		least      float64
	}{
		{"db.client.connection.create_time{server}", "pooled_create_time_seconds{server}", 3, 0.0001},
		{"db.client.connection.wait_time{server}", "pooled_wait_time_seconds{server}", 3, 0.0001},
		{"db.client.connection.use_time{server}", "pooled_use_time_seconds{server}", 3, 0.05},
		{"pooled.reset_time{server}", "pooled_reset_time_seconds{server}", 1, 0.00001},
	} {
		for key, have := range map[string]sample{h.otel: otel[h.otel], h.prom: prom[h.prom]} {
			if have.hist == nil || have.hist.count != h.count || have.n < h.least {
				t.Errorf("%s: have %+v, want %d of at least %vs", key, have, h.count, h.least)
				continue
			}
			wantSum(t, key, have)
		}
	}
}

func take(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.PingContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	return conn
}
