package debug_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMethods(t *testing.T) {
	for _, c := range []struct {
		method  string
		actions bool
		status  int
		allow   string
	}{
		{"GET", false, 200, ""},
		{"HEAD", false, 200, ""},
		{"POST", false, 405, "GET, HEAD"},
		{"PUT", false, 405, "GET, HEAD"},
		{"DELETE", false, 405, "GET, HEAD"},
		{"OPTIONS", false, 405, "GET, HEAD"},
		{"GET", true, 200, ""},
		{"POST", true, 403, ""}, // without the form's token
		{"PUT", true, 405, "GET, HEAD, POST"},
	} {
		w := ask(debug.Handler{AllowActions: c.actions}, c.method, "http://localhost/")
		if w.Code != c.status || w.Header().Get("Allow") != c.allow {
			t.Errorf(
				"%s, actions %t: have %d and Allow %q, want %d and %q",
				c.method,
				c.actions,
				w.Code,
				w.Header().Get("Allow"),
				c.status,
				c.allow,
			)
		}
	}
}

func TestHead(t *testing.T) {
	server := httptest.NewServer(debug.Handler{})
	defer server.Close()
	r, err := http.Head(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 || r.ContentLength <= 0 {
		t.Errorf("have %d, length %d, want 200 and a length", r.StatusCode, r.ContentLength)
	}
}

// The page is where the program has put it, and only there.
func TestMountedAnywhere(t *testing.T) {
	for _, c := range []struct {
		name, pattern string
		handler       http.Handler
		there, not    []string
	}{
		{"as pprof is", "/debug/pooled/", debug.Handler{},
			[]string{"/debug/pooled/", "/debug/pooled/?format=json"}, []string{"/debug/pooled/x", "/debug/pooled/x/", "/debug/pooled/favicon.ico"}},
		{"root", "/", debug.Handler{}, []string{"/"}, []string{"/favicon.ico", "/debug/"}},
		{"without a slash", "/pools", debug.Handler{}, []string{"/pools", "/pools?format=json"}, []string{"/pools/", "/pools/x"}},
		{"method and host", "GET example.com/a/b/", debug.Handler{}, []string{"/a/b/"}, []string{"/a/b/c"}},
		{"exactly", "/pools/{$}", debug.Handler{}, []string{"/pools/"}, []string{"/pools/x"}},
		{"wildcard", "/{tenant}/pools", debug.Handler{}, []string{"/a/pools"}, []string{"/a/pools/x"}},
		{"prefix stripped", "/debug/pooled/", http.StripPrefix("/debug/pooled", debug.Handler{}),
			[]string{"/debug/pooled/", "/debug/pooled/?format=json"}, []string{"/debug/pooled/x", "/debug/pooled/x/"}},
		{"all stripped", "/debug/pooled/", http.StripPrefix("/debug/pooled/", debug.Handler{}), []string{"/debug/pooled/"}, []string{"/debug/pooled/x"}},
		{"some stripped", "/admin/debug/pooled/", http.StripPrefix("/admin", debug.Handler{}), []string{"/admin/debug/pooled/"}, []string{"/admin/debug/pooled/x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle(c.pattern, c.handler)
			for _, path := range c.there {
				if w := ask(mux, "GET", path); w.Code != 200 {
					t.Errorf("GET %s: have %d, want 200", path, w.Code)
				}
			}
			for _, path := range c.not {
				if w := ask(mux, "GET", path); w.Code != 404 {
					t.Errorf("GET %s: have %d, want 404", path, w.Code)
				}
			}
		})
	}
}

// A page that may be anywhere can name nothing but itself: with a query or a fragment alone.
func TestNamesNothingElse(t *testing.T) {
	db, _ := open(t, pooledtest.NewFake(t))
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/", "/?limit=0", "/?pool=" + strconv.Itoa(look(t, "/?format=json").Pools[0].Number)} {
		page := get(t, debug.Handler{AllowActions: true}, target)
		markup := regexp.MustCompile(`(?s)<(script|style)>.*?</(script|style)>`).ReplaceAllString(page, "")
		for _, m := range regexp.MustCompile(`(?i)\b(href|src|srcset|action|formaction|data|poster)="([^"]*)"`).FindAllStringSubmatch(markup, -1) {
			if u := m[2]; u != "" && u[0] != '?' && u[0] != '#' && !strings.HasPrefix(u, "data:image/svg+xml,") {
				t.Errorf("GET %s: %s: have an address of something else, want ?…, #… or none", target, m[0])
			}
		}
		for _, bad := range []string{"http://", "https://", "url(", "@import", "innerHTML", "insertAdjacent", "document.write", "eval("} {
			if strings.Contains(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), bad) {
				t.Errorf("GET %s: have %q in the page, want none", target, bad)
			}
		}
	}
}

