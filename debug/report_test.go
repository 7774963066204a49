package debug_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

var update = flag.Bool("update", false, "write testdata/report.json anew")

// The JSON of a pool with a leak, an idle server connection and one that was closed, to the last digit: programs read
// it.
func TestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, named("orders"), func(cfg *pooled.Config) {
			cfg.Size, cfg.MaxOverflow, cfg.LeakAfter, cfg.Timings = 4, 2, time.Minute, true
		})
		leaked := hold(t, db, "UPDATE stock SET n = 1")
		idle := hold(t, db, "SELECT '<b>'")
		gone := hold(t, db, "SELECT 3")
		pooled.Invalidate(gone, errors.New("read-only"))
		gone.Close()
		time.Sleep(30 * time.Second)
		idle.Close()
		time.Sleep(90 * time.Second)
		synctest.Wait()
		var r map[string]any
		if err := json.Unmarshal([]byte(get(t, debug.Handler{}, "/?format=json")), &r); err != nil {
			t.Fatal(err)
		}
		r["program"], r["pid"] = "PROGRAM", 1
		p := r["pools"].([]any)[0].(map[string]any)
		if have := p["number"]; have != float64(pool.Number()) {
			t.Errorf("number: have %v, want %d", have, pool.Number())
		}
		p["number"] = 1
		p["settings"] = slices.DeleteFunc(
			p["settings"].([]any),
			func(s any) bool { // the others are as many as there are options
				return s.(map[string]any)["origin"] == "default" && s.(map[string]any)["key"] != "pool_class"
			},
		)
		for _, c := range p["conns"].([]any) {
			if c := c.(map[string]any); c["stack"] != "" {
				if !strings.HasPrefix(c["stack"].(string), "github.com/pooled-go/pooled/debug_test.hold\n") {
					t.Errorf("stack: have %q, want the test's own function first", c["stack"])
				}
				c["stack"] = "STACK"
			}
		}
		have, err := json.MarshalIndent(r, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, append(have, '\n'))
		leaked.Close()
		db.Close()
	})
}

// golden compares with what was written down.
func golden(t *testing.T, have []byte) {
	t.Helper()
	file := filepath.Join("testdata", "report.json")
	if *update {
		if err := os.WriteFile(file, have, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(have, want) {
		return
	}
	haveLines, wantLines := strings.Split(string(have), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(haveLines), len(wantLines)) {
		if haveLines[i] != wantLines[i] {
			t.Fatalf(
				"%s, line %d: have %s, want %s (go test -run TestGolden -update writes it anew)",
				file,
				i+1,
				haveLines[i],
				wantLines[i],
			)
		}
	}
	t.Fatalf("%s: have %d lines, want %d", file, len(haveLines), len(wantLines))
}

// docs/debug.md describes each field of the JSON, under the name it has, and none that is not there.
func TestDocumentedFields(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "debug.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## JSON\n")
	if !ok {
		t.Fatal("docs/debug.md has no section JSON")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var have []string
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(section, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			have = append(have, strings.Trim(name, "`"))
		}
	}
	want := fields(reflect.TypeFor[debug.Report](), "")
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("fields described:\nhave %q\nwant %q", have, want)
	}
}

// Each figure of pooled.Stats is in the JSON, and each counter on the page as well.
func TestAllFigures(t *testing.T) {
	var s pooled.Stats
	v := reflect.ValueOf(&s).Elem()
	marks := map[string]string{} // by field
	for i := range v.NumField() {
		name, n := v.Type().Field(i).Name, 7001+i
		marks[name] = fmt.Sprint(n)
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(marks[name])
		case reflect.Int:
			f.SetInt(int64(n))
		case reflect.Uint64:
			f.SetUint(uint64(n))
		default:
			t.Fatalf("%s is a %v, of which this test knows nothing", name, f.Kind())
		}
	}
	text, err := json.Marshal(debug.Figures(s))
	if err != nil {
		t.Fatal(err)
	}
	for name, mark := range marks {
		if !strings.Contains(string(text), mark) {
			t.Errorf("Stats.%s is not in the JSON", name)
		}
	}
	open(t, pooledtest.NewFake(t), named("figures"))
	page := get(t, debug.Handler{}, "/")
	for _, path := range fields(reflect.TypeOf(debug.Figures(s).Counters), "counters.") {
		if !strings.Contains(page, fmt.Sprintf("data-f=%q", path)) {
			t.Errorf("%s is not on the page", path)
		}
	}
}

