package debug_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooltest"
)

func postgres(cfg *pooled.Config) { cfg.Driver = "postgres" }

// probe asks as a kubelet does.
func probe(t *testing.T, h http.Handler, target string, want int) debug.ReadyReport {
	t.Helper()
	began := time.Now()
	w := ask(h, "GET", target)
	if w.Code != want || w.Header().Get("Cache-Control") != "no-store" ||
		w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("GET %s: have %d, %v and %s, want %d", target, w.Code, w.Header(), w.Body, want)
	}
	var r debug.ReadyReport
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if r.Ready != (want == http.StatusOK) || r.Ready != (r.Reason == "") {
		t.Errorf("have %+v with the status %d", r, w.Code)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("have an answer after %v", took)
	}
	return r
}

// A pool that is exhausted for half a minute is never unready, unless that is asked for.
func TestReadyWhileBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, pool := open(t, pooledtest.NewFake(t), postgres, named("busy"), pooltest.Size(1, 0))
		conn := hold(t, db, "UPDATE")
		waiting := make(chan error)
		go func() { waiting <- db.PingContext(t.Context()) }()
		synctest.Wait()
		h := debug.Ready(pool)
		for range 29 {
			time.Sleep(time.Second)
			r := probe(t, h, "/readyz", 200)
			if p := r.Pools[0]; !p.Reachable || !p.Saturated || p.Waiting != 1 || p.LongestWait == 0 || p.Outage != 0 {
				t.Errorf("have %+v", p)
			}
			probe(t, h, "/readyz?saturated=ready", 200)
			if r := probe(t, h, "/readyz?saturated=unready", 503); r.Pools[0].Reason != "all connections are in use" {
				t.Errorf("have %+v", r)
			}
		}
		conn.Close()
		if err := <-waiting; err != nil {
			t.Error(err)
		}
		probe(t, h, "/readyz?saturated=unready", 200)
		db.Close()
	})
}

// A server that stops makes its pool unready by the second probe at the latest, and no probe hangs. When it is back the
// pool is ready.
func TestReadyOfStoppedServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, postgres)
		other, _ := open(t, pooledtest.NewFake(t), postgres)
		h := debug.Ready()
		for range 3 {
			pooledtest.MustExec(t, db, "UPDATE")
			probe(t, h, "/", 200)
			time.Sleep(time.Second)
		}
		pooledtest.MustExec(t, db, "UPDATE")
		fake.On(pooledtest.StageConnect, pooledtest.Fail(syscall.ECONNREFUSED))
		fake.Kill(io.EOF)
		ask(h, "GET", "/")
		time.Sleep(time.Second)
		for second := range 20 {
			r := probe(t, h, "/", 503)
			if len(r.Pools) != 2 {
				t.Fatalf("have %+v, want both pools", r)
			}
			gone, there := r.Pools[0], r.Pools[1]
			if gone.Ready || gone.Reason != "the server cannot be reached" || gone.Outage != float64(second) ||
				gone.Number != pool.Number() || !there.Ready {
				t.Errorf("after %d s: have %+v", second, r)
			}
			time.Sleep(time.Second)
		}
		fake.ClearFaults()
		time.Sleep(6 * time.Second)
		probe(t, h, "/", 200)
		db.Close()
		other.Close()
	})
}

// A server that does not answer, or many of them, take the time of one probe.
func TestReadyOfHangingServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pools []*pooled.Pool
		for range 20 {
			fake := pooledtest.NewFake(t)
			fake.On(pooledtest.StageConnect, pooledtest.Hang())
			db, pool := open(t, fake, postgres)
			defer db.Close()
			pools = append(pools, pool)
		}
		began := time.Now()
		probe(t, debug.Ready(pools...), "/", 503)
		if took := time.Since(began); took >= time.Second {
			t.Errorf("have an answer after %v, want it within a second", took)
		}
	})
}

