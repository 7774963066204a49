package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const pooledModule = "github.com/pooled-go/pooled"

// A suite is the test suite that a driver's own module ships. It runs from a
// copy that exists only while the test does: nothing of it is kept here.
//
// The copy keeps its module path, so that the driver in the copy is the driver
// that pooled imports, in the same binary: its tests then meet pooled with
// nothing changed but the name they give to sql.Open.
type suite struct {
	module string // module path, which is also the package to test
	driver string // name the driver registers

	packages []string // directories to test, relative to the module's root

	// atLeast is how many tests and subtests must pass bare: far fewer means
	// that there was hardly a server to speak to, and nothing was compared.
	atLeast int

	// rewrites are made in the test sources, in this order.
	rewrites []rewrite

	// leftOut are tests that neither run gets to see, with the reason.
	leftOut map[string]string

	// exceptions are tests that pass with the bare driver and cannot pass
	// through a pool, by the names of suiteConfigurations, with the reason. One
	// that passes is an error.
	exceptions map[string]map[string]string
}

// A rewrite changes one expression in a suite's test sources. One that matches
// nothing fails the test: the suite has changed and the rewrite is stale.
type rewrite struct {
	match *regexp.Regexp
	with  string
}

// suiteCopy is a copy of the suite's module, adapted and ready to build.
type suiteCopy struct {
	*suite
	dir  string
	temp string // for binaries
}

// hooksPackage is what the adapted tests call instead of database/sql. It can't
// import pooled, which imports the driver, whose tests import this package:
// the external test package bridgeFile belongs to sets its variables.
const hooksPackage = `// Package pooledsuite is where this copy's tests get their databases from.
package pooledsuite

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"
)

var (
	Open   = func(dsn string) (*sql.DB, error) { return sql.Open(%q, dsn) }
	OpenDB = sql.OpenDB
)

// Settle waits until the server has noticed that the suite's connections are
// closed, but not for long: the suite then complains of those that are not.
func Settle(db *sql.DB) {
	for range 100 {
		var n int
		err := db.QueryRow("select count(*) from pg_stat_activity where application_name = 'pqgo' and pid != pg_backend_pid()").Scan(&n)
		if err != nil || n == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Inner returns the driver's own error for what pooled has wrapped.
func Inner(err error) error {
	for err != nil && strings.HasPrefix(err.Error(), "pooled: ") && errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

// Raw returns the driver's own conn for what sql.Conn.Raw gave.
func Raw(conn any) any {
	if c, ok := conn.(interface{ Raw() driver.Conn }); ok {
		return c.Raw()
	}
	return conn
}
`

// bridgeFile is an external test package: the one place that may import pooled
// without a cycle, since pooled is then built anew against the package under
// test.
const bridgeFile = `package %[1]s_test

import (
	"database/sql"
	"database/sql/driver"
	"os"
	"strings"

	"github.com/pooled-go/pooled"
	"%[2]s/internal/pooledsuite"
)

func init() {
	options, ok := os.LookupEnv("POOLED_SUITE_OPTIONS")
	if !ok {
		return // bare
	}
	pooledsuite.Open = func(dsn string) (*sql.DB, error) {
		return sql.Open("pooled", pooledSuiteDSN(dsn, options))
	}
	pooledsuite.OpenDB = func(parent driver.Connector) *sql.DB {
		cfg, err := pooled.ParseDSN(pooledSuiteDSN(%[4]q, options))
		if err != nil {
			panic(err)
		}
		connector, err := pooled.NewConnector(parent, cfg)
		if err != nil {
			panic(err)
		}
		return sql.OpenDB(connector)
	}
}

// pooledSuiteDSN adds options ("key=value", by spaces) in the form of dsn, and
// what pooled asks for when a DSN does not tell whose it is.
func pooledSuiteDSN(dsn, options string) string {
	fields := strings.Fields(options)
	if _, err := pooled.ParseDSN(dsn); err != nil &&
		(strings.Contains(err.Error(), "pool_driver") || strings.Contains(err.Error(), "the DSN is empty")) {
		fields = append(fields, "pool_driver=%[3]s")
	}
	if len(fields) == 0 {
		return dsn
	}
	if !strings.Contains(dsn, "://") && %[3]q == "postgres" {
		return strings.TrimSpace(dsn + " " + strings.Join(fields, " "))
	}
	sep := "?"
	if strings.Contains(dsn[strings.LastIndexByte(dsn, '/')+1:], "?") {
		sep = "&"
	}
	return dsn + sep + strings.Join(fields, "&")
}
`