// The page shows what db.SetMaxOpenConns was given, where there is such a limit.
func TestMaxOpenConns(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t), named("limited"))
	shown := regexp.MustCompile(`data-show="max_open_conns" (hidden)?>.*data-as="count">(\d+)<`)
	look := func(want string) {
		t.Helper()
		page := get(t, debug.Handler{}, fmt.Sprintf("/?pool=%d", pool.Number()))
		if m := shown.FindStringSubmatch(page); m == nil || strings.Join(m[1:], "") != want {
			t.Errorf("have %q, want %s", m, want)
		}
	}
	look("hidden0")
	db.SetMaxOpenConns(7)
	pooled.PoolOf(db)
	pooledtest.MustExec(t, db, "UPDATE") // the pool looks at the latest now
	look("7")
}

// fields are the paths of all fields of a type; those of an element of a list follow [].
func fields(of reflect.Type, prefix string) []string {
	var list []string
	for i := range of.NumField() {
		f := of.Field(i)
		path := prefix + f.Tag.Get("json")
		switch inner := f.Type; {
		case inner.Kind() == reflect.Slice:
			list = append(list, fields(inner.Elem(), path+"[].")...)
		case inner.Kind() == reflect.Struct && strings.Contains(inner.Name(), "histogram"):
			for _, h := range fields(inner, "timings.*.") { // the four are alike
				if h = prefix[:strings.LastIndex(prefix[:len(prefix)-1], ".")+1] + h; !slices.Contains(list, h) {
					list = append(list, h)
				}
			}
		case inner.Kind() == reflect.Struct && inner != reflect.TypeFor[time.Time]():
			list = append(list, fields(inner, path+".")...)
		case inner.Kind() == reflect.Pointer:
			list = append(list, fields(inner.Elem(), path+".")...)
		default:
			list = append(list, path)
		}
	}
	return list
}

// What somebody should look at first comes first: in each pool those leaked, those in use, each the longest first,
// then the idle.
func TestOrderAndLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, pool := open(t, pooledtest.NewFake(t), func(cfg *pooled.Config) { cfg.LeakAfter, cfg.Size = time.Minute, 10 })
		unused, err := db.Conn(t.Context()) // 1: out for longest, but nobody's leak, since it was never used
		if err != nil {
			t.Fatal(err)
		}
		defer unused.Close()
		var idle []func() error
		for range 2 {
			idle = append(idle, hold(t, db, "SELECT 1").Close) // 2, 3
		}
		hold(t, db, "SELECT 4")
		time.Sleep(2 * time.Second)
		hold(t, db, "SELECT 5")
		time.Sleep(2 * time.Minute)
		for _, free := range idle {
			free()
		}
		hold(t, db, "SELECT 6") // takes 3, the last that came back
		time.Sleep(2 * time.Second)
		hold(t, db, "SELECT 7") // takes 2
		last := hold(t, db, "SELECT 8")
		time.Sleep(time.Second)
		last.Close()
		synctest.Wait()
		ids := func(p debug.PoolReport) string {
			var list []string
			for _, c := range p.Conns {
				mood := c.State
				if c.Leaked {
					mood = "leaked"
				}
				list = append(list, fmt.Sprint(c.ID, " ", mood))
			}
			return strings.Join(list, ", ")
		}
		all := look(t, "/?format=json").Pools[0]
		if have, want := ids(all), "4 leaked, 5 leaked, 1 in use, 3 in use, 2 in use, 6 idle"; have != want {
			t.Errorf("order: have %s, want %s", have, want)
		}
		if all.Leaked != 2 || all.ConnsOmitted != 0 || all.EventsOmitted != 0 || len(all.Events) != len(pool.Events()) {
			t.Errorf("have %+v, want all of it", all)
		}
		if !slices.IsSortedFunc(all.Events, func(a, b debug.Event) int { return b.Time.Compare(a.Time) }) {
			t.Errorf("events: have %+v, want the newest first", all.Events)
		}
		some := look(t, "/?format=json&limit=3").Pools[0]
		if have, want := ids(some), "4 leaked, 5 leaked, 1 in use"; have != want || some.ConnsOmitted != 3 ||
			some.Leaked != 2 {
			t.Errorf("limit: have %s and %d omitted, want %s and 3", have, some.ConnsOmitted, want)
		}
		if len(some.Events) != 3 || some.EventsOmitted != len(all.Events)-3 || some.Events[0] != all.Events[0] {
			t.Errorf("limit: have %+v and %d omitted, want the newest 3", some.Events, some.EventsOmitted)
		}
		db.Close()
	})
}

