package browser_test

import (
	"context"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// An outage is the state of its pool, with the error and the host that is down, until the server is back. The server
// draws the same.
func TestOutage(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := poolOn(t, fake, named("shop"), func(cfg *pooled.Config) { cfg.Driver = "postgres" })
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	b := open(t, serve(t, debug.Handler{}), phone)
	b.live()
	const line = `document.querySelector(".failure.outage")`
	const host = `document.querySelector("[data-list=hosts] tr")`
	if eval[bool](b, line+`.checkVisibility()`) || eval[string](b, host+`.dataset.state`) != "up" {
		t.Error("before: have an outage, want none")
	}
	fake.On(pooledtest.StageConnect, pooledtest.Fail(syscall.ECONNREFUSED))
	fake.Kill(io.EOF)
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() { waited <- db.PingContext(ctx) }()
	const verdict = `document.querySelector("h2 .verdict")`
	b.await(verdict+`.textContent === "outage" && `+verdict+`.dataset.verdict === "outage"`, verdict+`.outerHTML`)
	b.await(line + `.checkVisibility() && ` + line + `.textContent.includes("connection refused")`)
	b.await(host + `.dataset.state === "down" && ` + host + `.textContent.includes("connection refused")`)
	b.await(`document.querySelector("[data-f=host_states]").textContent === "1 down"`)
	if have := eval[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); have > 0 {
		t.Errorf("on a phone: have %d pixels out of sight, want none", have)
	}
	drawn, _, _ := strings.Cut(get(t, "/"), "<template")
	if strings.Count(drawn, `data-verdict="outage" data-f=`) != 2 || !strings.Contains(drawn, `data-state="down"`) {
		t.Error("have no outage in what the server draws")
	}
	fake.ClearFaults()
	if err := <-waited; err != nil {
		t.Error(err)
	}
	cancel()
	b.await(`!` + line + `.checkVisibility() && ` + host + `.dataset.state === "up"`)
}
