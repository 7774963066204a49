// Package debug shows the pools of the process in a browser, as net/http/pprof shows its goroutines. A program mounts
// it under any path:
//
//	http.Handle("/debug/pooled/", debug.Handler{})
//
// The page shows every open pool: limits, figures, a live chart, each server connection with its last statement and
// holder, the last events, the options in effect. With ?format=json the same comes as JSON.
//
// Importing the package registers nothing and measures nothing. Pools are read only while somebody looks, which also
// turns on their histograms for a while ([pooled.Pool.Histogram]). The browser keeps the data of the charts.
//
// The page shows statements and stacks, and asks for no password. Like pprof, put it on a listener that strangers can't
// reach, or behind a handler that checks who may look.
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
	// AllowActions adds buttons that close all server connections of a pool, or a single one. Everybody who can open
	// the page can press them. False: every POST is refused.
	AllowActions bool

	// Hosts are the host names, without port, under which the page may be opened. localhost and IP addresses are always
	// allowed. A stranger can point any other name at this machine (DNS rebinding). If Hosts is empty, other names may
	// look, except through a loopback listener, but never act.
	Hosts []string
}

// ServeHTTP answers GET and HEAD with the page or JSON, and POST with an action if those are allowed.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.setHeaders(w.Header())
	switch {
	case !h.knowsHost(r):
		http.Error(w, fmt.Sprintf("pooled: show pools: %q is not in Handler.Hosts: "+
			"use localhost or the IP address, or add it", hostname(r.Host)), http.StatusForbidden)
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
