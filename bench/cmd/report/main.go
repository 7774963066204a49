// Command report runs every measurement side by side and prints a page in
// Markdown: what it means to a program first, then the figures that this comes
// from, the project's own targets last.
//
//	scripts/with-servers go -C bench run ./cmd/report
//	scripts/with-servers go -C bench run ./cmd/report -part kill
//	scripts/with-servers go -C bench run ./cmd/report -o ../docs/benchmarks
//
// Without servers it measures what needs none, and says so. The last one also
// draws the charts.
//
// What becomes of callers while their server is away is a page of its own, since it takes as long again:
//
//	scripts/with-servers go -C bench run ./cmd/report -outages -o ../docs/benchmarks
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pooled-go/pooled/bench"
)

// settings are how long and how often.
type settings struct {
	pairs    int           // runs of each contender of a load
	slices   int           // runs of each contender over the null driver
	slice    time.Duration // the length of each of these
	load     time.Duration // of an open-loop run
	burst    time.Duration // of one that is over when the pool is warm
	saturate time.Duration // of a saturated run
	contend  time.Duration // of a contention run
	kill     time.Duration // of a run under kills
	recycle  time.Duration // of a run while connections are renewed
	database bench.DatabasePlan
	alone    bench.AlonePlan
	waiters  int
	outages  outagePlan
	parts    []string // only these; empty: all
}

var (
	full = settings{pairs: 7, slices: 201, slice: 5 * time.Millisecond, load: 5 * time.Second,
		burst: 400 * time.Millisecond, saturate: 500 * time.Millisecond, contend: 2 * time.Second, kill: 2 * time.Second,
		recycle: 4500 * time.Millisecond, database: bench.DatabasePlan{Starts: 5, Warm: 40 * time.Millisecond, Turns: 7, Turn: 20 * time.Millisecond},
		alone: bench.AlonePlan{Starts: 3, Slice: 10 * time.Millisecond, Warm: 3 * time.Second}, waiters: 100_000,
		outages: outagePlan{rounds: 3, crash: 3 * time.Second, long: time.Minute, after: 6 * time.Second,
			hole:      bench.HolePlan{PerSecond: 200, FindOut: 5 * time.Second, Measured: 5 * time.Second},
			readiness: bench.ReadinessPlan{Every: time.Second, Busy: 30, Stopped: 10}}}
	quick = settings{pairs: 2, slices: 101, slice: 2 * time.Millisecond, load: time.Second,
		burst: 200 * time.Millisecond, saturate: 200 * time.Millisecond, contend: 300 * time.Millisecond, kill: time.Second,
		recycle: 2500 * time.Millisecond, database: bench.DatabasePlan{Starts: 1, Warm: 20 * time.Millisecond, Turns: 3, Turn: 10 * time.Millisecond},
		alone: bench.AlonePlan{Starts: 1, Slice: 2 * time.Millisecond, Warm: 300 * time.Millisecond}, waiters: 10_000,
		outages: outagePlan{rounds: 1, crash: time.Second, long: 15 * time.Second, after: 6 * time.Second,
			hole:      bench.HolePlan{PerSecond: 200, FindOut: 4 * time.Second, Measured: time.Second},
			readiness: bench.ReadinessPlan{Every: time.Second, Busy: 3, Stopped: 10}}}
)

func (how settings) wants(part string) bool {
	return len(how.parts) == 0 || slices.Contains(how.parts, part)
}

// outagePlan is how often the server goes away, and for how long.
type outagePlan struct {
	rounds             int
	crash, long, after time.Duration
	hole               bench.HolePlan
	readiness          bench.ReadinessPlan
}

