package pooled_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Commands that the documentation may show, and what runs them.
var documented = map[string]string{
	"go run ./cmd/pooled demo": "TestDemo in cmd/pooled",
	"make test":                "the run that this test is part of",
	"make bench":               "not a test: measurements, see docs/benchmarks.md",
}

var fenced = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// Every command in README and docs is one that is run, and every Go snippet
// stands, line by line, in a file that is compiled and run by the tests.
func TestSnippetsAreRun(t *testing.T) {
	docs, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	snippets, err := os.ReadFile("snippets_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code := flat(string(examples)) + flat(string(snippets))
	for _, file := range append(docs, "README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
			switch block[1] {
			case "sh":
				for line := range strings.Lines(block[2]) {
					command, _, _ := strings.Cut(line, "#")
					if _, ok := documented[strings.TrimSpace(command)]; !ok {
						t.Errorf("%s: nothing runs %q", file, strings.TrimSpace(command))
					}
				}
			case "go":
				if !strings.Contains(code, flat(block[2])) {
					t.Errorf("%s: this snippet is in neither example_test.go nor snippets_test.go:\n%s", file, block[2])
				}
			default:
				t.Errorf("%s: a block of language %q, which nothing runs", file, block[1])
			}
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
