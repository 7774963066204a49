package main

import (
	"bufio"
	"database/sql"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

const cliPage = "../../docs/cli.md"

// What docs/cli.md shows in a block of ```console is what the commands print. Figures may be others, and a line of
// three dots stands for any lines.
func TestDocumentedCommands(t *testing.T) {
	page, err := os.ReadFile(cliPage)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DATABASE_URL", "")
	t.Chdir(t.TempDir())
	makeShop(t)
	server := livePage(t)
	blocks := regexp.MustCompile("(?ms)^```console\n\\$ pooled (.*?)\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 5 {
		t.Errorf("have %d commands, want 5", len(blocks))
	}
	for _, block := range blocks {
		var args []string
		for _, arg := range strings.Fields(block[1]) {
			arg = strings.Replace(strings.Trim(arg, `"`), "http://localhost:6060", server, 1)
			args = append(args, arg)
		}
		code, stdout, stderr := runCommand(t, args...)
		stdout = strings.ReplaceAll(stdout, server, "http://localhost:6060")
		if code != 0 || stderr != "" {
			t.Errorf("%q: have exit code %d and %s, want 0", args, code, stderr)
		}
		if !matches(withoutFigures(strings.Split(block[2], "\n")), withoutFigures(strings.Split(stdout, "\n"))) {
			t.Errorf("%q: have\n%s\nwant\n%s", args, stdout, block[2])
		}
	}
}

// makeShop makes the database that the page speaks of.
func makeShop(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", "shop.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE stock (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
}

// livePage is that of a program that does what the page shows.
func livePage(t *testing.T) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"time":"2026-01-02T14:03:05Z","program":"shop","pid":4242,"pools":[{"number":1,"name":"shop",
			"limit":10,"in_use":1,"idle":1,"timings":{"wait":{"count":9,"buckets":[{"up_to_s":0.001,"count":9}]}},"conns":[
			{"id":2,"state":"in use","held_s":12,"statement":"UPDATE stock SET n = n - 1"},
			{"id":1,"state":"idle","idle_s":3,"statement":"SELECT name FROM users"}]}]}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

var (
	figure = regexp.MustCompile(`[0-9]+(\.[0-9]+)*(µs|ms|s)?`)
	blanks = regexp.MustCompile(` +`)
)

func withoutFigures(lines []string) (same []string) {
	for _, line := range lines {
		same = append(same, strings.TrimSpace(blanks.ReplaceAllString(figure.ReplaceAllString(line, "#"), " ")))
	}
	return same
}

// matches says whether lines are those that are wanted, of which one of three dots stands for any.
func matches(want, have []string) bool {
	switch {
	case len(want) == 0 || len(want) == 1 && want[0] == "":
		return len(have) == 0 || strings.Join(have, "") == ""
	case want[0] == "...":
		return matches(want[1:], have) || len(have) > 0 && matches(want, have[1:])
	}
	return len(have) > 0 && have[0] == want[0] && matches(want[1:], have[1:])
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		want, have string
		matches    bool
	}{
		{"a\nb\n", "a\nb\n", true}, {"a\nb\n", "a\nc\n", false}, {"a\n...\nc\n", "a\nb\nb\nc\n", true},
		{"a\n...\nc\n", "a\nc\n", true}, {"a\n...\nc\n", "a\nb\n", false}, {"a\n", "a\nb\n", false},
		{"a\n...\n", "a\nb\n", true},
	} {
		if have := matches(strings.Split(tt.want, "\n"), strings.Split(tt.have, "\n")); have != tt.matches {
			t.Errorf("%q and %q: have %t, want %t", tt.want, tt.have, have, tt.matches)
		}
	}
}

// Each field of the JSON is on the page. The doctor's are in docs/doctor.md.
func TestDocumentedFields(t *testing.T) {
	page, err := os.ReadFile(cliPage)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.Open("../../docs/testdata/json.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	field := regexp.MustCompile(`^cmd/pooled/internal/(demo|parse|top|version) (\w+): (\w+)`)
	read := map[string]bool{"page": true, "pool": true, "histogram": true, "conn": true} // what top reads
	seen := map[string]bool{}
	for lines := bufio.NewScanner(list); lines.Scan(); {
		m := field.FindStringSubmatch(lines.Text())
		if m == nil || m[1] == "top" && read[m[2]] {
			continue
		}
		seen[m[1]] = true
		if !strings.Contains(string(page), "`"+m[3]+"`") {
			t.Errorf("%s: have no field %s of %s, want it", cliPage, m[3], m[1])
		}
	}
	if len(seen) != 4 {
		t.Errorf("have fields of %v, want those of four commands", seen)
	}
}

// So are the commands.
func TestDocumentedHelp(t *testing.T) {
	page, err := os.ReadFile(cliPage)
	if err != nil {
		t.Fatal(err)
	}
	_, help, _ := runCommand(t, "help")
	_, commands, _ := strings.Cut(help, "commands:\n")
	commands, _, _ = strings.Cut(commands, "\n\n")
	for line := range strings.Lines(commands) {
		name := strings.Fields(line)[0]
		if !strings.Contains(string(page), "pooled "+name) {
			t.Errorf("%s: have nothing about pooled %s, want it", cliPage, name)
		}
	}
}
