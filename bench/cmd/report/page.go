package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/pooled-go/pooled/bench"
)

// section is a part of the page: a few words, charts, a table, what it means to a
// program, what was promised and how pooled stands against its peers.
type section struct {
	title       string
	text        string
	charts      []chart
	header      []string
	rows        [][]string
	results     []result
	targets     []target
	comparisons []comparison
	versions    []string // of what only this section compares with
}

// target is a promise and whether it was kept.
type target struct {
	what     string
	measured string
	promised string
	kept     bool
}

// comparison is what pooled takes, as a share of what a peer takes: 2 is twice as much.
type comparison struct {
	what, peer string
	ratio      bench.Series
}

func (s *section) chart(c chart) { s.charts = append(s.charts, c) }

func (s *section) row(cells ...string) { s.rows = append(s.rows, cells) }

func (s *section) promise(what string, measured any, promised string, kept bool) {
	s.targets = append(s.targets, target{what, fmt.Sprint(measured), promised, kept})
}

// against notes a comparison: more than 1 is worse. For a throughput give the
// peer's over pooled's.
func (s *section) against(what, peer string, ratio bench.Series) {
	s.comparisons = append(s.comparisons, comparison{what, peer, ratio})
}

func (s *section) write(w io.Writer) {
	fmt.Fprintf(w, "\n## %s\n\n%s\n\n", s.title, s.text)
	for _, c := range s.charts {
		fmt.Fprintf(w, "![%s](%s)\n\n", c.title, c.file)
	}
	if len(s.rows) > 0 {
		writeTable(w, s.header, s.rows)
	}
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

// writeLosses is the section that no benchmark of one's own should be without.
func writeLosses(w io.Writer, sections []section) {
	rows, compared := losses(sections)
	fmt.Fprint(w, "\n## Where pooled loses\n\n")
	if len(rows) == 0 {
		fmt.Fprintf(
			w,
			"Nowhere: in none of %d comparisons of this page does pooled do worse than a peer by more than the spread.\n",
			compared,
		)
		return
	}
	fmt.Fprintf(
		w,
		"pooled takes more than a peer in %d of %d comparisons of this page. The ratio is what pooled takes "+
			"to what the peer takes, in the same\n"+
			"run. Listed is each whose median is above 1 by more than its spread, which is the interval that "+
			"holds the median in 95 of 100\n"+
			"repetitions.\n\n",
		len(rows),
		compared,
	)
	writeTable(w, []string{"section", "what", "peer", "pooled to peer"}, rows)
}

// losses are the rows of that table, and how many comparisons there are.
func losses(sections []section) (rows [][]string, compared int) {
	for _, s := range sections {
		for _, c := range s.comparisons {
			compared++
			if c.lost() {
				rows = append(rows, []string{s.title, c.what, c.peer, interval(c.ratio, "%.2f")})
			}
		}
	}
	return rows, compared
}

// lost tells whether pooled is worse by more than the spread.
func (c comparison) lost() bool {
	low, _ := c.ratio.Interval()
	return low > 1
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
func spread(s bench.Series, format string) string { return between(s, format, s.Min(), s.Max()) }

// middle is a median with the quartiles, for many short runs, of which the machine
// disturbs some: "+92 (+88 … +97)".
func middle(s bench.Series, format string) string {
	low, high := s.Quartiles()
	return between(s, format, low, high)
}

// interval is a median with the interval that it can be trusted to be in.
func interval(s bench.Series, format string) string {
	low, high := s.Interval()
	return between(s, format, low, high)
}

func between(s bench.Series, format string, low, high float64) string {
	return fmt.Sprintf("%s ("+format+" … "+format+")", median(s, format), low, high)
}

func median(s bench.Series, format string) string { return fmt.Sprintf(format, s.Median()) }
