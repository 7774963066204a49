// Package debug shows the pools of the process in a browser, as net/http/pprof shows its goroutines. A program mounts
// it under any path:
//
//	http.Handle("/debug/pooled/", debug.Handler{})
//
// The page has every open pool with its limits and figures, a live chart, each server connection with its last
// statement and holder, the last events and the options in effect. The same comes as JSON with ?format=json.
//
// Importing the package registers and measures nothing. The data of the charts is in the browser, and the pools are
// read when somebody looks. That also turns on the histograms of a pool for a while ([pooled.Pool.Histogram]).
//
// The page shows statements and stacks, and asks for no password. Like pprof, it belongs on a listener that strangers
// do not reach, or behind a handler that knows who may look.
package debug

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/visible"
)

var _ http.Handler = Handler{}

// Handler serves the page. Its zero value shows everything and changes nothing.
//
// It works under any path and behind http.StripPrefix. It may be used by several goroutines, and mounted several times.
type Handler struct {
	// AllowActions adds buttons that dispose of a pool's server connections and invalidate single ones. Whoever can
	// open the page can press them. By default every POST is refused.
	AllowActions bool

	// Hosts are the names, without port, under which the page may be opened, besides localhost and IP addresses. Any
	// other name may be one that a stranger has pointed at this machine (DNS rebinding). If Hosts is empty, actions are
	// allowed under localhost and IP addresses only, and so is looking through a loopback listener; looking through
	// another listener is allowed under any name.
	Hosts []string
}

// ServeHTTP answers GET and HEAD with the page or JSON, and POST with an action if those are allowed.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.setHeaders(w.Header())
	switch {
	case !h.knowsHost(r):
		http.Error(w, fmt.Sprintf("pooled: show pools: %q is not one of Handler.Hosts", hostname(r.Host)),
			http.StatusForbidden)
	case !forThePage(r):
		http.NotFound(w, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		h.show(w, r)
	case r.Method == http.MethodPost && h.AllowActions:
		h.act(w, r)
	default:
		w.Header().Set("Allow", h.methods())
		http.Error(w, "pooled: show pools: method "+r.Method+" is not allowed", http.StatusMethodNotAllowed)
	}
}

func (h Handler) methods() string {
	if h.AllowActions {
		return "GET, HEAD, POST"
	}
	return "GET, HEAD"
}

// forThePage tells a request for the page from one for something below it. Of the path that the handler was registered
// for, http.StripPrefix may have left any end. Other routers, and patterns with wildcards, decide for themselves.
func forThePage(r *http.Request) bool {
	at := strings.IndexByte(r.Pattern, '/') // behind a method and a host
	if at < 0 || strings.Contains(r.Pattern, "{") {
		return true
	}
	return strings.HasSuffix(r.Pattern[at:], r.URL.Path)
}

// question is what the query of a URL asks for.
type question struct {
	json  bool
	pool  int // its number, 0: all
	limit int // most connections, and events, of each pool; -1: all
}

// rowsEach is how many connections, and events, of each pool the page has where it shows all pools: so many pools
// share a hundred. Nobody reads more at once, and a template is not fast.
func rowsEach(pools int) int { return max(5, 100/max(1, pools)) }

func parseQuestion(q url.Values) (question, error) {
	var asked question
	switch q.Get("format") {
	case "", "html":
	case "json":
		asked.json = true
	default:
		return asked, fmt.Errorf("pooled: show pools: format %q: want html or json", q.Get("format"))
	}
	var err error
	if asked.pool, err = number(q, "pool", 0); err != nil {
		return asked, err
	}
	all := -1
	if !asked.json && asked.pool == 0 {
		all = rowsEach(len(pooled.Pools()))
	}
	asked.limit, err = number(q, "limit", all)
	return asked, err
}

func number(q url.Values, key string, otherwise int) (int, error) {
	if !q.Has(key) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(q.Get(key))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("pooled: show pools: %s %q: want a number", key, q.Get(key))
	}
	return n, nil
}

// query is the question as the query of a URL.
func (q question) query() string {
	list := url.Values{}
	if q.json {
		list.Set("format", "json")
	}
	if q.pool > 0 {
		list.Set("pool", strconv.Itoa(q.pool))
	}
	if q.limit >= 0 {
		list.Set("limit", strconv.Itoa(q.limit))
	}
	return "?" + list.Encode()
}

func (h Handler) show(w http.ResponseWriter, r *http.Request) {
	asked, err := parseQuestion(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	report := look(asked, time.Now())
	if asked.pool > 0 && len(report.Pools) == 0 {
		fail(w, r, http.StatusNotFound, fmt.Sprintf("pooled: show pools: no open pool has number %d", asked.pool))
		return
	}
	// Into memory first: an error must not come after half a page.
	var body bytes.Buffer
	if asked.json {
		w.Header().Set("Content-Type", "application/json")
		var encoded []byte
		encoded, err = json.Marshal(report)
		body.Write(append(visible.JSON(encoded), '\n'))
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		err = h.render(&body, report, asked)
	}
	if err != nil {
		http.Error(w, "pooled: show pools: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.Write(body.Bytes())
}
