package docs_test

import (
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
)

var inBackquotes = regexp.MustCompile("`([^`]+)`")

// Each example of several hosts is understood, as hosts in the order of the DSN.
func TestDSNSeveralHosts(t *testing.T) {
	_, section, _ := strings.Cut(readFile(t, "docs/dsn.md"), "\n## Several hosts\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var have []string
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || !strings.Contains(line, "`") {
			continue
		}
		dsn := inBackquotes.FindStringSubmatch(line)[1]
		db, err := sql.Open(pooled.DriverName, dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		pool, _ := pooled.PoolOf(db)
		for _, h := range pool.Hosts() {
			have = append(have, h.Name)
		}
		db.Close()
	}
	want := []string{"db1:5432", "db2:5432", "db1:5432", "db2:5433", "db1:5432", "db2:5433",
		"/run/postgresql/.s.PGSQL.5432", "/run/standby/.s.PGSQL.5432", "db1:3306", "db2:3306", "db1:3306", "db2:3307"}
	if !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

// Each mistake of docs/dsn.md is refused, and what to write in its place is not.
func TestDSNMistakes(t *testing.T) {
	_, section, _ := strings.Cut(readFile(t, "docs/dsn.md"), "\n## Common mistakes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || !strings.HasPrefix(line, "| `") {
			continue
		}
		rows++
		wrong := inBackquotes.FindStringSubmatch(cells[0])[1]
		if refusal(wrong) == nil {
			t.Errorf("%s is accepted, want it refused", wrong)
		}
		for _, right := range inBackquotes.FindAllStringSubmatch(cells[2], -1) {
			if err := refusal(right[1]); err != nil {
				t.Errorf("%s: have %v, want it accepted", right[1], err)
			}
		}
	}
	if rows < 10 {
		t.Errorf("have %d mistakes, want those of the table", rows)
	}
}

// refusal is the error of making a pool, which dials nothing.
func refusal(dsn string) error {
	db, err := sql.Open(pooled.DriverName, dsn)
	if err == nil {
		err = db.Close()
	}
	return err
}