// Without pools, it asks about all that are open, and if none is says so. A pool that was named and is closed is not
// ready.
func TestReadyOfWhatIsOpen(t *testing.T) {
	all := debug.Ready()
	if r := probe(t, all, "/", 503); r.Reason != "no pool is open" || len(r.Pools) != 0 {
		t.Errorf("have %+v, want no pool", r)
	}
	db, pool := open(t, pooledtest.NewFake(t), postgres, named("shop"))
	if r := probe(t, all, "/", 200); len(r.Pools) != 1 || r.Pools[0].Name != "shop" || r.Pools[0].Role != "primary" {
		t.Errorf("have %+v, want the pool", r)
	}
	db.Close()
	if r := probe(t, debug.Ready(pool), "/", 503); r.Pools[0].Reason != "the pool is closed" {
		t.Errorf("have %+v, want a closed pool", r)
	}
	probe(t, all, "/", 503)
	defer func() {
		if recover() == nil {
			t.Error("a nil pool: have no panic, want one")
		}
	}()
	debug.Ready(pool, nil)
}

// A query that nobody understands, and another method, are refused. HEAD has no body on a real server, and the status.
func TestReadyRefuses(t *testing.T) {
	_, pool := open(t, pooledtest.NewFake(t), postgres)
	h := debug.Ready(pool)
	for target, want := range map[string]string{
		"/?saturated=maybe":                     `saturated "maybe": want ready or unready`,
		"/?saturated=":                          `saturated "": want ready or unready`,
		"/?saturated=ready&saturated=unready":   "once",
		"/?saturatd=unready":                    `"saturatd": want nothing but saturated=unready`,
		"/?saturated=unready&format=json":       `"format"`,
		"/?%1b%5b31m=unready":                   `"\x1b[31m"`,
		"/?saturated=%3Cscript%3Ealert(1)":      `saturated "<script>alert(1)"`, // as text/plain, with nosniff
		"/?saturated=ready&saturated=ready&x=1": "want nothing but",
	} {
		w := ask(h, "GET", target)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("GET %s: have %d %s, want 400 and %s", target, w.Code, w.Body, want)
		}
		if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: have %q", target, kind)
		}
	}
	if w := ask(h, "POST", "/"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: have %d and %v", w.Code, w.Header())
	}
	if w := ask(h, "HEAD", "/"); w.Code != http.StatusOK {
		t.Errorf("HEAD: have %d", w.Code)
	}
}

// The body shows no host, user, error or statement to strangers. The log says why a pool is not ready, once, without
// its password.
func TestReadyShowsNothing(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, postgres, func(cfg *pooled.Config) {
		cfg.Name, cfg.ConnectArgs = "quiet", map[string]string{"password": password}
	})
	h := debug.Ready(pool)
	probe(t, h, "/", 200)
	if log.Len() > 0 {
		t.Errorf("ready: have %s in the log", log.String())
	}
	db.Close()

	fake = pooledtest.NewFake(t)
	_, pool = open(t, fake, postgres, func(cfg *pooled.Config) {
		cfg.Name, cfg.ConnectArgs = "quiet", map[string]string{"password": password}
	})
	h = debug.Ready(pool)
	fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("db7.internal refuses scott with "+password)))
	for range 3 {
		body := ask(h, "GET", "/").Body.String()
		if !strings.Contains(body, `"name":"quiet"`) || strings.Contains(body, "db7") || strings.Contains(body, "scott") {
			t.Errorf("have %s, want nothing of the error", body)
		}
	}
	text := log.String()
	if strings.Count(text, "not ready") != 1 || !strings.Contains(text, "pool=quiet") ||
		!strings.Contains(text, "db7.internal refuses scott with xxxxx") || strings.Contains(text, "hunter2") {
		t.Errorf("have %q in the log, want the cause, once", text)
	}
}

// docs/debug.md describes each field of the body, under the name it has.
func TestDocumentedReadiness(t *testing.T) {
	text, err := os.ReadFile("../docs/debug.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Readiness\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var have []string
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(section, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			have = append(have, strings.Trim(name, "`"))
		}
	}
	want := fields(reflect.TypeFor[debug.ReadyReport](), "")
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("fields described:\nhave %q\nwant %q", have, want)
	}
}
