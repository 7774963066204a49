package top

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// shop is a program of its own with two connections in use of four, and the live page.
func shop(t *testing.T) *program {
	t.Helper()
	db, err := sql.Open("pooled", "file:shop?mode=memory&pool_size=3&pool_max_overflow=1&pool_name=shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, statement := range []string{"SELECT 'one'\n\tOF\x1b[2J two", "SELECT 'two of two'"} {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.ExecContext(t.Context(), statement) // a wrong one is a last statement, too
	}
	mux := http.NewServeMux()
	mux.Handle("/debug/pooled/", debug.Handler{})
	return newProgram(t, mux.ServeHTTP)
}

// Without a terminal it prints once.
func TestTopOnce(t *testing.T) {
	p := shop(t)
	url := p.URL + "/debug/pooled/"
	pool, _ := pooled.PoolNamed("shop")
	one := fmt.Sprintf("%s?pool=%d", url, pool.Number())
	for _, args := range [][]string{{url}, {url, "--once"}, {p.URL + "/debug/pooled"}, {one}} {
		code, stdout, stderr := runCommand(t, args...)
		if code != 0 || stderr != "" {
			t.Fatalf("%q: have exit code %d and %s, want 0", args, code, stderr)
		}
		text := strings.Join(strings.Fields(stdout), " ")
		for _, want := range []string{
			"top.test (pid ", args[0][:len(p.URL)+len("/debug/pooled")],
			"pool in use idle waiting limit wait p99 checkouts/s timeouts errors shop 2 0 0 4 ",
			"pool conn session state for last statement shop ", " in use ", "SELECT 'one' OF⟨001B⟩[2J two",
			"SELECT 'two of two'",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%q: have %s\nwant in it %q", args, stdout, want)
			}
		}
		pooledtest.WantRuly(t, stdout)
		for line := range strings.Lines(stdout) {
			if n := len([]rune(line)); n > cli.PageWidth+1 && !strings.Contains(line, "http://") {
				t.Errorf("have %d columns: %s", n, line)
			}
		}
	}
	code, _, stderr := runCommand(t, url+"?pool=777777")
	if code != 1 || !strings.Contains(stderr, "the page has no pool 777777") {
		t.Errorf("have exit code %d and %s, want 1 and no such pool", code, stderr)
	}
}

func decode(t *testing.T, line string) (v view) {
	t.Helper()
	strict := json.NewDecoder(strings.NewReader(line))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return v
}

// The JSON is one document on one line.
func TestTopJSON(t *testing.T) {
	p := shop(t)
	code, stdout, stderr := runCommand(t, p.URL+"/debug/pooled/", "--json")
	if code != 0 || stderr != "" || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("have exit code %d, %s%s, want one line", code, stdout, stderr)
	}
	pooledtest.WantRuly(t, stdout)
	v := decode(t, stdout)
	if v.Version != 1 || v.Program != "top.test" || v.PID == 0 || v.Interval != nil || len(v.Pools) != 1 ||
		v.URL != p.URL+"/debug/pooled/" {
		t.Fatalf("have %+v", v)
	}
	pool := v.Pools[0]
	if pool.Name != "shop" || pool.Size != 3 || pool.Limit != 4 || pool.InUse != 2 || pool.Checkouts < 2 ||
		pool.CheckoutRate != nil || len(pool.Conns) != 2 || pool.ConnsOmitted != 0 || pool.LastConnectError != nil {
		t.Errorf("have %+v", pool)
	}
	if c := pool.Conns[0]; c.State != "in use" || c.Held < 0 || c.ID == 0 {
		t.Errorf("have %+v", c)
	}
}

// With an interval it goes on until Ctrl-C, which is no error, and has rates and percentiles since the look before.
func TestTopInterval(t *testing.T) {
	const first = `{"time":"2026-01-02T03:04:05Z","program":"shop","pid":7,"pools":[{"number":1,"name":"db","limit":-1,
		"counters":{"checkouts":100,"timeouts":1,"connect_errors":2},"timings":{"wait":{"count":2,"buckets":[
		{"up_to_s":0.001,"count":1},{"up_to_s":0.1,"count":2},{"up_to_s":-1,"count":2}]}},"conns":[]}]}`
	const second = `{"time":"2026-01-02T03:04:07Z","program":"shop","pid":7,"pools":[{"number":1,"name":"db","limit":-1,
		"counters":{"checkouts":200,"timeouts":1,"connect_errors":3},"timings":{"wait":{"count":102,"buckets":[
		{"up_to_s":0.001,"count":1},{"up_to_s":0.1,"count":97},{"up_to_s":-1,"count":102}]}},"conns":[]}]}`
	p := newProgram(t, says(first))
	ctx, cancel := context.WithCancel(t.Context())
	var looks []view
	out := &lines{each: func(line string) {
		looks = append(looks, decode(t, line))
		p.answers(says(second))
		if len(looks) == 2 {
			cancel()
		}
	}}
	if code := runWith(ctx, out, io.Discard, p.URL, "--json", "--interval", "100ms"); code != 0 || len(looks) != 2 {
		t.Fatalf("have exit code %d and %d looks, want 0 and 2", code, len(looks))
	}
	before, now := looks[0].Pools[0], looks[1].Pools[0]
	if before.CheckoutRate != nil || *before.WaitP50 != 1 || *before.WaitP99 != 100 || before.UseP50 != nil {
		t.Errorf("have %+v, want no rates, and the percentiles since somebody looked", before)
	}
	if *looks[1].Interval != 2 || *now.CheckoutRate != 50 || *now.TimeoutRate != 0 || *now.ConnectErrorRate != 0.5 ||
		*now.WaitP50 != 100 || *now.WaitP99 != -1 {
		t.Errorf("have %+v, want 50 checkouts a second, half an error, and waits of 100 ms and more", now)
	}
}

