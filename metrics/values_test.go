package metrics_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"maps"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lib/pq"
	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// value is what a metric should say, under both its names.
type value struct {
	otel, prom string
	n          float64
}

func compareValues(t *testing.T, otel, prom samples, want []value) {
	t.Helper()
	expected := map[string]bool{}
	for _, v := range want {
		for key, from := range map[string]samples{v.otel: otel, v.prom: prom} {
			expected[key] = true
			have, ok := from[key]
			if !ok {
				t.Errorf("%s is missing, want %v", key, v.n)
			} else if math.Abs(have.n-v.n) > 1e-9 {
				t.Errorf("%s: have %v, want %v", key, have.n, v.n)
			}
		}
	}
	for _, from := range []samples{otel, prom} {
		for _, key := range from.names() {
			if !expected[key] {
				t.Errorf("%s: have %v, want it absent", key, from[key].n)
			}
		}
	}
}

// One pool goes through everything that is counted, at known times.
func TestValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(20*time.Millisecond))
		fake.On(pooledtest.StageExec, pooledtest.Slow(5*time.Millisecond).Match("ROLLBACK"))
		db, pool := open(t, "main", fake, size(2, 1), func(cfg *pooled.Config) {
			cfg.Timeout, cfg.LeakAfter, cfg.Recycle, cfg.PrePing = time.Second, time.Minute, -1, pooled.PingOff
			cfg.Logger = slog.New(slog.DiscardHandler) // of the leak
		})
		defer db.Close()
		readOTel, _ := viaOTel(t, pool)
		readProm, _ := viaProm(t, pool)
		live(t, db, pool, fake)
		compareValues(t, readOTel(), readProm(), []value{
			{"db.client.connection.count{main idle}", "pooled_connections{main idle}", 1},
			{"db.client.connection.count{main used}", "pooled_connections{main used}", 1},
			{"db.client.connection.idle.max{main}", "pooled_connections_idle_max{main}", 2},
			{"db.client.connection.idle.min{main}", "pooled_connections_idle_min{main}", 0},
			{"db.client.connection.max{main}", "pooled_connections_max{main}", 3},
			{"db.client.connection.pending_requests{main}", "pooled_pending_requests{main}", 0},
			{"db.client.connection.timeouts{main}", "pooled_timeouts_total{main}", 1},
			{"db.client.connection.create_time{main}", "pooled_create_time_seconds{main}", 0.120},
			{"db.client.connection.wait_time{main}", "pooled_wait_time_seconds{main}", 0.120},
			{"db.client.connection.use_time{main}", "pooled_use_time_seconds{main}", 74.390},
			{"pooled.reset_time{main}", "pooled_reset_time_seconds{main}", 0.005},
			{"pooled.connection.opening{main}", "pooled_connections_opening{main}", 0},
			{"pooled.connection.closing{main}", "pooled_connections_closing{main}", 0},
			{"pooled.connection.opened{main}", "pooled_connections_opened_total{main}", 6},
			{"pooled.connection.closed{main}", "pooled_connections_closed_total{main}", 3},
			{"pooled.connection.recycled{main}", "pooled_connections_recycled_total{main}", 0},
			{"pooled.connection.invalidated{main}", "pooled_connections_invalidated_total{main}", 2},
			{"pooled.connection.detached{main}", "pooled_connections_detached_total{main}", 1},
			{"pooled.connect_errors{main}", "pooled_connect_errors_total{main}", 1},
			{"pooled.checkouts{main}", "pooled_checkouts_total{main}", 7},
			{"pooled.checkins{main}", "pooled_checkins_total{main}", 4},
			{"pooled.waits{main}", "pooled_waits_total{main}", 8},
			{"pooled.canceled{main}", "pooled_canceled_total{main}", 0},
			{"pooled.resets{main}", "pooled_resets_total{main}", 1},
			{"pooled.soft_invalidations{main}", "pooled_soft_invalidations_total{main}", 1},
			{"pooled.disposals{main}", "pooled_disposals_total{main}", 1},
			{"pooled.leaks{main}", "pooled_leaks_total{main}", 1},
			{"pooled.leaks_returned{main}", "pooled_leaks_returned_total{main}", 1},
			{"pooled.stmt_hits{main}", "pooled_stmt_hits_total{main}", 0},
			{"pooled.stmt_prepared{main}", "pooled_stmt_prepared_total{main}", 0},
			{"pooled.stmt_evicted{main}", "pooled_stmt_evicted_total{main}", 0},
			{"pooled.server_down{main}", "pooled_server_down{main}", 0},
			{"pooled.hosts{main up}", "pooled_hosts{main up}", 1},
			{"pooled.hosts{main down}", "pooled_hosts{main down}", 0},
			{"pooled.hosts{main wrong_role}", "pooled_hosts{main wrong_role}", 0},
			{"pooled.hosts{main unknown}", "pooled_hosts{main unknown}", 0},
			{"pooled.outages{main}", "pooled_outages_total{main}", 0},
			{"pooled.outage_errors{main}", "pooled_outage_errors_total{main}", 0},
			{"pooled.demotions{main}", "pooled_demotions_total{main}", 0},
			{"pooled.moved{main}", "pooled_moved_total{main}", 0},
			{"pooled.probes{main}", "pooled_probes_total{main}", 0},
			{"pooled.forks{main}", "pooled_forks_total{main}", 0},
		})
	})
}

