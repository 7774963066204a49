package docs_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var updateSupported = flag.Bool("update-supported", false, "write the tables of docs/supported.md")

// What a row may say.
const (
	inCI   = "in CI"
	byMake = "by `make test-servers`"
	byDocs = "by its documentation"
)

// ofDebian is what make test starts in CI, by the release of Debian in .github/workflows/ci.yml.
var ofDebian = map[string]struct{ name, postgres, mariadb, pgbouncer string }{
	"bookworm": {"Debian 12", "15", "10.11", "1.18"},
}

// only returns what the pattern's group finds in a file, in its only place.
func only(t *testing.T, file, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(readFile(t, file), -1)
	if len(found) != 1 {
		t.Fatalf("%s: have %d places like %s, want one", file, len(found), pattern)
	}
	return found[0][1]
}

// supportedServers has a row for each server and version: where it is tested without TLS, and where over TLS.
func supportedServers(t *testing.T) (rows [][]string) {
	t.Helper()
	debian, ok := ofDebian[only(t, ".github/workflows/ci.yml", `image: golang:[0-9.]+-([a-z]+)`)]
	if !ok {
		t.Fatal("have no versions of the servers of the Debian in ci.yml: add them to ofDebian")
	}
	const someTLS = inCI + ", those of TLS"
	rows = [][]string{
		{"PostgreSQL", debian.postgres, inCI, someTLS},
		{"MariaDB", debian.mariadb, inCI, someTLS},
		{"PgBouncer", debian.pgbouncer, inCI, ""},
		{"SQLite", "that of the drivers", inCI, ""},
		{"SQL Server", "", byDocs, byDocs},
		{"Vitess, TiDB, CockroachDB, YugabyteDB, Aurora, RDS Proxy, ProxySQL", "", byDocs, byDocs},
	}
	names := map[string]string{"postgres": "PostgreSQL", "mariadb": "MariaDB", "mysql": "MySQL", "pgbouncer": "PgBouncer",
		"galera": "Galera, MariaDB"}
	inEach := strings.Split(only(t, "Makefile", `(?m)^NEWER := (.*)$`), "+")
	for _, word := range strings.FieldsFunc(only(t, "Makefile", `foreach servers,([^,]*),`), func(r rune) bool {
		return strings.ContainsRune(" +\\\n\t", r)
	}) {
		kind, version, _ := strings.Cut(word, "-")
		row := []string{names[kind], version, byMake, byMake}
		if kind == "galera" {
			row[1] = debian.mariadb
		}
		switch {
		case slices.Contains(inEach, word) && slices.Contains(inEach, "tls"):
			row[3] = inCI
		case slices.Contains(inEach, word):
			row[2] = inCI
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b []string) int {
		return slices.Compare(serverOrder(a), serverOrder(b))
	})
	return rows
}

// serverOrder sorts by server, and then by version.
func serverOrder(row []string) []int {
	order := []string{"PostgreSQL", "MySQL", "MariaDB", "Galera, MariaDB", "PgBouncer", "SQLite", "SQL Server"}
	var major, minor int
	fmt.Sscanf(row[1], "%d.%d", &major, &minor)
	at := slices.Index(order, row[0])
	if at < 0 {
		at = len(order)
	}
	return []int{at, major, minor}
}

// supportedDrivers has a row for each driver.
func supportedDrivers(t *testing.T) (rows [][]string) {
	t.Helper()
	for _, d := range [][3]string{
		{"github.com/lib/pq", "PostgreSQL", inCI},
		{"github.com/jackc/pgx/v5", "PostgreSQL", inCI},
		{"github.com/go-sql-driver/mysql", "MySQL, MariaDB", inCI},
		{"modernc.org/sqlite", "SQLite", inCI},
		{"github.com/mattn/go-sqlite3", "SQLite", inCI},
		{"github.com/microsoft/go-mssqldb", "SQL Server", inCI + ": what pooled sends, without a server"},
	} {
		version := only(t, "integration/go.mod", `(?m)^\t`+regexp.QuoteMeta(d[0])+` v(\S+)$`)
		rows = append(rows, []string{d[0], version, d[1], d[2]})
	}
	return rows
}

// supportedSystems has a row for each operating system, and for Go.
func supportedSystems(t *testing.T) [][]string {
	t.Helper()
	version := only(t, "go.mod", `(?m)^go ([0-9]+\.[0-9]+)`)
	if image := only(t, ".github/workflows/ci.yml", `image: golang:([0-9.]+)`); image != version {
		t.Errorf("CI has Go %s, go.mod %s", image, version)
	}
	rows := [][]string{
		{"Go", version + " and newer", inCI},
		{"Linux", ofDebian[only(t, ".github/workflows/ci.yml", `image: golang:[0-9.]+-([a-z]+)`)].name, inCI},
		{"macOS, Windows", "", inCI + ": the tests that need no server"},
		{"FreeBSD", "", "compiled and vetted " + inCI},
	}
	if have := only(t, ".github/workflows/ci.yml", `(?m)^ +os: (.*)$`); have != "[macos-latest, windows-latest]" {
		t.Errorf("the workflow runs tests on %s, which is not what these rows say", have)
	}
	if have := only(t, "Makefile", `(?m)^PLATFORMS := (.*)$`); have != "linux darwin windows freebsd" {
		t.Errorf("the Makefile vets for %s, which is not what these rows say", have)
	}
	return rows
}

// README's short form names all versions that are tested.
func TestREADMESupported(t *testing.T) {
	_, section, _ := strings.Cut(readFile(t, "README.md"), "\n## What is tested\n")
	section, _, _ = strings.Cut(section, "\n## ")
	versions := map[string][]string{}
	for _, row := range supportedServers(t) {
		if row[2] != byDocs {
			versions[row[0]] = append(versions[row[0]], row[1])
		}
	}
	for _, name := range []string{"PostgreSQL", "MySQL", "MariaDB", "PgBouncer"} {
		want := name + " " + strings.Join(versions[name], " and ")
		if name == "PostgreSQL" {
			want = name + " " + versions[name][0] + " to " + versions[name][len(versions[name])-1]
		}
		if !strings.Contains(section, want) {
			t.Errorf("README.md: have no %q in\n%s", want, section)
		}
	}
	if want := "Go " + supportedSystems(t)[0][1]; !strings.Contains(section, strings.TrimSuffix(want, " and newer")) {
		t.Errorf("README.md: have no %q in\n%s", want, section)
	}
}

func markdownTable(head string, rows [][]string) string {
	var b strings.Builder
	b.WriteString(head + "\n" + regexp.MustCompile(`[^|]+`).ReplaceAllString(head, "---") + "\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return strings.ReplaceAll(b.String(), "|  |", "| |")
}

// TestSupported compares the tables of docs/supported.md with the Makefile, the go.mod files and CI. They are written
// by go test -run TestSupported ./docs -update-supported
func TestSupported(t *testing.T) {
	const page = "docs/supported.md"
	text := readFile(t, page)
	have := text
	for name, table := range map[string]string{
		"servers": markdownTable("| server | version | without TLS | over TLS |", supportedServers(t)),
		"drivers": markdownTable("| driver | version | for | tested |", supportedDrivers(t)),
		"systems": markdownTable("| what | version | tested |", supportedSystems(t)),
	} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s: have no table between %q and %q, want one", page, begin, end)
		}
		text = before + begin + table + end + after
	}
	if have == text {
		return
	}
	if *updateSupported {
		if err := os.WriteFile(filepath.Join(root, page), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s's tables (-update-supported writes them): have\n%s\nwant\n%s", page, have, text)
}
