package docs_test

import (
	"database/sql"
	"regexp"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
)

var inBackquotes = regexp.MustCompile("`([^`]+)`")

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
