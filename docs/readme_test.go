package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Commands that the documentation may show, and what runs them. Dots at the end stand for any arguments.
var documented = map[string]string{
	"go get ...":                    "TestGoGets: a go.mod of this repository requires each module",
	"go mod init example.com/start": "TestREADMEProgram, which makes such a module",
	"go get github.com/pooled-go/pooled modernc.org/sqlite":     "TestREADMEProgram, with this checkout",
	"go run github.com/pooled-go/pooled/cmd/pooled@latest demo": "make release-check, by the version that is to be",
	"go run ./cmd/pooled demo":                                  "TestDemo in cmd/pooled/internal/demo",
	"go install github.com/pooled-go/pooled/cmd/pooled@latest":  "make release-check, by the version that is to be",
	"pooled help":                                    "TestUsage in cmd/pooled",
	"go run ./cmd/pooled help":                       "the same",
	"pooled doctor ...":                              "the tests of cmd/pooled/internal/doctor",
	"printenv DATABASE_URL | pooled demo -":          "TestDSNSources in cmd/pooled/internal/cli",
	"go run ./cmd/pooled doctor ...":                 "the tests of cmd/pooled/internal/doctor",
	"kubectl port-forward ...":                       "no test: it needs a cluster, and is Kubernetes' own",
	"pooled top http://localhost:6060/debug/pooled/": "the tests of cmd/pooled/internal/top",
	"make test":                                      "the run that this test is part of",
	"make test-browser":                              ".ci/run, beside make test",
	"make bench":                                     "not a test: measurements, see docs/benchmarks",
}

// Blocks of a language that a test reads where they stand, in the documentation.
var readByTests = map[string]string{
	"promql":  "metrics/docs_test.go",
	"console": "cmd/pooled/docs_test.go",
}

// Blocks of a page that a test of their own holds: whole programs (package main) and commands, which it runs, and
// texts, which it compares with what is printed.
var heldByTests = map[string]map[string]string{
	"README.md":                 {"go": "TestREADMEProgram", "text": "TestREADMEDemo"},
	"docs/kubernetes.md":        {"go": "TestKubernetesProgram", "yaml": "TestKubernetesFigures"},
	"docs/tutorial-sqlite.md":   {"go": "TestTutorials", "sh": "TestTutorials", "text": "TestTutorials"},
	"docs/tutorial-postgres.md": {"go": "TestTutorials", "sh": "TestTutorials", "text": "TestTutorials"},
	"docs/tutorial-mysql.md":    {"go": "TestTutorials", "sh": "TestTutorials", "text": "TestTutorials"},
}

var fenced = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// What README and docs show is what the tests run. A block of
//
//   - sh is of commands that are in the list above, or is run by the test that heldByTests names;
//   - go stands, line by line, in an example_test.go or snippets_test.go of any package of the
//     repository, the other modules' included, and is run there; a whole program is run by the test that
//     heldByTests names;
//   - another language, and of text, which is what a program prints, stands in a text that a test compares
//     with or sends (a string constant, the Output of an example), or in a script that the tests run; or a test
//     reads it.
func TestSnippetsAreRun(t *testing.T) {
	tested := readTested(t)
	for _, file := range documentation(t) {
		for _, block := range fenced.FindAllStringSubmatch(readFile(t, file), -1) {
			switch language, text := block[1], block[2]; language {
			case "sh":
				for line := range strings.Lines(text) {
					command, _, _ := strings.Cut(line, " #")
					if !tested.tests[heldByTests[file][language]] && !isRun(strings.TrimSpace(command)) {
						t.Errorf("%s: nothing runs %q", file, strings.TrimSpace(command))
					}
				}
			case "go":
				program := strings.HasPrefix(text, "package main\n") && tested.tests[heldByTests[file][language]]
				if !program && !strings.Contains(tested.snippets, flat(text)) {
					t.Errorf("%s: this snippet is in no example_test.go and no snippets_test.go:\n%s", file, text)
				}
			case "":
				t.Errorf("%s: a block without a language; want one, or text:\n%s", file, text)
			default:
				if tested.tests[heldByTests[file][language]] {
					continue
				}
				if test := readByTests[language]; test != "" && strings.Contains(readFile(t, test), "```"+language) {
					continue
				}
				has := func(s string) bool { return strings.Contains(s, flat(text)) }
				if !slices.ContainsFunc(tested.texts, has) {
					t.Errorf("%s: this %s is in no text of a test and in no script:\n%s", file, language, text)
				}
			}
		}
	}
}

func isRun(command string) bool {
	if documented[command] != "" {
		return true
	}
	for prefix := range documented {
		if prefix, ok := strings.CutSuffix(prefix, "..."); ok && strings.HasPrefix(command, prefix) {
			return true
		}
	}
	return false
}

// documentation is what this test is about, by the paths that readFile takes.
func documentation(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob("*.md")
	if err != nil || len(docs) == 0 {
		t.Fatalf("docs/*.md: have %v, %v", docs, err)
	}
	for i, name := range docs {
		docs[i] = "docs/" + name
	}
	return append(docs, "README.md", "docs/benchmarks/README.md", "docs/benchmarks/outages.md")
}

// root is the repository.
const root = ".."

// readFile reads a file of the repository.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tested is what the tests of all modules hold.
type tested struct {
	snippets string          // the files that snippets are in, flat
	texts    []string        // string constants, Outputs of examples and scripts, each of them flat
	tests    map[string]bool // by their names
}

func readTested(t *testing.T) tested {
	t.Helper()
	all := tested{tests: map[string]bool{}}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir():
			if name != "." && strings.HasPrefix(name, ".") || name == "testdata" {
				return fs.SkipDir
			}
		case strings.HasSuffix(name, "_test.go"):
			text := readFile(t, path)
			if name == "example_test.go" || name == "snippets_test.go" {
				all.snippets += flat(text)
			}
			all.texts = append(all.texts, textsOf(t, path, text)...)
			for _, m := range testFunc.FindAllStringSubmatch(text, -1) {
				all.tests[m[1]] = true
			}
		case filepath.Dir(path) == "scripts":
			all.texts = append(all.texts, flat(readFile(t, path)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// textsOf are the string constants of a file, put together where they are added, and the Outputs
// of its examples.
func textsOf(t *testing.T, path, source string) (texts []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok {
			if text, ok := constant(e); ok {
				texts = append(texts, flat(text))
				return false
			}
		}
		return true
	})
	for _, comment := range file.Comments {
		if _, output, ok := strings.Cut(comment.Text(), "Output:"); ok {
			texts = append(texts, flat(output))
		}
	}
	return texts
}

// constant is the value of a string literal, or of a sum of them.
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		x, ok := constant(e.X)
		y, also := constant(e.Y)
		return x + y, e.Op == token.ADD && ok && also
	case *ast.ParenExpr:
		return constant(e.X)
	}
	return "", false
}

// flat is text without indentation, its last line ended.
func flat(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
