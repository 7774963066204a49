package pooled_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pooled-go/pooled"

// What a dialect may import, beside the contract.
const forDialects = "internal/sqltext internal/driverconn internal/socket internal/stmtcache internal/dsn " +
	"internal/saturate"

// layers is what each package may import of this module, "." being the root. Its tests may import more.
var layers = map[string]string{
	// The leaves.
	"internal/sqltext":    "",
	"internal/driverconn": "",
	"internal/dsn":        "internal/spelling internal/visible",
	"internal/socket":     "",
	"internal/process":    "",
	"internal/option":     "internal/spelling",
	"internal/observe":    "internal/visible",
	"internal/pool":       "",
	"internal/hosts":      "",
	"internal/saturate":   "",
	"internal/spelling":   "",
	"internal/seconds":    "",
	"internal/visible":    "",
	"internal/callers":    "",
	"internal/sqldb":      "",

	// What stands on one or two of them.
	"internal/session":   "internal/sqltext internal/callers",
	"internal/stmtcache": "internal/driverconn internal/sqltext",
	"internal/intercept": "internal/driverconn",

	// One connection as a pool uses it.
	"internal/serverconn": "internal/dialect internal/driverconn internal/intercept internal/session internal/socket " +
		"internal/sqltext internal/stmtcache internal/visible",

	// The kinds of servers, and the wrapped drivers by name.
	"internal/dialect":           "internal/sqltext internal/driverconn internal/socket internal/stmtcache",
	"internal/dialect/mysql":     "internal/dialect " + forDialects,
	"internal/dialect/postgres":  "internal/dialect " + forDialects,
	"internal/dialect/sqlite":    "internal/dialect " + forDialects,
	"internal/dialect/sqlserver": "internal/dialect " + forDialects,
	"internal/dialect/generic":   "internal/dialect " + dialects + " " + forDialects,
	"internal/opener":            "internal/dialect internal/dialect/generic " + dialects + " " + forDialects,

	".": "internal/sqltext internal/driverconn internal/dsn internal/socket internal/process internal/option " +
		"internal/observe internal/pool internal/hosts internal/saturate internal/spelling internal/visible " +
		"internal/callers internal/session internal/sqldb internal/stmtcache internal/intercept internal/dialect " +
		"internal/opener internal/serverconn",

	// What stands on the root.
	"debug":                      ". internal/seconds internal/visible",
	"cmd/pooled/internal/cli":    ". internal/dsn internal/spelling internal/visible",
	"cmd/pooled/internal/demo":   ". cmd/pooled/internal/cli",
	"cmd/pooled/internal/advice": ".",
	"cmd/pooled/internal/doctor": ". internal/dsn internal/hosts internal/spelling cmd/pooled/internal/advice " +
		"cmd/pooled/internal/cli",
	"cmd/pooled/internal/parse":   ". internal/dsn cmd/pooled/internal/advice cmd/pooled/internal/cli",
	"cmd/pooled/internal/top":     "internal/seconds cmd/pooled/internal/cli",
	"cmd/pooled/internal/version": "cmd/pooled/internal/cli",
	"cmd/pooled": "cmd/pooled/internal/cli cmd/pooled/internal/demo cmd/pooled/internal/doctor " +
		"cmd/pooled/internal/parse cmd/pooled/internal/top cmd/pooled/internal/version",

	// What only tests import.
	"cmd/pooled/internal/clitest":  "cmd/pooled/internal/cli internal/pooledtest",
	"internal/dialect/dialecttest": "internal/dialect internal/driverconn internal/socket",
	"internal/pooledtest":          "internal/socket internal/sqltext",
	"internal/pooledtest/cluster":  "internal/pooledtest",
	"internal/pooltest":            ".",
	"internal/servertest":          ". internal/pooledtest",
	"docs":                         "",
}

const dialects = "internal/dialect/mysql internal/dialect/postgres internal/dialect/sqlite internal/dialect/sqlserver"

// How long things may be, so that they can be read. Lines and files of the root are those without tests.
const (
	maxFile     = 400
	maxFunction = 60

	maxRootLines     = 5100
	maxRootFiles     = 42
	maxRootTestFiles = 34 // export_test.go apart
)

// Each package imports only what stands below it.
func TestLayers(t *testing.T) {
	for _, f := range sourceFiles(t) {
		allowed, known := layers[f.dir]
		if !known {
			t.Errorf("%s: say in layers what %s may import", f.path, f.dir)
		}
		for _, spec := range f.ast.Imports {
			name, ours := importOfModule(spec)
			if ours && !slices.Contains(strings.Fields(allowed), name) {
				t.Errorf("%s: %s must not import %s", f.path, f.dir, name)
			}
		}
	}
}