// copySuite copies the module into a directory and adapts it.
func copySuite(t *testing.T, s *suite, dir string) *suiteCopy {
	t.Helper()
	c := &suiteCopy{suite: s, dir: filepath.Join(dir, "module"), temp: dir}
	if err := os.CopyFS(c.dir, os.DirFS(moduleDir(t, s.module))); err != nil {
		t.Fatal(err)
	}
	c.require(t)
	c.rewriteTests(t)

	write(t, filepath.Join(c.dir, "internal/pooledsuite/pooledsuite.go"), fmt.Sprintf(hooksPackage, s.driver))
	for _, dir := range s.packages {
		name := filepath.Base(filepath.Join(s.module, dir))
		write(t, filepath.Join(c.dir, dir, "pooledsuite_test.go"),
			fmt.Sprintf(bridgeFile, name, s.module, s.driver, bareDSN[s.driver]))
	}
	return c
}

// bareDSN is the shortest DSN of each driver, for a Config that is only to
// carry pool options.
var bareDSN = map[string]string{"mysql": "/?pool_driver=mysql", "postgres": "pool_driver=postgres"}

// moduleDir returns where the module cache has the version go.mod asks for.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out := goTool(t, ".", "mod", "download", "-json", module)
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil || m.Dir == "" {
		t.Fatalf("go mod download -json %s: have %s, want its Dir (%v)", module, out, err)
	}
	return m.Dir
}

// require makes the copy depend on pooled as it is in this repository.
func (c *suiteCopy) require(t *testing.T) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	goTool(t, c.dir, "mod", "edit",
		"-require="+pooledModule+"@v0.0.0", "-replace="+pooledModule+"="+root)
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	rootSums, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(c.dir, "go.sum"), string(sums)+string(rootSums))
}

// opensDatabase finds what would bypass the rewrites.
var opensDatabase = regexp.MustCompile(`\bsql\.(Open|OpenDB)\(`)

// rewriteTests applies the rewrites to every Go file that takes part in tests
// alone, and checks that no way to a database is left that goes past them.
func (c *suiteCopy) rewriteTests(t *testing.T) {
	t.Helper()
	used := make([]int, len(c.rewrites))
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !testSource(path) {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		have := c.rewriteFile(src, used)
		if left := opensDatabase.Find(have); left != nil {
			t.Errorf("%s: have %s after the rewrites, want none", filepath.Base(path), left)
		}
		if bytes.Equal(have, src) {
			return nil
		}
		return os.WriteFile(path, c.imports(have), 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range used {
		if n == 0 {
			t.Errorf("%s: have no match for %s, want at least one", c.module, c.rewrites[i].match)
		}
	}
}

func testSource(path string) bool {
	return strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "internal/pqtest/pqtest.go")
}

func (c *suiteCopy) rewriteFile(src []byte, used []int) []byte {
	for i, r := range c.rewrites {
		used[i] += len(r.match.FindAllIndex(src, -1))
		src = r.match.ReplaceAll(src, []byte(r.with))
	}
	return src
}

var packageClause = regexp.MustCompile(`(?m)^package \w+$`)

// imports adds the hooks package, and keeps database/sql in use.
func (c *suiteCopy) imports(src []byte) []byte {
	at := packageClause.FindIndex(src)[1]
	var b bytes.Buffer
	b.Write(src[:at])
	fmt.Fprintf(&b, "\n\nimport %q\n", c.module+"/internal/pooledsuite")
	b.Write(src[at:])
	if bytes.Contains(src, []byte("\t\"database/sql\"\n")) {
		b.WriteString("\nvar _ sql.DB\n")
	}
	return b.Bytes()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// goTool runs the go command and returns what it printed on stdout.
func goTool(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return out
}