func main() {
	var (
		fast = flag.Bool("quick", false, "runs too short to mean anything, to see that it works")
		out  = flag.String("o", "", "also write the page, README.md or outages.md, and its charts to this `directory`")
		away = flag.Bool("outages", false, "what happens while the server is away, instead of all else")
		part = flag.String("part", "", "only these `parts`, with commas between: "+strings.Join(partNames(mainPage), ", ")+
			"; with -outages: "+strings.Join(partNames(outagePage), ", "))
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	how := full
	if *fast {
		how = quick
	}
	if *part != "" {
		how.parts = strings.Split(*part, ",")
	}
	what := mainPage
	if *away {
		what = outagePage
	}
	if err := report(ctx, what, how, *out); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func report(ctx context.Context, p page, how settings, directory string) error {
	for _, name := range how.parts {
		if !slices.Contains(partNames(p), name) {
			return fmt.Errorf("no part %q", name)
		}
	}
	text, sections, err := measure(ctx, p, how)
	if err != nil {
		return err
	}
	if _, err = os.Stdout.Write(text); err != nil || directory == "" {
		return err
	}
	return publish(directory, p.file, text, sections)
}

// page is what is written to one file. Its parts are measured one after another.
type page struct {
	file, title string
	figures     string // says what the figures are
	runs        func(settings) string
	alone       []part       // with no server, or with those that they start themselves
	servers     []serverPart // for each server of scripts/with-servers
}

type part struct {
	name string
	run  func(context.Context, settings) (section, error)
}

var mainPage = page{
	file: "README.md", title: "Benchmarks",
	figures: "A figure is the\nmedian of its runs. A ratio or a difference is taken within each pair of runs: " +
		"what is shown is the median over the pairs (smallest … largest).\n" +
		"The thin line in a chart is the range, smallest … largest. Where there are many short runs it is the " +
		"quartiles.",
	runs: func(how settings) string {
		return fmt.Sprintf("%d pairs under load, %d over the null driver", how.pairs, how.slices)
	},
	alone: []part{
		{"overhead", nullCosts},
		{"alone", aloneCosts},
		{"watched", watchedCosts},
		{"open", openCosts},
		{"memory", idleMemory},
		{"waiters", waiters},
		{"contention", contention},
		{"recycle", recycled},
	},
	servers: serverParts,
}

// outagePage has no parts where servers can't be ended and started.
var outagePage = page{
	file: "outages.md", title: "Benchmarks of outages",
	figures: "A figure is the\nmedian of its runs (smallest … largest).",
	runs:    func(how settings) string { return fmt.Sprintf("%d of each contender", how.outages.rounds) },
	alone:   outageParts,
}

func partNames(p page) []string {
	var names []string
	for _, part := range p.alone {
		names = append(names, part.name)
	}
	for _, part := range p.servers {
		names = append(names, part.name)
	}
	return names
}

// publish writes the page and its charts.
func publish(directory, file string, text []byte, sections []section) error {
	if err := os.MkdirAll(directory, 0o777); err != nil {
		return err
	}
	for _, s := range sections {
		for _, c := range s.charts {
			if err := os.WriteFile(filepath.Join(directory, c.file), c.svg(), 0o666); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(directory, file), text, 0o666)
}

// measure makes the page. What needs no server comes first, while none has run.
func measure(ctx context.Context, what page, how settings) ([]byte, []section, error) {
	began := time.Now()
	env := environment()
	var sections []section
	for _, p := range what.alone {
		if !how.wants(p.name) {
			continue
		}
		s, err := p.run(ctx, how)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.name, err)
		}
		sections = append(sections, s)
		for _, version := range s.versions {
			if line := [2]string{"peer", version}; !slices.Contains(env, line) {
				env = append(env, line)
			}
		}
	}
	servers := bench.Servers()
	for _, s := range servers {
		more, version, err := measureServer(ctx, what.servers, how, s)
		if err != nil {
			return nil, nil, err
		}
		sections = append(sections, more...)
		env = append(env, [2]string{s.Name, version})
	}
	env = append(env, [2]string{"runs", fmt.Sprintf("%s, taken in turns, %v altogether",
		what.runs(how), time.Since(began).Round(time.Second))})
	var text bytes.Buffer
	writePage(&text, what, how, env, sections, len(servers))
	return text.Bytes(), sections, nil
}

func writePage(w io.Writer, what page, how settings, env [][2]string, sections []section, servers int) {
	fmt.Fprintf(w, "# %s\n\n", what.title)
	writeWarnings(w, how, servers)
	writeResults(w, sections)
	fmt.Fprintf(w, "\n## How it was measured\n\n`make bench REPORT=docs/benchmarks` makes this page. "+
		"Contenders that are compared took turns in one run. %s\n\n", what.figures)
	for _, line := range env {
		fmt.Fprintf(w, "- %s: %s\n", line[0], line[1])
	}
	for _, s := range sections {
		s.write(w)
	}
	if _, compared := losses(sections); compared > 0 {
		writeLosses(w, sections)
	}
	writeTargets(w, sections)
}

// writeWarnings says what keeps the page from being of use.
func writeWarnings(w io.Writer, how settings, servers int) {
	if how.pairs == quick.pairs {
		fmt.Fprint(w, "**A quick run: too short to mean anything.**\n\n")
	}
	if servers < 2 {
		fmt.Fprint(w, "**Not all servers were there: scripts/with-servers starts them.**\n\n")
	}
}

// step tells somebody who waits what is going on.
func step(format string, args ...any) { fmt.Fprintf(os.Stderr, "report: "+format+"\n", args...) }
