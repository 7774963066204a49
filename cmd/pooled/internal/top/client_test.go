package top

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const empty = `{"time":"2026-01-02T03:04:05Z","program":"shop","pid":1,"pools":[]}`

// Why there is no page is said in one line.
func TestTopErrors(t *testing.T) {
	limit := answerLimit
	t.Cleanup(func() { answerLimit = limit })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	l.Close()
	other := newProgram(t, says(empty))
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"no page", http.NotFound, "there is no live page (404)"},
		{"login", status(http.StatusUnauthorized, ""), "it asks for a login (401)"},
		{"refused", status(http.StatusForbidden, `pooled: show pools: "app" is not one of Handler.Hosts`),
			`it answered 403: pooled: show pools: "app" is not one of Handler.Hosts`},
		{"html", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
			"this is not a live page of pooled"},
		{"other JSON", says(`{"pools":{}}`), "this is not a live page of pooled: its JSON is something else's"},
		{"empty JSON", says(`{}`), "this is not a live page of pooled: its JSON is something else's"},
		{"no JSON", says(`Zq7xKv9w`), "this is not a live page of pooled: its JSON is something else's"},
		{"cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			says(`{"time":`)(w, nil)
		}, "the connection was closed in the middle of the answer"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/login?back=Zq7xKv9w", http.StatusFound)
		}, "it redirects to another place"},
		{"silent", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}, "no answer within "},
	} {
		p := newProgram(t, tt.answer)
		if tt.name == "silent" {
			answerLimit = 50 * time.Millisecond
		}
		code, stdout, stderr := runCommand(t, p.URL+"/debug/?token=Zq7xKv9w", "--header", "X-Token: Zq7xKv9w")
		answerLimit = limit
		want := "pooled: top: " + p.URL + "/debug/: " + tt.want
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, want) || strings.Count(stderr, "\n") != 1 ||
			strings.Contains(stderr, "Zq7xKv9w") {
			t.Errorf("%s: have exit code %d, %q and %q, want 1 and %q", tt.name, code, stdout, stderr, want)
		}
	}
	if n := other.looks.Load(); n != 0 {
		t.Errorf("have %d requests at another place, want none: they have the header", n)
	}
	if code, _, stderr := runCommand(t, nobody); code != 1 || !strings.Contains(stderr, nobody+": connection refused: ") {
		t.Errorf("have exit code %d and %q, want 1 and connection refused", code, stderr)
	}
}

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, code) }
}

// What is wrong on the command line is not shown: it may be a DSN, or a token.
func TestTopMistakes(t *testing.T) {
	const url = "http://127.0.0.1:1/"
	for _, args := range [][]string{
		nil, {"postgres://scott:Zq7xKv9w@h/db"}, {"scott:Zq7xKv9w@tcp(h)/db"}, {"localhost:6060/Zq7xKv9w"},
		{"http://[Zq7xKv9w"}, {"http://"}, {"http:///Zq7xKv9w"}, {"Zq7xKv9w"}, {url, "Zq7xKv9w"},
		{url, "--interval", "Zq7xKv9w"}, {url, "--interval", "0s"}, {url, "--interval", "-1s"},
		{url, "--once", "--interval", "1s"}, {url, "--header", "Zq7xKv9w"}, {url, "--header", ": Zq7xKv9w"},
		{url, "--headers=Zq7xKv9w"}, {url, "--header", "X Zq7xKv9w: y"},
	} {
		code, stdout, stderr := runCommand(t, args...)
		if code != 2 || stdout != "" || strings.Contains(stderr, "Zq7xKv9w") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: have exit code %d, %q and %q, want 2 and one line", args, code, stdout, stderr)
		}
	}
	bad := filepath.Join(t.TempDir(), "Zq7xKv9w")
	if err := os.WriteFile(bad, []byte("X: y\n@Zq7xKv9w\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{url, "--header", "@" + bad}, {url, "--header", "@" + bad + "x"},
		{url, "--header", "X: Zq7xKv9w\x00"}} {
		code, stdout, stderr := runCommand(t, args...)
		if code != 1 || stdout != "" || strings.Contains(stderr, "Zq7xKv9w") {
			t.Errorf("%q: have exit code %d, %q and %q, want 1", args, code, stdout, stderr)
		}
	}
}

// Headers and a password are sent, and shown nowhere.
func TestTopHeaders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(file, []byte("X-Two: Zq7xKv9w-2\n\n  X-Three:Zq7xKv9w-3\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got *http.Request
	p := newProgram(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" { // as of a folder without its slash
			http.Redirect(w, r, "/debug/?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		got = r
		says(empty)(w, r)
	})
	login := strings.Replace(p.URL, "http://", "http://scott:Zq7xKv9w-0@", 1)
	code, stdout, stderr := runCommand(t, login, "--header", "X-One: Zq7xKv9w-1", "--header", "@"+file,
		"--header", "Host: app.example.com")
	if code != 0 || strings.Contains(stdout+stderr, "Zq7xKv9w") || !strings.Contains(stdout, "no pool is open") {
		t.Fatalf("have exit code %d, %s and %s, want 0, and none of what was sent", code, stdout, stderr)
	}
	user, password, _ := got.BasicAuth()
	h := got.Header
	if user != "scott" || password != "Zq7xKv9w-0" || h.Get("X-One") != "Zq7xKv9w-1" || h.Get("X-Two") != "Zq7xKv9w-2" ||
		h.Get("X-Three") != "Zq7xKv9w-3" {
		t.Errorf("have %v, want the headers and the login", got.Header)
	}
	p.answers(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "app.example.com" {
			t.Errorf("have host %s, want that of --header", r.Host)
		}
		http.Error(w, "bad "+r.Header.Get("X-One")+r.Header.Get("Authorization"), http.StatusTeapot)
	})
	_, _, stderr = runCommand(t, p.URL, "--header", "X-One: Zq7xKv9w-1", "--header", "Authorization: Bearer Zq7xKv9w",
		"--header", "Host: app.example.com")
	if strings.Contains(stderr, "Zq7xKv9w") || !strings.Contains(stderr, "it answered 418: bad xxxxx") {
		t.Errorf("have %s, want what was sent masked", stderr)
	}
}
