package debug

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/visible"
)

// readyWithin is how long the server of a pool may take to answer. The kubelet waits for a second by default.
const readyWithin = 800 * time.Millisecond

// Ready is for readiness probes, such as those of Kubernetes. It answers 200 if the server of each of these pools can
// be reached, and else 503. Without pools it asks about all that are open at that moment; if none is, it answers 503.
//
// A pool whose connections are all in use is ready: the server is there, and the other instances of the program are no
// less busy. With ?saturated=unready in the URL it is not ready.
//
// The answer comes within 0.8 seconds, however many pools there are. It never stands in a pool's queue, and costs at
// most one new connection a second and pool, and none while the pool is in use: see [pooled.Pool.Health].
//
// The body is JSON: each pool's name, state and figures. It has no host, user, statement or error, so everybody may
// see it. Why a pool is not ready is in the log of slog.Default, in one line for each time that it becomes so.
//
// It panics if a pool is nil, which is what [pooled.PoolOf] returns for an sql.DB that has none.
func Ready(pools ...*pooled.Pool) http.Handler {
	for _, p := range pools {
		if p == nil {
			panic("pooled: readiness: one of the pools is nil")
		}
	}
	return &readiness{pools: pools}
}

type readiness struct {
	pools []*pooled.Pool // empty: all

	mu     sync.Mutex
	logged map[*pooled.Pool]bool // those that are not ready, which was logged
}

// readyReport is the JSON. docs/debug.md describes each field.
type readyReport struct {
	Ready  bool        `json:"ready"`
	Reason string      `json:"reason"`
	Pools  []readyPool `json:"pools"`
}

type readyPool struct {
	Number      int     `json:"number"`
	Name        string  `json:"name"`
	Ready       bool    `json:"ready"`
	Reason      string  `json:"reason"`
	Reachable   bool    `json:"reachable"`
	Role        string  `json:"role"`
	Saturated   bool    `json:"saturated"`
	Waiting     int     `json:"waiting"`
	LongestWait float64 `json:"longest_wait_s"`
	Outage      float64 `json:"outage_s"`
}

// ServeHTTP answers GET and HEAD.
func (h *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "pooled: readiness: method "+r.Method+" is not allowed", http.StatusMethodNotAllowed)
		return
	}
	strict, err := parseReadiness(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	report := h.look(r.Context(), strict)
	body, err := json.Marshal(report)
	if err != nil {
		http.Error(w, "pooled: readiness: "+err.Error(), http.StatusInternalServerError)
		return
	}
	body = append(visible.JSON(body), '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if !report.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	w.Write(body)
}

// parseReadiness reports whether a saturated pool is not ready. A query that is misspelled would go unnoticed until the
// day that it is needed, so it is an error.
func parseReadiness(r *http.Request) (strict bool, err error) {
	for key, values := range r.URL.Query() {
		if key != "saturated" || len(values) != 1 {
			return false, fmt.Errorf("pooled: readiness: %s: want nothing but saturated=unready, once", strconv.Quote(key))
		}
		switch values[0] {
		case "unready":
			strict = true
		case "ready":
		default:
			return false, fmt.Errorf("pooled: readiness: saturated %q: want ready or unready", values[0])
		}
	}
	return strict, nil
}

// look asks all pools at the same time.
func (h *readiness) look(ctx context.Context, strict bool) readyReport {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	pools := h.pools
	if len(pools) == 0 {
		pools = pooled.Pools()
	}
	found := make([]pooled.Health, len(pools))
	var all sync.WaitGroup
	for i, p := range pools {
		all.Go(func() { found[i] = p.Health(ctx) })
	}
	all.Wait()
	r := readyReport{Ready: true, Pools: []readyPool{}}
	for i, p := range pools {
		if len(h.pools) == 0 && errors.Is(found[i].Err, pooled.ErrClosed) {
			continue // just now
		}
		one := judge(p, found[i], strict)
		r.Pools = append(r.Pools, one)
		r.Ready = r.Ready && one.Ready
	}
	switch {
	case len(r.Pools) == 0:
		r.Ready, r.Reason = false, "no pool is open"
	case !r.Ready:
		r.Reason = "a pool is not ready"
	}
	h.log(pools, found)
	return r
}

func judge(p *pooled.Pool, found pooled.Health, strict bool) readyPool {
	one := readyPool{
		Number: p.Number(), Name: p.Name(), Reachable: found.Reachable, Role: string(found.Role),
		Saturated: found.Saturated, Waiting: found.Waiting, LongestWait: inSeconds(found.LongestWait),
	}
	if !found.OutageSince.IsZero() {
		one.Outage = inSeconds(max(0, time.Since(found.OutageSince)))
	}
	switch {
	case errors.Is(found.Err, pooled.ErrClosed):
		one.Reason = "the pool is closed"
	case !found.Reachable:
		one.Reason = "the server cannot be reached"
	case strict && found.Saturated:
		one.Reason = "all connections are in use"
	default:
		one.Ready = true
	}
	return one
}

// log tells why a pool is not ready, once for each time that it becomes so. The beginning of an outage is logged by the
// pool itself.
func (h *readiness) log(pools []*pooled.Pool, found []pooled.Health) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := map[*pooled.Pool]bool{}
	for i, p := range pools {
		if found[i].Reachable || errors.Is(found[i].Err, pooled.ErrClosed) {
			continue
		}
		now[p] = true
		if !h.logged[p] && found[i].OutageSince.IsZero() {
			slog.Warn("pooled: not ready", "pool", p.Name(), "err", visible.Text(fmt.Sprint(found[i].Err)))
		}
	}
	h.logged = now
}
