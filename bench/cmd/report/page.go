package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/pooled-go/pooled/bench"
)

// section is a part of the page: a few words, a table, and what was promised.
type section struct {
	title   string
	text    string
	header  []string
	rows    [][]string
	targets []target
}

// target is a promise and whether it was kept.
type target struct {
	what     string
	measured string
	promised string
	kept     bool
}

func (s *section) row(cells ...string) { s.rows = append(s.rows, cells) }

func (s *section) promise(what string, measured any, promised string, kept bool) {
	s.targets = append(s.targets, target{what, fmt.Sprint(measured), promised, kept})
}

func (s *section) write(w io.Writer) {
	fmt.Fprintf(w, "\n## %s\n\n%s\n\n", s.title, s.text)
	writeTable(w, s.header, s.rows)
}

func writeTargets(w io.Writer, sections []section) {
	var rows [][]string
	for _, s := range sections {
		for _, t := range s.targets {
			met := "yes"
			if !t.kept {
				met = "**no**"
			}
			rows = append(rows, []string{t.what, t.measured, t.promised, met})
		}
	}
	fmt.Fprint(w, "\n## Targets\n\n")
	writeTable(w, []string{"what", "measured", "target", "met"}, rows)
}

func writeTable(w io.Writer, header []string, rows [][]string) {
	writeRow(w, header)
	fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(header)))
	for _, r := range rows {
		writeRow(w, r)
	}
}

func writeRow(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

// spread is a median with its range: "12.3 (11.9 … 14.0)".
func spread(s bench.Series, format string) string {
	f := func(v float64) string { return fmt.Sprintf(format, v) }
	return fmt.Sprintf("%s (%s … %s)", f(s.Median()), f(s.Min()), f(s.Max()))
}

// middle is a median with the quartiles, for many short runs, of which the machine
// disturbs some: "+92 (+88 … +97)".
func middle(s bench.Series, format string) string {
	low, high := s.Quartiles()
	return fmt.Sprintf("%s ("+format+" … "+format+")", median(s, format), low, high)
}

func median(s bench.Series, format string) string { return fmt.Sprintf(format, s.Median()) }