// live is a life of 73 seconds.
func live(t *testing.T, db *sql.DB, pool *pooled.Pool, fake *pooledtest.Fake) {
	ctx := t.Context()
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}

	// Three callers get a new one each; a fourth waits for a second and gets none.
	a, b, c := grab(t, db), grab(t, db), grab(t, db)
	if err := db.PingContext(ctx); !errors.Is(err, pooled.ErrTimeout) {
		t.Fatalf("a fourth: have %v, want a timeout", err)
	}

	// One leaves a transaction open: a reset of 5 ms.
	time.Sleep(100 * time.Millisecond)
	mustExec(t, a, "BEGIN")
	give(t, a)

	// The program is done with two others, and takes a third out.
	check("SoftInvalidate", pooled.SoftInvalidate(ctx, b, nil))
	give(t, b, c)
	if !pool.InvalidateConn(3, nil) {
		t.Fatal("there is no server connection 3")
	}
	out := grab(t, db)
	check("Detach", pooled.Detach(ctx, out))
	give(t, out)

	// One is in use for longer than a minute.
	d := grab(t, db)
	time.Sleep(70 * time.Second)
	give(t, d)

	// All are done away with, and the next dial fails.
	pool.Dispose()
	fake.ClearFaults()
	fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("no route")).Times(1))
	if err := db.PingContext(ctx); err == nil {
		t.Fatal("a dial that failed was nobody's error")
	}
	fake.On(pooledtest.StageConnect, pooledtest.Slow(20*time.Millisecond))
	e, f := grab(t, db), grab(t, db)
	time.Sleep(time.Second)
	give(t, e)
	t.Cleanup(func() { f.Close() })
	synctest.Wait() // what is closed in the background
}

// What is under way at the moment.
func TestValuesUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.TooManyConns = &pq.Error{Code: "53300", Message: "too many clients already"}
		fake.MaxConns = 1
		db, pool := open(t, "busy", fake, func(cfg *pooled.Config) { cfg.Driver, cfg.MaxOverflow = "postgres", -1 })
		readOTel, _ := viaOTel(t, pool)
		readProm, _ := viaProm(t, pool)
		want := func(suffix string, idle, used, opening, closing, pending float64, more ...value) {
			t.Helper()
			synctest.Wait()
			otel, prom := readOTel(), readProm()
			for _, v := range append(more,
				value{"db.client.connection.count{busy idle}", "pooled_connections{busy idle}", idle},
				value{"db.client.connection.count{busy used}", "pooled_connections{busy used}", used},
				value{"pooled.connection.opening{busy}", "pooled_connections_opening{busy}", opening},
				value{"pooled.connection.closing{busy}", "pooled_connections_closing{busy}", closing},
				value{"db.client.connection.pending_requests{busy}", "pooled_pending_requests{busy}", pending},
			) {
				compareValues(t, samples{v.otel: otel[v.otel]}, samples{v.prom: prom[v.prom]}, []value{v})
			}
			for _, absent := range []string{"db.client.connection.max{busy}", "pooled_connections_max{busy}"} {
				if _, ok := otel[absent]; ok {
					t.Errorf("%s: %s without a limit", suffix, absent)
				}
				if _, ok := prom[absent]; ok {
					t.Errorf("%s: %s without a limit", suffix, absent)
				}
			}
		}

		// The server takes one, and a second caller waits.
		first := grab(t, db)
		second := make(chan error)
		go func() { second <- db.PingContext(context.Background()) }()
		want("one waits", 0, 1, 0, 0, 1,
			value{"pooled.connection.ceiling{busy}", "pooled_connections_ceiling{busy}", 1},
			value{"pooled.connect_errors{busy}", "pooled_connect_errors_total{busy}", 1})
		give(t, first)
		if err := <-second; err != nil {
			t.Fatal(err)
		}
		want("idle", 1, 0, 0, 0, 0)

		// One takes long to close, another to open.
		fake.MaxConns = 0
		fake.On(pooledtest.StageClose, pooledtest.Slow(500*time.Millisecond).Times(1))
		fake.On(pooledtest.StageConnect, pooledtest.Slow(500*time.Millisecond))
		time.Sleep(2 * time.Second) // it may try one more again
		pool.Dispose()
		go func() { second <- db.PingContext(context.Background()) }()
		want("closing and opening", 0, 0, 1, 1, 1)
		if err := <-second; err != nil {
			t.Fatal(err)
		}
		want("opened", 1, 0, 0, 0, 0)
		for _, key := range []string{"pooled.connection.ceiling{busy}", "pooled_connections_ceiling{busy}"} {
			if _, ok := readOTel()[key]; ok {
				t.Errorf("%s, although the server takes more", key)
			}
			if _, ok := readProm()[key]; ok {
				t.Errorf("%s, although the server takes more", key)
			}
		}
		db.Close()
	})
}

// What has no limit has no series; and in class direct it is database/sql that keeps.
func TestValuesAbsent(t *testing.T) {
	for _, test := range []struct {
		class   pooled.Class
		size    int
		idleMax float64 // -1: absent
	}{
		{pooled.ClassQueue, 5, 5}, {pooled.ClassQueue, -1, -1}, {pooled.ClassNull, 5, 0},
		{pooled.ClassStatic, 5, 1}, {pooled.ClassDirect, 5, -1},
	} {
		db, pool := open(t, "p", pooledtest.Null{}, func(cfg *pooled.Config) { cfg.Class, cfg.Size = test.class, test.size })
		readOTel, _ := viaOTel(t, pool)
		readProm, _ := viaProm(t, pool)
		var want []value
		if test.idleMax >= 0 {
			want = []value{{"db.client.connection.idle.max{p}", "pooled_connections_idle_max{p}", test.idleMax}}
		}
		only := func(s samples, key string) samples {
			maps.DeleteFunc(s, func(k string, _ sample) bool { return k != key })
			return s
		}
		t.Logf("class %s, pool_size %d", test.class, test.size)
		compareValues(
			t,
			only(readOTel(), "db.client.connection.idle.max{p}"),
			only(readProm(), "pooled_connections_idle_max{p}"),
			want,
		)
		db.Close()
	}
}