// Under load there are rates and waits.
func TestTopUnderLoad(t *testing.T) {
	p := shop(t)
	ctx, cancel := context.WithCancel(t.Context())
	db, err := sql.Open("pooled", "file:busy?mode=memory&pool_max_conns=1&pool_name=busy")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	for range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				db.ExecContext(ctx, "SELECT 1")
			}
		})
	}
	out := &lines{each: func(line string) {
		for _, pool := range decode(t, line).Pools {
			if pool.Name == "busy" && pool.CheckoutRate != nil && *pool.CheckoutRate > 0 && pool.WaitP99 != nil &&
				pool.Limit == 1 {
				cancel()
			}
		}
	}}
	if code := runWith(ctx, out, io.Discard, p.URL+"/debug/pooled/", "--json", "--interval", "100ms"); code != 0 {
		t.Errorf("have exit code %d, want 0", code)
	}
}

// A program that ends and comes back is waited for, and it is said.
func TestTopRecovers(t *testing.T) {
	page := func(pid string) http.HandlerFunc {
		return says(`{"time":"2026-01-02T03:04:05Z","program":"shop","pid":` + pid +
			`,"pools":[{"number":1,"name":"db","counters":{"checkouts":9},"conns":[]}]}`)
	}
	gone := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such upstream", http.StatusBadGateway) }
	p := newProgram(t, page("1"))
	ctx, cancel := context.WithCancel(t.Context())
	var said []string
	script := []func(){
		func() { p.answers(gone) },
		func() { p.answers(page("1")) }, // after it was said that it fails
		func() {}, func() { p.answers(page("2")) },
		func() {}, cancel,
	}
	step := func(line string) {
		if strings.HasPrefix(line, "{") {
			line = strings.Join(strings.Fields(line[strings.Index(line, `"pid"`):strings.Index(line, `,"interval`)]), " ")
		}
		said = append(said, line)
		if len(said) <= len(script) {
			script[len(said)-1]()
		}
	}
	code := runWith(ctx, &lines{each: step}, &lines{each: step}, p.URL, "--json", "--interval", "100ms")
	want := []string{`"pid":1`, "pooled: top: " + p.URL + ": it answered 502: no such upstream",
		"pooled: top: the program has answered again", `"pid":1`, "pooled: top: the program was restarted: pid 2", `"pid":2`}
	if code != 0 || strings.Join(said, "\n") != strings.Join(want, "\n") {
		t.Errorf("have exit code %d and\n%s\nwant 0 and\n%s", code, strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
}

// A process that has the number of the one before it is told by its counters.
func TestFollows(t *testing.T) {
	was := page{PID: 1, Program: "shop", Pools: []pool{{Number: 1, Name: "db"}}}
	was.Pools[0].Counters.Checkouts = 5
	for name, change := range map[string]func(*page){
		"pid":     func(p *page) { p.PID = 2 },
		"program": func(p *page) { p.Program = "other" },
		"counter": func(p *page) { p.Pools[0].Counters.Checkouts = 4 },
		"name":    func(p *page) { p.Pools[0].Name = "other" },
	} {
		is := was
		is.Pools = []pool{was.Pools[0]}
		if !is.follows(&was) {
			t.Fatalf("%s: have another process, want the same", name)
		}
		if change(&is); is.follows(&was) {
			t.Errorf("%s: have the same process, want another", name)
		}
	}
}

// Whatever the program sends, it does nothing to the terminal.
func TestTopIsRuly(t *testing.T) {
	text, err := json.Marshal(pooledtest.Unruly)
	if err != nil {
		t.Fatal(err)
	}
	u := string(text)
	p := newProgram(t, says(`{"time":"2026-01-02T03:04:05Z","program":`+u+`,"pid":1,"pools":[{"number":1,"name":`+u+
		`,"conns":[{"id":1,"session":`+u+`,"state":`+u+`,"statement":`+u+`}]}]}`))
	for _, args := range [][]string{{p.URL}, {p.URL, "--json"}} {
		code, stdout, stderr := runCommand(t, args...)
		pooledtest.WantRuly(t, stdout+stderr)
		if code != 0 || !strings.Contains(stdout, "mine") {
			t.Errorf("%q: have exit code %d and %s%s, want the program's texts", args, code, stdout, stderr)
		}
	}
	refusing := newProgram(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, pooledtest.Unruly, http.StatusForbidden)
	})
	_, stdout, stderr := runCommand(t, refusing.URL)
	pooledtest.WantRuly(t, stdout+stderr)
}

