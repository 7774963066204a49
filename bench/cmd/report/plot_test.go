package main

import (
	"encoding/xml"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/bench"
)

// A chart is well-formed XML with every name, every figure and the unit in it.
func TestChart(t *testing.T) {
	for _, logarithmic := range []bool{false, true} {
		c := chart{
			file: "c.svg", title: "What it costs", unit: "ns/op", log: logarithmic,
			groups: []string{"Exec", "Query, <2 goroutines>"},
			series: []chartSeries{
				ranged("bare", bench.Series{200, 123, 900}, bench.Series{456}),
				quartiled("pooled", bench.Series{7890}, bench.Series{math.NaN()}),
			},
		}
		text := textOf(t, c.svg())
		for _, want := range []string{"What it costs", "ns/op", "Exec", "Query, <2 goroutines>", "bare", "pooled", "200", "456", "7,890"} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("log=%t: no %q in the chart; its text:\n%s", logarithmic, want, text)
			}
		}
		if strings.Contains(text, "NaN") {
			t.Errorf("log=%t: a missing value has a bar", logarithmic)
		}
	}
}

func TestChartWithoutValues(t *testing.T) {
	c := chart{title: "Nothing", groups: []string{"a"}, series: []chartSeries{ranged("none", bench.Series{})}}
	if text := textOf(t, c.svg()); strings.Contains(text, "NaN") {
		t.Error(text)
	}
}

// textOf is the text of all elements, a line each.
func textOf(t *testing.T, picture []byte) string {
	t.Helper()
	var text strings.Builder
	for d := xml.NewDecoder(strings.NewReader(string(picture))); ; {
		token, err := d.Token()
		if err == io.EOF {
			return text.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := token.(xml.CharData); ok {
			text.Write(append(data, '\n'))
		}
	}
}

func TestPublish(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "new")
	var s section
	s.chart(chart{file: "one.svg", groups: []string{"a"}, series: []chartSeries{ranged("b", bench.Series{1})}})
	if err := publish(directory, "README.md", []byte("page"), []section{s}); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"README.md", "one.svg"} {
		if have, err := os.ReadFile(filepath.Join(directory, file)); err != nil || len(have) == 0 {
			t.Errorf("%s: %d bytes, %v", file, len(have), err)
		}
	}
}

// Listed is a comparison that is lost for certain, and no other.
func TestLosses(t *testing.T) {
	for _, test := range []struct {
		name string
		runs bench.Series
		lost bool
	}{
		{"always worse", bench.Series{1.1, 1.2, 1.3, 1.2, 1.1, 1.4, 1.2}, true},
		{"once better", bench.Series{1.1, 1.2, 0.9, 1.2, 1.1, 1.4, 1.2}, false},
		{"better", bench.Series{0.5, 0.6, 0.5, 0.6, 0.5, 0.6, 0.5}, false},
		{"not measured", nil, false},
	} {
		s := section{title: "S"}
		s.against(test.name, "peer", test.runs)
		var page strings.Builder
		writeLosses(&page, []section{s})
		if have := strings.Contains(page.String(), "| S | "+test.name+" | peer |"); have != test.lost {
			t.Errorf("%s: listed %t, want %t:\n%s", test.name, have, test.lost, page.String())
		}
		if have := strings.Contains(page.String(), "Nowhere"); have == test.lost {
			t.Errorf("%s: says nowhere %t", test.name, have)
		}
	}
}
