package integration

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var updateTables = flag.Bool("update-tables", false, "write the tables that tests make into the pages in docs")

// compareTable compares a table with the one that a page in docs has between <!-- name --> and <!-- /name -->.
func compareTable(t *testing.T, page, name, want string) {
	t.Helper()
	file, begin, end := "../docs/"+page, "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	have, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s: have no table between %q and %q, want one", file, begin, end)
	}
	switch {
	case have == want:
	case *updateTables:
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s (-update-tables writes it): have\n%s\nwant\n%s", file, have, want)
	}
}
