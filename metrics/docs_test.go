package metrics_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const page = "../docs/metrics.md"

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// everything is a pool of which every metric exists, called "all": it has a limit, as its sql.DB has, its server
// said "too many", and something was reset.
func everything(t *testing.T) (otel, prom exported, lint func() []string) {
	t.Helper()
	fake := pooledtest.NewFake(t)
	fake.MaxConns, fake.TooManyConns = 1, &pq.Error{Code: "53300", Message: "too many clients already"}
	db, pool := open(t, "all", fake, size(1, 1), func(cfg *pooled.Config) { cfg.Driver = "postgres" })
	db.SetMaxOpenConns(9)
	pooled.PoolOf(db) // the pool looks at the sql.DB, when it is used at the latest
	otel, _ = viaOTel(t, pool)
	prom, registry := viaProm(t, pool)
	conn := grab(t, db)
	waiting := make(chan error)
	go func() { waiting <- db.PingContext(context.Background()) }()
	for deadline := time.Now().Add(10 * time.Second); pool.Stats().Ceiling == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the server never said that there are too many: %v", pool)
		}
	}
	mustExec(t, conn, "BEGIN")
	give(t, conn)
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	return otel, prom, func() []string {
		problems, err := testutil.GatherAndLint(registry)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, p := range problems {
			list = append(list, p.Metric+": "+p.Text)
		}
		return list
	}
}

// row is a line of the table in the documentation.
func row(otel, prom, kind, unit, attributes, meaning string) string {
	return fmt.Sprintf("| `%s` | `%s` | %s | %s | %s | %s |", otel, prom, kind, unit, attributes, meaning)
}

// The table has exactly what is exported, both ways.
func TestPageListsTheMetrics(t *testing.T) {
	otel, prom, _ := everything(t)
	have := map[string]bool{}
	_, table, _ := strings.Cut(readPage(t), "<!-- metrics -->")
	table, _, ok := strings.Cut(table, "<!-- /metrics -->")
	if !ok {
		t.Fatal("there is no table")
	}
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| `") {
			have[strings.TrimSpace(line)] = true
		}
	}

	// What is exported under two names is recognized by what it says of itself.
	promBy := map[string]string{}
	for key, s := range prom() {
		name, _, _ := strings.Cut(key, "{")
		promBy[s.kind+s.help] = name
	}
	want := map[string]bool{}
	for key, s := range otel() {
		name, labels, _ := strings.Cut(key, "{")
		attributes := "pool"
		if strings.Contains(labels, " ") {
			attributes = "pool, state"
		}
		want[row(name, promBy[s.kind+s.help], s.kind, "`"+s.unit+"`", attributes, s.help)] = true
	}
	for _, line := range slices.Sorted(maps.Keys(want)) {
		if !have[line] {
			t.Errorf("exported, and not in the table as\n%s", line)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(have)) {
		if !want[line] {
			t.Errorf("in the table, and not exported so:\n%s", line)
		}
	}
	if len(promBy) != len(want) {
		t.Errorf("have %d metrics for Prometheus, want %d", len(promBy), len(want))
	}
}

func TestPrometheusConventions(t *testing.T) {
	_, _, lint := everything(t)
	if problems := lint(); len(problems) > 0 {
		t.Errorf("promlint says %q", problems)
	}
}

var (
	promqlBlock = regexp.MustCompile("(?ms)^```promql\n(.*?)^```$")
	promqlName  = regexp.MustCompile(`\bpooled_\w+`)
	codeSpan    = regexp.MustCompile("`((?:db\\.client|pooled)\\.[a-z_.]+|pooled_\\w+)`")
)

// What the alerts and the text speak of exists.
func TestPageSpeaksOfWhatExists(t *testing.T) {
	otel, prom, _ := everything(t)
	exists := map[string]bool{
		"db.client.connection.pool.name": true, "db.client.connection.state": true, "pooled.host.state": true,
	}
	for _, from := range []samples{otel(), prom()} {
		for key, s := range from {
			name, _, _ := strings.Cut(key, "{")
			exists[name] = true
			if s.hist != nil {
				exists[name+"_bucket"] = true
			}
		}
	}
	text := readPage(t)
	blocks := promqlBlock.FindAllStringSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Fatal("there are no alerts")
	}
	for _, block := range blocks {
		for _, name := range promqlName.FindAllString(block[1], -1) {
			if !exists[name] {
				t.Errorf("an alert is about %s, which is not exported", name)
			}
		}
	}
	for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
		if !exists[span[1]] {
			t.Errorf("the text is about %s, which is not exported", span[1])
		}
	}
}

// The Go snippets stand, line by line, in examples that are compiled and run.
func TestPageSnippetsAreRun(t *testing.T) {
	var code string
	for _, file := range []string{"example_test.go", "prom/example_test.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code += flat(string(text))
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(readPage(t), -1)
	if len(blocks) == 0 {
		t.Fatal("there are no snippets")
	}
	for _, block := range blocks {
		if !strings.Contains(code, flat(block[1])) {
			t.Errorf("no example has this snippet:\n%s", block[1])
		}
	}
}

// flat is code without indentation.
func flat(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// A program that exports one way does not compile the other's client library.
func TestPackagesAreApart(t *testing.T) {
	for pkg, not := range map[string]string{".": "github.com/prometheus/", "./prom": "go.opentelemetry.io/"} {
		deps, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatalf("go list -deps %s: %v", pkg, err)
		}
		for dep := range strings.Lines(string(deps)) {
			if strings.HasPrefix(dep, not) {
				t.Errorf("package %s compiles %s", pkg, strings.TrimSpace(dep))
			}
		}
	}
}
