package browser_test

import (
	"database/sql"
	"errors"
	"log/slog"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A pool that begins to fail shows it in its own part and in the line of the overview, with the cause.
func TestConnectErrors(t *testing.T) {
	fake := pooledtest.NewFake(t)
	cfg := pooled.NewConfig()
	cfg.Logger, cfg.Name = slog.New(slog.DiscardHandler), "shop"
	connector, err := pooled.NewConnector(fake, cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	pool(t, named("shop"))
	b := open(t, serve(t, debug.Handler{}), phone)
	b.live()
	if have := eval[string](b, `[...document.querySelectorAll("[data-list=pools] a")].map((a) => /^shop \(\d+\)$/.test(a.textContent)).join()`); have != "true,true" {
		t.Errorf("two pools of one name: have numbers behind it %s, want true,true", have)
	}
	const alarms = `document.querySelectorAll("main [data-failing=true]").length`
	if have := eval[int](b, alarms); have != 0 {
		t.Errorf("before: have %d alarms, want none", have)
	}
	fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("no route \u202e\u2028\U000e0041 to it")))
	if err := db.Ping(); err == nil {
		t.Fatal("have no error, want one")
	}
	b.await(alarms + ` === 2`)
	b.await(
		`document.querySelector(".gauges .failures").checkVisibility() && ` +
			`document.querySelector(".failure:not(.outage)").checkVisibility()`,
	)
	b.await(
		`document.querySelector(".failure:not(.outage)").textContent.includes("no route ⟨202E⟩⟨2028⟩⟨E0041⟩ to it")`,
		`document.querySelector(".failure:not(.outage)").textContent`,
	)
	if have := eval[int](b, `(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector("#overview .scroll"))`); have > 0 {
		t.Errorf("on a phone: have %d pixels of the overview out of sight, want none", have)
	}
}

// Somebody who invalidates a server connection in use sees what will become of it, and keeps the keyboard's place.
func TestRetiring(t *testing.T) {
	db, _ := pool(t)
	held := hold(t, db, "SELECT 1")
	b := open(t, serve(t, debug.Handler{AllowActions: true}))
	b.live()
	const mark = `document.querySelector("[data-list=conns] [data-show=retiring]").checkVisibility()`
	if eval[bool](b, mark) {
		t.Error("before: have the mark, want none")
	}
	b.tabTo(`[data-list=conns] button`)
	b.press("\r")
	b.await(mark + ` && !document.querySelector("[data-list=conns] button").checkVisibility()`)
	b.await(
		`document.activeElement.closest("[data-list=conns]") !== null`,
		`document.activeElement.outerHTML.slice(0, 100)`,
	)
	held.Close()
	b.await(`document.querySelectorAll("[data-list=conns] tr").length === 0`)
}
