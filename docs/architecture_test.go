package docs_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	architecture = "docs/architecture.md"
	module       = "github.com/pooled-go/pooled"
)

var updatePackages = flag.Bool("update-packages", false, "write the table of packages into "+architecture)

// The table of packages is what the code says: the first sentence of each package's doc comment, and what it imports of
// this module. go test ./docs -run TestArchitecturePackages -update-packages writes it.
func TestArchitecturePackages(t *testing.T) {
	const begin, end = "<!-- packages -->\n", "<!-- /packages -->"
	text := readFile(t, architecture)
	before, rest, ok := strings.Cut(text, begin)
	have, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s: have no table between %q and %q, want one", architecture, begin, end)
	}
	want := packageTable(t)
	switch {
	case have == want:
	case *updatePackages:
		if err := os.WriteFile(filepath.Join(root, architecture), []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s (-update-packages writes it): have\n%s\nwant\n%s", architecture, have, want)
	}
}

func packageTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| package | what it does | imports |\n|---|---|---|\n")
	all := packages(t)
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		p := all[dir]
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", shownPackage(dir), p.synopsis, p.shownImports())
	}
	return b.String()
}

// goPackage is a package without its tests.
type goPackage struct {
	synopsis string // the first sentence of its doc comment, behind the name
	imports  map[string]bool
}

func (p *goPackage) shownImports() string {
	var names []string
	for _, dir := range slices.Sorted(maps.Keys(p.imports)) {
		names = append(names, "`"+shownPackage(dir)+"`")
	}
	if names == nil {
		return "–"
	}
	return strings.Join(names, " ")
}

// shownPackage is how a package of a folder is called.
func shownPackage(dir string) string {
	if dir == "." {
		return "pooled"
	}
	return strings.TrimPrefix(dir, "internal/")
}

// packages are those of this module, by their folders, for whichever platform.
func packages(t *testing.T) map[string]*goPackage {
	t.Helper()
	all := map[string]*goPackage{}
	repository := os.DirFS(root)
	err := fs.WalkDir(repository, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			_, err := fs.Stat(repository, path.Join(name, "go.mod"))
			if name == "cmd/pooled" {
				return nil
			}
			if name != "." && (err == nil || entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil,
			parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if all[dir] == nil {
			all[dir] = &goPackage{imports: map[string]bool{}}
		}
		all[dir].add(file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	beginning = regexp.MustCompile(`^(Package|Command) \w+ `)
	cell      = strings.NewReplacer("|", `\|`, "[", "", "]", "")
)

func (p *goPackage) add(file *ast.File) {
	if file.Doc != nil {
		first := new(doc.Package).Synopsis(file.Doc.Text())
		p.synopsis = cell.Replace(beginning.ReplaceAllString(first, ""))
	}
	for _, spec := range file.Imports {
		dir, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, "\"`"), module)
		if ours {
			p.imports[max(strings.TrimPrefix(dir, "/"), ".")] = true
		}
	}
}

var (
	namedPath = regexp.MustCompile("`((?:[\\w-]+/)*[\\w-]+\\.go|internal/[\\w/]+)`")
	namedFunc = regexp.MustCompile("`(?:\\w+\\.)?(\\w+\\.\\w+)`") // perhaps behind the name of its package
)

// The files and folders that architecture.md names exist.
func TestArchitecturePaths(t *testing.T) {
	for _, m := range namedPath.FindAllStringSubmatch(readFile(t, architecture), -1) {
		if _, err := os.Stat(filepath.Join(root, m[1])); err != nil && !strings.Contains(m[1], "_x.go") {
			t.Errorf("%s names %s: %v", architecture, m[1], err)
		}
	}
}

// Each of the ten steps of a query names files and functions; the functions are in the files.
func TestArchitectureSteps(t *testing.T) {
	text := readFile(t, architecture)
	_, text, _ = strings.Cut(text, "<!-- steps -->")
	text, _, _ = strings.Cut(text, "<!-- /steps -->")
	steps := strings.Split(text, "\n\n")
	count := 0
	for _, s := range steps {
		number, _, isStep := strings.Cut(strings.TrimSpace(s), ". ")
		if !isStep || strings.Trim(number, "0123456789") != "" {
			continue
		}
		count++
		var source string
		for _, m := range namedPath.FindAllStringSubmatch(s, -1) {
			if strings.HasSuffix(m[1], ".go") {
				source += readFile(t, m[1])
			}
		}
		for _, m := range namedFunc.FindAllStringSubmatch(s, -1) {
			if !strings.HasSuffix(m[1], ".go") && !declares(source, m[1]) {
				t.Errorf("%s, step %s: %s is in none of its files", architecture, number, m[1])
			}
		}
	}
	if count != 10 {
		t.Errorf("%s: have %d steps, want 10", architecture, count)
	}
}

// declares tells whether Go source has a method, which is written Type.Name.
func declares(source, name string) bool {
	receiver, method, _ := strings.Cut(name, ".")
	pattern := `(?m)^func \(\w+ \*?` + receiver + `(\[\w+\])?\) ` + method + `\b`
	return regexp.MustCompile(pattern).MatchString(source)
}

// The table of the root package's files has each of them.
func TestArchitectureRootFiles(t *testing.T) {
	text := readFile(t, architecture)
	files, err := filepath.Glob(filepath.Join(root, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if !strings.HasSuffix(name, "_test.go") && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("%s does not have %s", architecture, name)
		}
	}
}
