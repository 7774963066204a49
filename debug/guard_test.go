package debug_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// disposal is the form that disposes of a pool.
func disposal(number int) url.Values {
	return url.Values{"token": {debug.Token()}, "action": {"dispose"}, "pool": {strconv.Itoa(number)}}
}

// Whoever is not the page itself changes nothing.
func TestCrossSite(t *testing.T) {
	_, pool := open(t, pooledtest.NewFake(t))
	h := debug.Handler{AllowActions: true, Hosts: []string{"app.internal"}}
	drop := func(key string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(key) } }
	host := func(host string) func(*http.Request) { return func(r *http.Request) { r.Host = host } }
	token := func(value ...string) url.Values {
		form := disposal(pool.Number())
		form["token"] = value
		return form
	}
	good := disposal(pool.Number())
	for _, c := range []struct {
		name    string
		form    url.Values
		changes []func(*http.Request)
		status  int
	}{
		{"same origin", good, nil, 303},
		{"typed by hand", good, []func(*http.Request){header("Sec-Fetch-Site", "none")}, 303},
		{"same site", good, []func(*http.Request){header("Sec-Fetch-Site", "same-site")}, 403},
		{"cross site", good, []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, 403},
		{"cross site that claims the origin", good, []func(*http.Request){header("Sec-Fetch-Site", "cross-site"), header("Origin", "http://localhost:6060")}, 403},
		{"older browser, same origin", good, []func(*http.Request){drop("Sec-Fetch-Site"), header("Origin", "http://localhost:6060")}, 303},
		{"older browser, other origin", good, []func(*http.Request){drop("Sec-Fetch-Site"), header("Origin", "http://evil.example")}, 403},
		{"older browser, other port", good, []func(*http.Request){drop("Sec-Fetch-Site"), header("Origin", "http://localhost:6061")}, 403},
		{"older browser, opaque origin", good, []func(*http.Request){drop("Sec-Fetch-Site"), header("Origin", "null")}, 403},
		{"no browser, with the token", good, []func(*http.Request){drop("Sec-Fetch-Site")}, 303},
		{"no token", token(), nil, 403},
		{"empty token", token(""), nil, 403},
		{"another process's token", token(strings.Repeat("A", len(debug.Token()))), nil, 403},
		{"part of the token", token(debug.Token()[:5]), nil, 403},
		{"a name of ours", good, []func(*http.Request){host("App.Internal:8080")}, 303},
		{"a name that leads here", good, []func(*http.Request){host("evil.example")}, 403},
	} {
		before := pool.Stats().Disposals
		w := post(h, c.form, c.changes...)
		if w.Code != c.status {
			t.Errorf("%s: have %d %s, want %d", c.name, w.Code, w.Body, c.status)
		}
		want := before
		if c.status == 303 {
			want++
		}
		if have := pool.Stats().Disposals; have != want {
			t.Errorf("%s: have %d disposals, want %d", c.name, have, want)
		}
	}
}

// The token must be in the body: addresses end up in logs and histories.
func TestTokenInTheAddress(t *testing.T) {
	_, pool := open(t, pooledtest.NewFake(t))
	form := disposal(pool.Number())
	r := httptest.NewRequest("POST", "http://localhost/?"+form.Encode(), nil)
	w := httptest.NewRecorder()
	debug.Handler{AllowActions: true}.ServeHTTP(w, r)
	if have := pool.Stats().Disposals; w.Code != 403 || have != 0 {
		t.Errorf("have %d and %d disposals, want 403 and none", w.Code, have)
	}
}

// A name that somebody else has pointed at this machine is not this page's.
func TestHosts(t *testing.T) {
	_, pool := open(t, pooledtest.NewFake(t))
	loopback := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 6060}
	outside := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 6060}
	for _, c := range []struct {
		host      string
		local     net.Addr
		hosts     []string
		get, post int
	}{
		{"localhost:6060", loopback, nil, 200, 303},
		{"LOCALHOST", loopback, nil, 200, 303},
		{"app.localhost:6060", loopback, nil, 200, 303},
		{"127.0.0.1:6060", loopback, nil, 200, 303},
		{"[::1]:6060", loopback, nil, 200, 303},
		{"[::1]", loopback, nil, 200, 303},
		{"evil.example:6060", loopback, nil, 403, 403},
		{"localhost.evil.example", loopback, nil, 403, 403},
		{"notlocalhost", loopback, nil, 403, 403},
		{"", loopback, nil, 403, 403},
		{"10.0.0.7:6060", outside, nil, 200, 303},
		{"app.internal", outside, nil, 200, 403},
		{"app.internal", nil, nil, 200, 403},
		{"app.internal:6060", outside, []string{"app.internal"}, 200, 303},
		{"APP.internal.", outside, []string{"app.internal"}, 200, 303},
		{"app.internal", loopback, []string{"app.internal"}, 200, 303},
		{"evil.example", outside, []string{"app.internal"}, 403, 403},
		{"app.internal.evil.example", outside, []string{"app.internal"}, 403, 403},
		{"10.0.0.7", outside, []string{"app.internal"}, 200, 303},
	} {
		arrived := func(r *http.Request) {
			r.Host = c.host
			if c.local != nil {
				*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, c.local))
			}
		}
		h := debug.Handler{AllowActions: true, Hosts: c.hosts}
		r := httptest.NewRequest("GET", "http://localhost/?format=json", nil)
		arrived(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.get || c.get == 403 && strings.Contains(w.Body.String(), pool.Name()) {
			t.Errorf("GET of host %q at %v with Hosts %q: have %d %s, want %d", c.host, c.local, c.hosts, w.Code, w.Body, c.get)
		}
		if w := post(h, disposal(pool.Number()), arrived); w.Code != c.post {
			t.Errorf(
				"POST to host %q at %v with Hosts %q: have %d %s, want %d",
				c.host,
				c.local,
				c.hosts,
				w.Code,
				w.Body,
				c.post,
			)
		}
	}
}

// What the server notes of the listener is what the handler looks for.
func TestHostsOnARealListener(t *testing.T) {
	server := httptest.NewServer(debug.Handler{}) // listens on loopback
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"evil.example": 403, "localhost": 200} {
		r.Host = host
		have, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		have.Body.Close()
		if have.StatusCode != want {
			t.Errorf("host %s: have %d, want %d", host, have.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}
