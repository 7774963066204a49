package debug_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func invalidation(pool *pooled.Pool, conn string) url.Values {
	return url.Values{
		"token":  {debug.Token()},
		"action": {"invalidate"},
		"pool":   {strconv.Itoa(pool.Number())},
		"conn":   {conn},
	}
}

// Without AllowActions there is nothing to press, nothing to press it with, and nothing happens.
func TestActionsOff(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	hold(t, db, "SELECT 1")
	page := get(t, debug.Handler{}, "/")
	for _, bad := range []string{"<form", debug.Token(), "Invalidate<", "Dispose of"} {
		if strings.Contains(page, bad) {
			t.Errorf("have %q in the page, want none", bad)
		}
	}
	for _, form := range []url.Values{disposal(pool.Number()), invalidation(pool, "1")} {
		if w := post(debug.Handler{}, form); w.Code != 405 {
			t.Errorf("%s: have %d, want 405", form.Get("action"), w.Code)
		}
	}
	if s := pool.Stats(); s.Disposals != 0 || s.Invalidated != 0 || s.Open() != 1 {
		t.Errorf("have %+v, want an untouched pool", s)
	}
}

func TestDispose(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	other, otherPool := open(t, pooledtest.NewFake(t))
	for _, db := range []interface{ Ping() error }{db, other} {
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
	}
	if page := get(t, debug.Handler{AllowActions: true}, "/"); strings.Count(page, debug.Token()) < 4 {
		t.Errorf("have %d forms with the token, want one for each pool and connection", strings.Count(page, debug.Token()))
	}
	w := post(debug.Handler{AllowActions: true}, disposal(pool.Number()))
	if w.Code != 303 || w.Header().Get("Location") != "?" {
		t.Errorf("have %d to %q, want 303 to %q", w.Code, w.Header().Get("Location"), "?")
	}
	if s := pool.Stats(); s.Disposals != 1 || s.Open() != 0 {
		t.Errorf("have %+v, want it disposed of", s)
	}
	if s := otherPool.Stats(); s.Disposals != 0 || s.Open() != 1 {
		t.Errorf("the other pool: have %+v, want it untouched", s)
	}
}

// One that is in use goes when it comes back, and the cause is told.
func TestInvalidate(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	conn := hold(t, db, "SELECT 1")
	h := debug.Handler{AllowActions: true}
	back := func(r *http.Request) { r.URL.RawQuery = "pool=1&limit=5" }
	w := post(h, invalidation(pool, "1"), back)
	if w.Code != 303 || w.Header().Get("Location") != "?limit=5&pool=1" {
		t.Errorf("have %d to %q, want 303 to where it came from", w.Code, w.Header().Get("Location"))
	}
	if s := pool.Stats(); s.Open() != 1 {
		t.Errorf("have %+v, want it left to its holder", s)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if s := pool.Stats(); s.Open() != 0 {
		t.Errorf("have %+v, want it closed", s)
	}
	told := slices.ContainsFunc(pool.Events(), func(e pooled.Event) bool {
		return e.Conn == 1 && strings.Contains(e.Detail, "by hand, on the debug page")
	})
	if !told {
		t.Errorf("have %+v, want an event with the cause", pool.Events())
	}
}

func TestBadActions(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	change := func(key, value string) url.Values {
		form := invalidation(pool, "1")
		form.Set(key, value)
		return form
	}
	for _, c := range []struct {
		form   url.Values
		status int
	}{
		{change("action", ""), 400},
		{change("action", "drop"), 400},
		{change("pool", ""), 404},
		{change("pool", "-1"), 404},
		{change("pool", "999999"), 404},
		{change("conn", ""), 400},
		{change("conn", "x"), 400},
		{change("conn", "77"), 404},
		{change("fill", strings.Repeat("x", 5000)), 400},
	} {
		w := post(debug.Handler{AllowActions: true}, c.form)
		if w.Code != c.status || !strings.HasPrefix(w.Body.String(), "pooled: change a pool: ") {
			t.Errorf("%.100s: have %d %q, want %d and why", c.form.Encode(), w.Code, w.Body, c.status)
		}
	}
	if s := pool.Stats(); s.Disposals != 0 || s.Open() != 1 {
		t.Errorf("have %+v, want an untouched pool", s)
	}
}