// One pool can be asked for by its number, and the page then has all of its connections. Otherwise the pools share a
// hundred.
func TestOnePool(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t), named("one"), func(cfg *pooled.Config) { cfg.Size = 40 })
	open(t, pooledtest.NewFake(t), named("other"))
	for i := range 60 {
		hold(t, db, fmt.Sprintf("SELECT 1 -- statement %d.", i))
	}
	one := fmt.Sprintf("pool=%d", pool.Number())
	if have := look(t, "/?format=json&"+one).Pools; len(have) != 1 || have[0].Name != "one" || len(have[0].Conns) != 60 {
		t.Errorf("have %d pools, want one, with 60 connections", len(have))
	}
	rows := func(page string) int { return strings.Count(page, "-- statement ") }
	if page := get(t, debug.Handler{}, "/?"+one); rows(page) != 60 || strings.Contains(page, ">other<") {
		t.Errorf(
			"one pool's page: have %d connections, other pool %t, want 60 and none",
			rows(page),
			strings.Contains(page, ">other<"),
		)
	}
	if page := get(t, debug.Handler{}, "/"); rows(page) != 50 || !strings.Contains(page, ">other<") ||
		!strings.Contains(page, `href="?`+one+`"`) {
		t.Errorf("the page: have %d connections, want 50, the other pool and a link", rows(page))
	}
}

// Nothing is measured before somebody looks, and looking is enough.
func TestMeasuresOnceLookedAt(t *testing.T) {
	for _, target := range []string{"/", "/?format=json"} {
		db, pool := open(t, pooledtest.NewFake(t))
		mustPing := func() {
			if err := db.Ping(); err != nil {
				t.Fatal(err)
			}
		}
		mustPing()
		get(t, debug.Handler{}, target)
		if have := pool.Histogram(pooled.TimingUse).Count; have != 0 {
			t.Errorf("GET %s: have %d uses measured before, want none", target, have)
		}
		db.Close()

		db, pool = open(t, pooledtest.NewFake(t))
		get(t, debug.Handler{}, target)
		mustPing()
		if have := pool.Histogram(pooled.TimingUse).Count; have != 1 {
			t.Errorf("GET %s: have %d uses measured after, want 1", target, have)
		}
	}
}

// A closed pool is gone.
func TestClosedPool(t *testing.T) {
	db, _ := open(t, pooledtest.NewFake(t))
	if have := len(look(t, "/?format=json").Pools); have != 1 {
		t.Errorf("have %d pools, want 1", have)
	}
	db.Close()
	if have := len(look(t, "/?format=json").Pools); have != 0 {
		t.Errorf("closed: have %d pools, want none", have)
	}
}
