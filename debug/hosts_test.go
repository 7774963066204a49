package debug_test

import (
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// An outage is the state of its pool, on the page and in the JSON, with the host that is down and its error. When it is
// over the host is up.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, postgres, named("shop"), func(cfg *pooled.Config) {
			cfg.ConnectArgs = map[string]string{"password": password}
		})
		pooledtest.MustExec(t, db, "UPDATE")
		calm := look(t, "/?format=json").Pools[0]
		if h := calm.Hosts; calm.Outage != nil || len(h) != 1 || h[0].State != "up" || h[0].Error != "" ||
			h[0].Role != "primary" {
			t.Errorf("have %+v and %+v, want one host that is up", calm.Outage, h)
		}
		fake.On(pooledtest.StageConnect, pooledtest.Fail(fmt.Errorf("dial %s <b>: %w", password, syscall.ECONNREFUSED)))
		fake.Kill(io.EOF)
		if err := db.Ping(); err == nil {
			t.Fatal("have no error, want one")
		}
		const cause = "dial xxxxx <b>: connection refused"
		p := look(t, "/?format=json").Pools[0]
		if o := p.Outage; o == nil || o.Took != 10 || o.Probes == 0 || o.Error != cause ||
			time.Since(o.Since) != 10*time.Second {
			t.Fatalf("have %+v, want an outage of 10 s", o)
		}
		if h := p.Hosts[0]; h.State != "down" || h.For != 10 || h.Error != cause {
			t.Errorf("have %+v, want the host down", h)
		}
		page := get(t, debug.Handler{}, "/")
		drawn, _, _ := strings.Cut(page, "<template")
		for text, want := range map[string]int{
			`data-verdict="outage"`: 2, `data-failing="true"`: 2, `data-state="down"`: 1, ">1 down<": 1,
			"dial xxxxx &lt;b&gt;: connection refused": 3, // in the line about the outage, the table of hosts, and an event
		} {
			if n := strings.Count(drawn, text); n < want {
				t.Errorf("have %s %d times on the page, want it %d times", text, n, want)
			}
		}
		if strings.Contains(page, password) || strings.Contains(page, "<b>:") {
			t.Error("have the password, or the error as HTML")
		}
		fake.ClearFaults()
		time.Sleep(6 * time.Second)
		if p := look(t, "/?format=json").Pools[0]; p.Outage != nil || p.Hosts[0].State != "up" || pool.Stats().Outages != 1 {
			t.Errorf("have %+v and %+v, want the end of it", p.Outage, p.Hosts)
		}
		if o, is := pool.Outage(); is {
			t.Errorf("have %+v, want none", o)
		}
		db.Close()
	})
}

// The page has a row for each host of the DSN.
func TestHostsOfThePool(t *testing.T) {
	cfg, err := pooled.ParseDSN("postgres://scott@h1,h2:5433/shop")
	if err != nil {
		t.Fatal(err)
	}
	db, err := pooled.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p := look(t, "/?format=json").Pools[0]
	var names []string
	for _, h := range p.Hosts {
		names = append(names, h.Name+" "+h.State)
		if h.Since.IsZero() || h.For > 3600 {
			t.Errorf("have %+v, want the time since the pool was opened", h)
		}
	}
	if have := strings.Join(names, ", "); have != "h1:5432 unknown, h2:5433 unknown" {
		t.Errorf("have %s", have)
	}
	page := get(t, debug.Handler{}, "/")
	if strings.Count(page, `<tr role="row" data-key="h1:5432 "`) != 1 || !strings.Contains(page, ">2 unknown<") {
		t.Error("have a page without the hosts")
	}
}
