//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/bench"
)

func TestFigures(t *testing.T) {
	for have, want := range map[string]string{
		figure(bench.Series{7, 7, 7}, "%.0f"):               "7",
		figure(bench.Series{7.1, 7.2, 7.4}, "%.0f"):         "7",
		figure(bench.Series{5, 7, 8}, "%.0f"):               "7 (5 … 8)",
		or(bench.Series{1, -1, 2}, "%.0f s", "never"):       "never",
		or(bench.Series{1.5, 1.5}, "%.1f s", "never"):       "1.5 s",
		dialed(bench.Series{-1}):                            "not counted",
		kinds(crashes{crashWith(bench.Lost, "", "")}.kind):  "1 lost",
		kinds(crashes{crashWith("", "")}.kind):              "",
		kinds(crashes{crashWith("read-only", "lost")}.kind): "1 lost, 1 read-only",
	} {
		if have != want {
			t.Errorf("have %q, want %q", have, want)
		}
	}
}

// crashWith is a run with a request for each of these outcomes.
func crashWith(kinds ...bench.Kind) (c bench.Crash) {
	for _, k := range kinds {
		c.Requests = append(c.Requests, bench.Request{Due: time.Now(), End: time.Now(), Kind: k})
	}
	return c
}

// A promise is kept or not by the worst run, and nobody's misfortune but pooled's own counts.
func TestCrashPromises(t *testing.T) {
	good, bad := crashWith(bench.Lost, ""), crashWith(bench.Lost, bench.Refused)
	good.InFlight, good.Dials = 1, 40
	bad.InFlight, bad.Dials = 1, 41
	for _, is := range []struct {
		pooled crashes
		missed int
	}{{crashes{good, good, good}, 0}, {crashes{good, bad, good}, 3}} {
		var s section
		s.crashPromises("PostgreSQL", bench.CrashPlan{}, crashes{bad, bad, bad}, is.pooled)
		if missed, all := missedTargets([]section{s}); missed != is.missed || all != 4 {
			t.Errorf("have %d of %d missed, want %d of 4: %+v", missed, all, is.missed, s.targets)
		}
	}
}

// The page on outages compares by tables alone.
func TestPageWithoutComparisons(t *testing.T) {
	var text strings.Builder
	writePage(&text, outagePage, full, nil, []section{{title: "A crash", text: "Measured."}}, 2)
	if page := text.String(); !strings.HasPrefix(page, "# Benchmarks of outages\n") || strings.Contains(page, "loses") {
		t.Errorf("have\n%s", page)
	}
}
