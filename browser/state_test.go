package browser_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The page says in a word how a pool is, the worst first; the server and the script say the same.
func TestVerdict(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := poolOn(t, fake, func(cfg *pooled.Config) { cfg.Size, cfg.MaxOverflow, cfg.Timeout = 1, 0, time.Hour })
	b := open(t, serve(t, debug.Handler{}))
	b.live()
	says := func(want string) {
		t.Helper()
		for _, selector := range []string{"h2 .verdict", "[data-list=pools] .verdict"} {
			shown := `document.querySelector(` + asJSON(selector) + `)`
			b.await(shown+`.textContent === `+asJSON(want)+` && `+shown+`.dataset.verdict === `+asJSON(want), shown+`.outerHTML`)
		}
		drawn, _, _ := strings.Cut(get(t, "/"), "<template")
		if have := strings.Count(drawn, `data-verdict="`+want+`" data-f="verdict">`+want+`<`); have != 2 {
			t.Errorf("%s: have it %d times in what the server draws, want 2", want, have)
		}
	}
	says("ok")
	held := hold(t, db, "SELECT 1")
	says("all in use")
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() { waited <- db.PingContext(ctx) }()
	says("callers wait")
	cancel()
	<-waited
	says("all in use")
	held.Close()
	says("ok")

	leaky, _ := pool(t, func(cfg *pooled.Config) { cfg.LeakAfter, cfg.Size, cfg.MaxOverflow = 200*time.Millisecond, 1, 0 })
	leaked := hold(t, leaky, "SELECT 1")
	b.await(`[...document.querySelectorAll("h2 .verdict")].map((v) => v.textContent).join() === "ok,leaks"`)
	if have := get(t, "/"); !strings.Contains(have, `data-verdict="leaks"`) {
		t.Error("have no leaks in what the server draws")
	}
	leaked.Close()

	fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("refused")))
	fake.Kill(nil)
	if err := db.Ping(); err == nil {
		t.Fatal("have no error, want one")
	}
	says("connect errors")
}

// A table with nothing in it says so, and that this is no fault. The row goes when there is something.
func TestEmptyTables(t *testing.T) {
	db, _ := pool(t)
	const told = `[...document.querySelectorAll(".empty")].filter((row) => !row.hidden)
		.map((row) => row.textContent.trim().split(/[,.]/)[0]).join()`
	const nothing, some = "No connection is open,Nothing has happened yet", ""
	address := serve(t, debug.Handler{AllowActions: true})
	bare := open(t, address, withoutScript)
	if have := eval[string](bare, told); have != nothing {
		t.Errorf("without the script: have %q, want %q", have, nothing)
	}
	b := open(t, address)
	b.live()
	if have := eval[string](b, told); have != nothing {
		t.Errorf("have %q, want %q", have, nothing)
	}
	hold(t, db, "SELECT 1")
	b.await(told+` === `+asJSON(some), told)
	bare.visit(address)
	if have := eval[string](bare, told); have != some {
		t.Errorf("without the script, with a connection: have %q, want nothing", have)
	}
}