// Nothing can be asked of a program that only imports the package.
func TestRegistersNothing(t *testing.T) {
	for _, path := range []string{"/", "/debug/pooled", "/debug/pooled/"} {
		if _, pattern := http.DefaultServeMux.Handler(httptest.NewRequest("GET", path, nil)); pattern != "" {
			t.Errorf("http.DefaultServeMux: have %q for %s, want nothing", pattern, path)
		}
	}
}

func TestHeaders(t *testing.T) {
	want := map[string]string{
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	}
	for _, c := range []struct {
		target, content string
		status          int
	}{
		{"/", "text/html; charset=utf-8", 200},
		{"/?format=json", "application/json", 200},
		{"/?format=xml", "text/plain; charset=utf-8", 400},
		{"/?pool=999999", "text/plain; charset=utf-8", 404},
	} {
		w := ask(debug.Handler{}, "GET", c.target)
		if have := w.Header().Get("Content-Type"); w.Code != c.status || have != c.content {
			t.Errorf("GET %s: have %d %q, want %d %q", c.target, w.Code, have, c.status, c.content)
		}
		for key, value := range want {
			if have := w.Header().Get(key); have != value {
				t.Errorf("GET %s: %s: have %q, want %q", c.target, key, have, value)
			}
		}
		if have := w.Header().Get("Content-Security-Policy"); have == "" {
			t.Errorf("GET %s: have no Content-Security-Policy", c.target)
		}
	}
}

func TestContentSecurityPolicy(t *testing.T) {
	for _, c := range []struct {
		h     debug.Handler
		forms string
	}{{debug.Handler{}, "form-action 'none'"}, {debug.Handler{AllowActions: true}, "form-action 'self'"}} {
		have := strings.Split(ask(c.h, "GET", "/").Header().Get("Content-Security-Policy"), "; ")
		for _, want := range []string{
			"default-src 'none'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", c.forms,
			"require-trusted-types-for 'script'", "trusted-types 'none'",
		} {
			if !slices.Contains(have, want) {
				t.Errorf("have %q, want %s in it", have, want)
			}
		}
		for _, directive := range have {
			if strings.Contains(directive, "unsafe") || strings.Contains(directive, "*") {
				t.Errorf("have %q, which lets in too much", directive)
			}
		}
	}
}

func TestBadQuestions(t *testing.T) {
	for _, query := range []string{"format=xml", "pool=x", "pool=-1", "limit=x", "limit=-1", "limit=", "pool=1.5"} {
		w := ask(debug.Handler{}, "GET", "/?"+query)
		if w.Code != 400 || !strings.HasPrefix(w.Body.String(), "pooled: show pools: ") {
			t.Errorf("?%s: have %d %q, want 400 and why", query, w.Code, w.Body)
		}
	}
}

func TestWithoutPools(t *testing.T) {
	if have := look(t, "/?format=json").Pools; have == nil || len(have) != 0 {
		t.Errorf("have %v, want an empty list", have)
	}
	if page := get(t, debug.Handler{}, "/"); !strings.Contains(page, "no open pool") {
		t.Error("have a page that does not say that there is no pool")
	}
}
