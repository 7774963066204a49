package debug_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooltest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

func named(name string) func(*pooled.Config) { return func(cfg *pooled.Config) { cfg.Name = name } }

// hold takes a server connection and sends a statement on it.
func hold(t testing.TB, db *sql.DB, statement string) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func ask(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

// get is the answer to a GET that must succeed.
func get(t testing.TB, h http.Handler, target string) string {
	t.Helper()
	w := ask(h, "GET", target)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: have %d %s, want 200", target, w.Code, w.Body)
	}
	return w.Body.String()
}

// look is the JSON.
func look(t testing.TB, target string) debug.Report {
	t.Helper()
	var r debug.Report
	d := json.NewDecoder(strings.NewReader(get(t, debug.Handler{}, target)))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("behind the JSON: have %v, want the end", err)
	}
	return r
}

// post sends a form to the page as a browser on this machine would; changes may spoil the request.
func post(h http.Handler, form url.Values, changes ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://localhost:6060/debug/pooled/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, change := range changes {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func header(key, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(key, value) }
}

var open = pooltest.Open
