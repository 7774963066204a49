package docs_test

import (
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	figure      = regexp.MustCompile(`\d[\d,]*(\.\d+)?`)
	mdReference = regexp.MustCompile(`\]\[(\w+)\]`)
	figureRows  = regexp.MustCompile(`(?ms)^\| what happens \|.*?\n\n`)
)

// Each figure in README.md's table of what goes wrong without pooled stands in the section that its row leads to, there
// perhaps with more digits.
func TestREADMEFigures(t *testing.T) {
	readme := readFile(t, "README.md")
	targets := map[string]string{}
	for _, found := range mdTarget.FindAllStringSubmatch(readme, -1) {
		targets[found[1]] = found[2]
	}
	table := figureRows.FindString(readme)
	rows := strings.Split(strings.TrimSpace(table), "\n")
	if len(rows) < 10 {
		t.Fatalf("have %d lines in the table of figures, want a head and eight rows", len(rows))
	}
	for _, row := range rows[2:] {
		ref := mdReference.FindStringSubmatch(row)
		if ref == nil || targets[ref[1]] == "" {
			t.Errorf("%s: have no link to how it was measured", row)
			continue
		}
		checkFigures(t, row, targets[ref[1]])
	}
}

func checkFigures(t *testing.T, row, link string) {
	t.Helper()
	file, anchor, _ := strings.Cut(link, "#")
	if file == "" {
		file = "README.md"
	}
	cells := strings.Split(inlineCode.ReplaceAllString(row, ""), "|")
	if len(figures(cells[2]+cells[3])) == 0 {
		t.Errorf("%s: want a measured figure", row)
	}
	section := sectionOf(readFile(t, filepath.Clean(file)), anchor)
	for _, want := range figures(cells[2] + " " + cells[3]) {
		if !slices.ContainsFunc(figures(section), func(have string) bool { return rounds(have, want) }) {
			t.Errorf("%s: %s is not in %s", row, want, link)
		}
	}
}

func figures(text string) (all []string) {
	for _, f := range figure.FindAllString(text, -1) {
		all = append(all, strings.ReplaceAll(strings.Trim(f, ","), ",", ""))
	}
	return all
}

// rounds tells whether exact, in as many digits as rounded has, is rounded.
func rounds(exact, rounded string) bool {
	_, decimals, _ := strings.Cut(rounded, ".")
	have, err := strconv.ParseFloat(exact, 64)
	want, err2 := strconv.ParseFloat(rounded, 64)
	scale := math.Pow10(len(decimals))
	return err == nil && err2 == nil && math.Round(have*scale) == math.Round(want*scale)
}

// sectionOf is the part of a page from the heading of an anchor to the next heading of any level.
func sectionOf(page, anchor string) string {
	var section strings.Builder
	in := false
	for line := range strings.Lines(page) {
		if h := mdHeading.FindString(line); h != "" {
			in = anchors(h)[anchor]
		}
		if in {
			section.WriteString(line)
		}
	}
	return section.String()
}

// The pages of docs/benchmarks open with the result and end with the targets, and each figure of the result is one of
// the page's.
func TestBenchmarksOpenWithTheResult(t *testing.T) {
	for _, name := range []string{"docs/benchmarks/README.md", "docs/benchmarks/outages.md"} {
		page := readFile(t, name)
		headings := mdHeading.FindAllStringSubmatch(page, -1)
		if first, last := headings[1][1], headings[len(headings)-1][1]; first != "In short" || last != "Targets" {
			t.Errorf("%s: have the first section %s and the last %s, want In short and Targets", name, first, last)
		}
		short := sectionOf(page, "in-short")
		measured := figures(strings.Replace(page, short, "", 1))
		for line := range strings.Lines(short) {
			cells := strings.Split(line, "|")
			if len(cells) != 5 {
				continue
			}
			for _, want := range figures(cells[2] + cells[3]) {
				if !slices.ContainsFunc(measured, func(have string) bool { return rounds(have, want) }) {
					t.Errorf("%s: In short: %s: %s is nowhere else on the page", name, line, want)
				}
			}
		}
	}
}

func TestRounds(t *testing.T) {
	for _, tt := range []struct {
		exact, rounded string
		want           bool
	}{
		{"20992.32", "20992", true},
		{"20992.32", "20993", false},
		{"1.86", "1.86", true},
		{"1.864", "1.86", true},
		{"1.87", "1.86", false},
		{"100", "1000", false},
	} {
		if have := rounds(tt.exact, tt.rounded); have != tt.want {
			t.Errorf("%s as %s: have %t, want %t", tt.exact, tt.rounded, have, tt.want)
		}
	}
}

var leaksTable = regexp.MustCompile(`(?s)<!-- leaks \w+ -->\n(.*?)<!-- /leaks \w+ -->`)

// The sums that docs/reset.md states are those of its tables.
func TestResetSums(t *testing.T) {
	page := readFile(t, "docs/reset.md")
	columns := []string{"bare", "none", "rollback", "auto", "session"}
	kinds, leaks := 0, map[string]int{}
	for _, table := range leaksTable.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(table[1]) {
			cells := strings.Split(line, "|")
			if len(cells) != 8 || strings.TrimSpace(cells[2]) == "" || !strings.Contains(line, "leaks") {
				continue
			}
			if strings.Contains(cells[1], "left behind") {
				continue
			}
			kinds++
			for i, column := range columns {
				if strings.TrimSpace(cells[i+2]) == "leaks" {
					leaks[column]++
				}
			}
		}
	}
	n := strconv.Itoa
	want := "The next caller finds " + n(leaks["bare"]) + " of " + n(kinds) + " kinds with the driver alone, " +
		n(leaks["rollback"]) + " with `rollback`, " + n(leaks["auto"]) + " with `auto` and " + n(leaks["session"]) +
		" with `session`."
	if !strings.Contains(page, want) || leaks["none"] != kinds {
		t.Errorf("docs/reset.md: want the sentence %q", want)
	}
}
