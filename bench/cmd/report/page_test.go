package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/bench"
)

// The page begins with what it means to a program, and ends with the project's own targets.
func TestPageBeginsWithTheResult(t *testing.T) {
	s := section{title: "Speed", text: "Measured.", header: []string{"what", "ns"}}
	s.row("Exec", "20")
	s.result("Exec", "%.0f ns", bench.Series{10, 11, 12}, bench.Series{20, 21, 22})
	s.count("sent twice", 7, 0)
	s.promise("Exec", 21, "at most 20", false)
	s.promise("sent twice", 0, "0", true)
	s.against("Exec", "bare", bench.Series{1.9, 2, 2.1, 1.9, 2, 2.1, 2})
	s.against("Exec", "others", bench.Series{0.5, 0.6, 0.5, 0.6, 0.5, 0.6, 0.5})
	var page strings.Builder
	writePage(&page, mainPage, full, [][2]string{{"Go", "go1.26"}}, []section{s}, 2)

	var headings []string
	for line := range strings.Lines(page.String()) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			headings = append(headings, strings.TrimSpace(heading))
		}
	}
	want := []string{"In short", "How it was measured", "Speed", "Where pooled loses", "Targets"}
	if !slices.Equal(headings, want) {
		t.Errorf("have the sections %q, want %q", headings, want)
	}
	for _, want := range []string{
		"| Exec | 11 ns | 21 ns |\n", "| sent twice | 7 | 0 |\n",
		"in 1 of 2 comparisons", "misses 1 of its 2 own [targets]",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("have\n%s\nwant in it %q", page.String(), want)
		}
	}
}
