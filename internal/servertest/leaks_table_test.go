package servertest_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var updateLeaks = flag.Bool("update-leaks", false, "write what leaks into docs/reset.md")

const leaksPage = "../../docs/reset.md"

// checkLeakTable compares the page's table of one server with what was found.
// go test ./internal/servertest -run TestLeakMatrix -update-leaks writes it.
func checkLeakTable(t *testing.T, server string, states []state, leaks [][]bool) {
	t.Helper()
	begin, end := fmt.Sprintf("<!-- leaks %s -->\n", server), fmt.Sprintf("<!-- /leaks %s -->", server)
	page, err := os.ReadFile(leaksPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	have, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s: have no table between %q and %q, want one", leaksPage, begin, end)
	}
	want := leakTable(states, leaks, have)
	switch {
	case have == want:
	case *updateLeaks:
		if err := os.WriteFile(leaksPage, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s (-update-leaks writes it): have\n%s\nwant\n%s", leaksPage, have, want)
	}
}

// leakTable is the table, the states of a kind together. The row of a state that this server can't have is taken from
// the page: another server shows what it is.
func leakTable(states []state, leaks [][]bool, page string) string {
	var b strings.Builder
	b.WriteString("| left behind | bare |")
	for _, c := range contenders[1:] {
		fmt.Fprintf(&b, " `%s` |", c.mode)
	}
	b.WriteString("\n|" + strings.Repeat("---|", 1+len(contenders)) + "\n")
	for _, kind := range []struct {
		title string
		is    func(state) bool
	}{
		{"in a transaction left open", func(s state) bool { return s.tx }},
		{"in the session, visible in the statement's text", func(s state) bool { return !s.tx && !s.hidden && !s.beyond }},
		{"in the session, not visible in the text", func(s state) bool { return s.hidden }},
		{"in the session, not undone by the server's own reset", func(s state) bool { return s.beyond }},
	} {
		fmt.Fprintf(&b, "| **%s** |%s\n", kind.title, strings.Repeat(" |", len(contenders)))
		for i, s := range states {
			if !kind.is(s) {
				continue
			}
			if s.absent {
				b.WriteString(rowOf(page, s.name))
				continue
			}
			fmt.Fprintf(&b, "| %s |", s.name)
			for _, leak := range leaks[i] {
				b.WriteString(map[bool]string{true: " leaks |", false: " clean |"}[leak])
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// rowOf is the line of a table that begins with a name, empty if there is none.
func rowOf(table, name string) string {
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| "+name+" |") {
			return line
		}
	}
	return ""
}