// Files and functions are short enough to be read.
func TestLengths(t *testing.T) {
	for _, f := range sourceFiles(t) {
		if f.dir == "internal/pooledtest" {
			continue
		}
		if lines := f.line(f.ast.FileEnd - 1); lines > maxFile {
			t.Errorf("%s has %d lines, more than %d", f.path, lines, maxFile)
		}
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := f.line(fn.End()) - f.line(fn.Pos()) + 1
			if lines > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", f.path, fn.Name.Name, lines, maxFunction)
			}
		}
	}
}

// The root package can be read in an afternoon.
func TestRootIsSmall(t *testing.T) {
	lines, files := 0, 0
	for _, f := range sourceFiles(t) {
		if f.dir == "." {
			files++
			lines += f.line(f.ast.FileEnd - 1)
		}
	}
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests = slices.DeleteFunc(tests, func(name string) bool { return name == "export_test.go" })
	if lines > maxRootLines || files > maxRootFiles || len(tests) > maxRootTestFiles {
		t.Errorf("have %d lines in %d files and %d test files, want at most %d, %d and %d",
			lines, files, len(tests), maxRootLines, maxRootFiles, maxRootTestFiles)
	}
}

// What the root exports is defined there: of an alias into internal, go doc would show nothing.
func TestNoAliasesOfInternalTypes(t *testing.T) {
	for _, f := range sourceFiles(t) {
		if f.dir != "." {
			continue
		}
		internal := map[string]bool{} // by the name a package has in this file
		for _, spec := range f.ast.Imports {
			name, ours := importOfModule(spec)
			if ours && spec.Name != nil {
				internal[spec.Name.Name] = true
			} else if ours {
				internal[name[strings.LastIndex(name, "/")+1:]] = true
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if ok && spec.Assign.IsValid() && spec.Name.IsExported() && mentions(spec.Type, internal) {
				t.Errorf("%s: %s is an alias of an internal type", f.path, spec.Name.Name)
			}
			return true
		})
	}
}

// A package whose tests use a server says so in a test file of its own: so scripts/test-servers finds it.
func TestServersAreForTests(t *testing.T) {
	for _, f := range sourceFiles(t) {
		if f.dir == "internal/pooledtest" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && mentions(s, map[string]bool{"pooledtest": true}) &&
				(strings.HasPrefix(s.Sel.Name, "Postgres") || strings.HasPrefix(s.Sel.Name, "MySQL")) {
				t.Errorf("%s:%d: uses a server outside of a test file", f.path, f.line(s.Pos()))
			}
			return true
		})
	}
}

// mentions says whether an expression names one of these packages.
func mentions(expr ast.Expr, packages map[string]bool) (found bool) {
	ast.Inspect(expr, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			pkg, ok := selector.X.(*ast.Ident)
			found = found || ok && packages[pkg.Name]
		}
		return true
	})
	return found
}

// importOfModule returns the folder of an imported package of this module, which is "." for the root.
func importOfModule(spec *ast.ImportSpec) (dir string, ours bool) {
	dir, ours = strings.CutPrefix(strings.Trim(spec.Path.Value, "\"`"), module)
	if dir == "" {
		return ".", ours
	}
	dir, isPath := strings.CutPrefix(dir, "/")
	return dir, ours && isPath
}

// sourceFile is a Go file of this module, for whichever platform, that is no test.
type sourceFile struct {
	path, dir string // from the root, with slashes
	ast       *ast.File
	set       *gotoken.FileSet
}

func (f sourceFile) line(pos gotoken.Pos) int { return f.set.Position(pos).Line }

func sourceFiles(t *testing.T) (files []sourceFile) {
	t.Helper()
	set := gotoken.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipDir(path)
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		files = append(files, sourceFile{filepath.ToSlash(path), filepath.ToSlash(filepath.Dir(path)), file, set})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// skipDir returns fs.SkipDir for test data, hidden folders, and modules that use nothing but the public API.
func skipDir(path string) error {
	if path == "." || path == filepath.Join("cmd", "pooled") {
		return nil
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	name := filepath.Base(path)
	if err == nil || name == "testdata" || strings.HasPrefix(name, ".") {
		return fs.SkipDir
	}
	return nil
}
