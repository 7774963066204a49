package integration

import (
	"database/sql"
	"os"
	"strconv"
	"strings"
	"testing"
)

// A DSN that is wrong is refused, whichever drivers the program has. Only what is registered makes a difference: an
// error about a missing driver goes away, and one about missing hooks names others.
func TestWrongDSNsWithEveryDriver(t *testing.T) {
	text, err := os.ReadFile("../internal/dsn/testdata/wrong.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	checked := 0
	for i, line := range lines[1:] {
		want, isError := strings.CutPrefix(line, "\t")
		dsn := lines[i]
		if strings.HasPrefix(dsn, `"`) {
			dsn, _ = strconv.Unquote(dsn)
		}
		if !isError || strings.Contains(want, "registered") || strings.TrimSpace(dsn) == "" {
			continue
		}
		checked++
		db, err := sql.Open("pooled", dsn)
		if err == nil {
			db.Close()
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: have %v, want %s", dsn, err, want)
		}
	}
	if checked < 200 {
		t.Errorf("have checked %d, want nearly all", checked)
	}
}