// What the page knows to a quarter of a second is not shown as if it were exact.
func TestAgo(t *testing.T) {
	for seconds, want := range map[float64]string{0: "<0.3s", 0.125: "<0.3s", 0.5: "0.5s", 9.94: "9.9s", 12.3: "12s",
		59.4: "59s", 59.7: "59.7s", 61: "1m01s"} {
		if have := ago(seconds); have != want {
			t.Errorf("%v: have %s, want %s", seconds, have, want)
		}
	}
}

// Where database/sql lets in no more than the pool does, top says so.
func TestTopMaxOpenConns(t *testing.T) {
	page := func(limit, maxOpen int) http.HandlerFunc {
		return says(fmt.Sprintf(`{"time":"2026-01-02T03:04:05Z","program":"shop","pid":1,"pools":[{"number":1,"name":"db",
			"limit":%d,"max_open_conns":%d,"conns":[]}]}`, limit, maxOpen))
	}
	p := newProgram(t, page(0, 0))
	for _, tt := range []struct {
		limit, maxOpen int
		want           bool
	}{{10, 0, false}, {10, 4, true}, {10, 10, true}, {10, 11, false}, {-1, 4, false}} {
		p.answers(page(tt.limit, tt.maxOpen))
		_, stdout, _ := runCommand(t, p.URL)
		warning := fmt.Sprintf("db: db.SetMaxOpenConns(%d) keeps callers out of the pool's queue (limit %d)", tt.maxOpen,
			tt.limit)
		if strings.Contains(stdout, warning) != tt.want || strings.Contains(stdout, "SetMaxOpenConns") != tt.want {
			t.Errorf("%+v: have\n%s", tt, stdout)
		}
		_, line, _ := runCommand(t, p.URL, "--json")
		if have := decode(t, line).Pools[0].MaxOpen; have != tt.maxOpen {
			t.Errorf("%+v: have %d in the JSON", tt, have)
		}
	}
}

// An outage has a line of its own, which comes first, and is in the JSON.
func TestTopOutage(t *testing.T) {
	p := newProgram(t, says(`{"time":"2026-01-02T03:04:05Z","program":"shop","pid":1,"pools":[
		{"number":1,"name":"calm","limit":10,"max_open_conns":4,"outage":null,"conns":[]},
		{"number":2,"name":"db","limit":10,"conns":[],"outage":{"since":"2026-01-02T03:03:53Z","took_s":12.3,"probes":7,
			"error":"dial tcp 10.0.0.7:5432:\nconnect: \u001b[2Jrefused"}}]}`))
	_, stdout, _ := runCommand(t, p.URL)
	const line = "\ndb: no server can be reached for 12s (7 probes): dial tcp 10.0.0.7:5432: connect: ⟨001B⟩[2Jrefused\n" +
		"calm: db.SetMaxOpenConns(4)"
	if !strings.Contains(stdout, line) || strings.Contains(stdout, "calm: no server") {
		t.Errorf("have\n%s\nwant in it %s", stdout, line)
	}
	_, text, _ := runCommand(t, p.URL, "--json")
	pools := decode(t, text).Pools
	if o := pools[1].Outage; pools[0].Outage != nil || o == nil || o.Took != 12.3 || o.Probes != 7 || o.Since.IsZero() {
		t.Errorf("have %+v and %+v, want the second pool's outage", pools[0].Outage, o)
	}
	if pools[0].color() != cli.NoColor || pools[1].color() != cli.Bad {
		t.Error("want the pool with the outage in red")
	}
}

// A narrow terminal keeps the columns of what goes wrong.
func TestNarrowed(t *testing.T) {
	v := view{Pools: []poolView{{Name: "shop", Limit: 10}}}
	for width, want := range map[int]string{
		100: "pool in use idle waiting limit wait p99 checkouts/s timeouts errors",
		60:  "pool in use waiting limit checkouts/s timeouts errors",
		50:  "pool in use waiting limit timeouts errors",
		40:  "pool in use waiting timeouts errors",
	} {
		p := cli.NewScreen(&bytes.Buffer{}, width, false)
		p.Dense = true
		rows := v.poolRows(p)
		if have := strings.Join(strings.Fields(rows[0].text), " "); have != want {
			t.Errorf("%d columns: have %q, want %q", width, have, want)
		}
	}
}
