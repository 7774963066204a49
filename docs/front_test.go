package docs_test

import (
	"bytes"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pooled-go/pooled"
)

// README.md is short, and fits on a screen.
func TestREADMEIsShort(t *testing.T) {
	const mostLines, mostColumns = 150, 160
	lines := strings.Split(strings.TrimSuffix(readFile(t, "README.md"), "\n"), "\n")
	if len(lines) > mostLines {
		t.Errorf("README.md has %d lines, want at most %d", len(lines), mostLines)
	}
	for i, line := range lines {
		if have := len([]rune(line)); have > mostColumns {
			t.Errorf("README.md:%d has %d columns, want at most %d", i+1, have, mostColumns)
		}
	}
}

var (
	goLine     = regexp.MustCompile(`(?m)^go (\d+\.\d+)`)
	goNeeded   = regexp.MustCompile(`You need Go (\d+\.\d+) or newer`)
	saysPrints = regexp.MustCompile("`go run \\.` prints `([^`]+)`")
)

// README.md names the version of Go that go.mod asks for.
func TestREADMEGoVersion(t *testing.T) {
	have, want := goNeeded.FindStringSubmatch(readFile(t, "README.md")), goLine.FindStringSubmatch(readFile(t, "go.mod"))
	if have == nil || want == nil || have[1] != want[1] {
		t.Errorf("README.md needs %q, go.mod has %q", have, want)
	}
}

// The program of README.md is built in a module of its own and prints what README.md says. What go get fetches is this
// checkout, and the drivers in the versions that it uses.
func TestREADMEProgram(t *testing.T) {
	readme := readFile(t, "README.md")
	want := saysPrints.FindStringSubmatch(readme)
	if want == nil {
		t.Fatal("README.md does not say what its program prints")
	}
	if have := runProgram(t, programOf(t, readme)); have != want[1]+"\n" {
		t.Errorf("README.md's program: have the output %q, want %q", have, want[1])
	}
}

// programOf is the whole program of a page that has one.
func programOf(t *testing.T, page string) string {
	t.Helper()
	var all []string
	for _, block := range fenced.FindAllStringSubmatch(page, -1) {
		if block[1] == "go" && strings.HasPrefix(block[2], "package main\n") {
			all = append(all, block[2])
		}
	}
	if len(all) != 1 {
		t.Fatalf("have %d programs, want one", len(all))
	}
	return all[0]
}

// writeModule makes a directory a module that requires this checkout, and the drivers in the versions that it uses.
func writeModule(t *testing.T, dir string) {
	t.Helper()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.Replace(readFile(t, "go.mod"), "module "+module+"\n", "module example.com/start\n", 1) +
		"\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + strconv.Quote(filepath.ToSlash(checkout)) + "\n"
	for name, text := range map[string]string{"go.mod": mod, "go.sum": readFile(t, "go.sum")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// runProgram runs a program in a module of its own.
func runProgram(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	writeModule(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "-mod=mod", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go run: %v\n%s", err, stderr.String())
	}
	return string(out)
}

var dsnInTable = regexp.MustCompile("(?m)^\\|[^|]+\\| `([^`]*pool_(?:size|max_conns)=[^`]*)` \\|")

// The DSNs of README.md and docs/dsn.md are understood.
func TestDSNTables(t *testing.T) {
	for file, least := range map[string]int{
		"README.md": 3, "docs/dsn.md": 5, "docs/migrations.md": 3, "docs/sqlite.md": 2,
	} {
		found := dsnInTable.FindAllStringSubmatch(readFile(t, file), -1)
		if len(found) < least {
			t.Errorf("%s: have %d DSNs in its table, want %d", file, len(found), least)
		}
		for _, dsn := range found {
			if cfg, err := pooled.ParseDSN(dsn[1]); err != nil || strings.Contains(cfg.DSN, "pool_") {
				t.Errorf("%s: %s: have the driver's DSN %q, %v", file, dsn[1], cfg.DSN, err)
			}
		}
	}
}

var fileDSN = regexp.MustCompile("`(file:shop\\.db\\?_pragma=[^`]*)`")

// With the DSN for a file in README.md and docs/sqlite.md, transactions that read and then write wait for each other.
// They fail with "database is locked" if one of the driver's two parameters is missing.
func TestSQLiteFileDSN(t *testing.T) {
	for _, page := range []string{readFile(t, "README.md"), readFile(t, "docs/sqlite.md")} {
		dsn := fileDSN.FindStringSubmatch(page)
		if dsn == nil {
			t.Fatalf("have no DSN for a file:\n%s", page)
		}
		t.Chdir(t.TempDir())
		db, err := sql.Open(pooled.DriverName, dsn[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("CREATE TABLE stock (n INTEGER)"); err != nil {
			t.Fatal(err)
		}
		var writers sync.WaitGroup
		for range 4 {
			writers.Go(func() {
				for range 10 {
					if err := readThenWrite(db); err != nil {
						t.Errorf("%s: %v", dsn[1], err)
					}
				}
			})
		}
		writers.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func readThenWrite(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM stock").Scan(&n); err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO stock VALUES (?)", n); err != nil {
		return err
	}
	return tx.Commit()
}
