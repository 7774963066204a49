package main

import (
	"fmt"
	"io"

	"github.com/pooled-go/pooled/bench"
)

// result is what a section means to a program: a figure of database/sql alone, and pooled's.
type result struct{ what, bare, pooled string }

// result notes two figures of the same format.
func (s *section) result(what, format string, bare, pooled bench.Series) {
	s.results = append(s.results, result{what, median(bare, format), median(pooled, format)})
}

// count notes two sums.
func (s *section) count(what string, bare, pooled int) {
	s.result(what, "%.0f", bench.Series{float64(bare)}, bench.Series{float64(pooled)})
}

// writeResults is what the page begins with: what a program wins and what it pays.
func writeResults(w io.Writer, sections []section) {
	var rows [][]string
	for _, s := range sections {
		for _, r := range s.results {
			rows = append(rows, []string{r.what, r.bare, r.pooled})
		}
	}
	fmt.Fprint(w, "## In short\n\nWhat a program gains with pooled, and what it costs. Both use the same driver.\n\n")
	writeTable(w, []string{"", "database/sql alone", "with pooled"}, rows)
	lost, compared := losses(sections)
	missed, targets := missedTargets(sections)
	if compared > 0 {
		fmt.Fprintf(w, "\npooled takes more than a peer in %d of %d comparisons: [where pooled loses](#where-pooled-loses).",
			len(lost), compared)
	}
	fmt.Fprintf(w, "\nIt misses %d of its %d own [targets](#targets).\n", missed, targets)
}

func missedTargets(sections []section) (missed, all int) {
	for _, s := range sections {
		for _, t := range s.targets {
			all++
			if !t.kept {
				missed++
			}
		}
	}
	return missed, all
}
