package browser_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// sample is what the handler of the page answered in a busy program, each second anew. The pools are real, their server
// is the fake one, and the clock is synctest's: two recordings are the same but for the order of what happens at once.
type sample struct {
	page  string   // the HTML of the first second
	polls []string // the JSON of each
}

const sampleLength = 150 * time.Second

// record runs the program of the sample.
func record(t *testing.T) (s sample) {
	synctest.Test(t, func(t *testing.T) {
		shop := sampleServer(t)
		db, _ := poolOn(t, shop, named("shop"), func(cfg *pooled.Config) {
			cfg.Size, cfg.MaxOverflow, cfg.LeakAfter, cfg.Timings = 6, 2, 45*time.Second, true
		})
		reports, _ := poolOn(t, sampleServer(t), named("reports"), func(cfg *pooled.Config) {
			cfg.Size, cfg.MaxOverflow, cfg.Timings = 3, 0, true
		})
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for i := range 16 {
			callers.Go(func() { shopper(ctx, t, db, i) })
		}
		for i := range 2 {
			callers.Go(func() { reporter(ctx, t, reports, i) })
		}
		callers.Go(func() { exportOrders(ctx, t, db) })
		time.Sleep(3 * time.Second) // the first connections are open
		here := fmt.Sprintf("%s, process %d", filepath.Base(os.Args[0]), os.Getpid())
		s.page = strings.ReplaceAll(get(t, "/"), here, "shop, process 1")
		for end := time.Now().Add(sampleLength); time.Now().Before(end); time.Sleep(time.Second) {
			s.polls = append(s.polls, withSessions(t, get(t, "/?format=json")))
		}
		cancel()
		callers.Wait()
		db.Close()
		reports.Close()
	})
	return s
}

// sampleServer takes a while for what the callers below send.
func sampleServer(t *testing.T) *pooledtest.Fake {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Slow(18*time.Millisecond))
	for text, took := range map[string]time.Duration{
		"FROM articles":  17 * time.Millisecond,
		"FROM cart":      13 * time.Millisecond,
		"FROM customers": 19 * time.Millisecond,
		"FROM orders":    29 * time.Millisecond,
		"UPDATE":         14 * time.Millisecond,
		"INSERT":         23 * time.Millisecond,
		"GROUP BY":       6 * time.Second,
	} {
		for _, stage := range []string{pooledtest.StageExec, pooledtest.StageQuery} {
			fake.On(stage, pooledtest.Slow(took).Match(text))
		}
	}
	return fake
}

// shopper is one of the program's users. There are few at first, and more with each half minute; then some go.
func shopper(ctx context.Context, t *testing.T, db *sql.DB, i int) {
	statements := []string{
		"SELECT id, amount FROM cart WHERE customer = $1",
		"UPDATE stock SET n = n - $1 WHERE article = $2",
		"SELECT id, name, price FROM articles WHERE id = $1",
		"SELECT id, total, sent FROM orders WHERE customer = $1",
		"SELECT name, address FROM customers WHERE id = $1",
		"INSERT INTO orders (customer, article, total) VALUES ($1, $2, $3)",
	}
	began := time.Now()
	busy := func() bool {
		passed := time.Since(began)
		switch {
		case passed < 35*time.Second:
			return i < 4
		case passed < 65*time.Second:
			return i < 8
		case passed < 100*time.Second:
			return i < 12
		case passed < 125*time.Second:
			return i < 6
		}
		return true
	}
	for n := i; ctx.Err() == nil; n++ {
		if !busy() {
			time.Sleep(time.Second)
			continue
		}
		if _, err := db.ExecContext(ctx, statements[n%len(statements)]); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		time.Sleep(time.Duration(5+i%3*7) * time.Millisecond)
	}
}

// reporter sends a long query now and then.
func reporter(ctx context.Context, t *testing.T, db *sql.DB, i int) {
	for ctx.Err() == nil {
		_, err := db.ExecContext(ctx, "SELECT region, sum(total) FROM sales GROUP BY region")
		if err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		time.Sleep(time.Duration(2+3*i) * time.Second)
	}
}

// exportOrders does not give its connection back: that is the leak.
func exportOrders(ctx context.Context, t *testing.T, db *sql.DB) {
	time.Sleep(20 * time.Second)
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT * FROM orders WHERE exported IS NULL FOR UPDATE"); err != nil {
		t.Error(err)
	}
	<-ctx.Done()
}

// withSessions gives each connection a number of its session, which the fake server has not.
func withSessions(t *testing.T, report string) string {
	var r map[string]any
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		t.Fatal(err)
	}
	for i, p := range r["pools"].([]any) {
		for _, c := range p.(map[string]any)["conns"].([]any) {
			c := c.(map[string]any)
			c["session"] = fmt.Sprint(2140 + 100*i + 3*int(c["id"].(float64)))
		}
	}
	return asJSON(r)
}

func get(t *testing.T, target string) string {
	w := httptest.NewRecorder()
	debug.Handler{}.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: have %d %s, want 200", target, w.Code, w.Body)
	}
	return w.Body.String()
}
