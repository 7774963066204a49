package metrics_test

import (
	"io"
	"log/slog"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A pool whose server goes away and comes back, with one caller that waits long enough to get the error.
func TestOutageValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, "main", fake, func(cfg *pooled.Config) {
			cfg.Driver, cfg.Logger = "postgres", slog.New(slog.DiscardHandler)
		})
		defer db.Close()
		readOTel, _ := viaOTel(t, pool)
		readProm, _ := viaProm(t, pool)
		want := func(down, outages, errors float64) {
			t.Helper()
			for key, n := range map[string]float64{
				"pooled.server_down{main}": down, "pooled_server_down{main}": down,
				"pooled.hosts{main down}": down, "pooled_hosts{main down}": down,
				"pooled.hosts{main up}": 1 - down, "pooled_hosts{main up}": 1 - down,
				"pooled.outages{main}": outages, "pooled_outages_total{main}": outages,
				"pooled.outage_errors{main}": errors, "pooled_outage_errors_total{main}": errors,
			} {
				from := readOTel()
				if _, ok := from[key]; !ok {
					from = readProm()
				}
				if have, ok := from[key]; !ok || have.n != n {
					t.Errorf("%s: have %v, %t, want %v", key, have.n, ok, n)
				}
			}
		}
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
		want(0, 0, 0)
		fake.On(pooledtest.StageConnect, pooledtest.Fail(syscall.ECONNREFUSED))
		fake.Kill(io.EOF)
		if err := db.Ping(); err == nil {
			t.Fatal("have no error, want one")
		}
		want(1, 1, 1)
		fake.ClearFaults()
		time.Sleep(6 * time.Second)
		want(0, 1, 1)
		if have := readOTel()["pooled.probes{main}"].n; have == 0 || have > 60 {
			t.Errorf("have %v probes", have)
		}
	})
}
