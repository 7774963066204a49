// Command report runs every measurement side by side and prints a page in
// Markdown: the targets first, then the figures they come from.
//
//	scripts/with-servers go -C bench run ./cmd/report
//	scripts/with-servers go -C bench run ./cmd/report -part kill
//
// Without servers it measures what needs none, and says so.
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
	"time"

	"github.com/pooled-go/pooled/bench"
)

// settings are how long and how often.
type settings struct {
	pairs    int           // runs of each contender of a load
	slices   int           // runs of each contender over the null parent
	slice    time.Duration // the length of each of these
	load     time.Duration // of an open-loop run
	saturate time.Duration // of a saturated run
	contend  time.Duration // of a contention run
	kill     time.Duration // of a run under kills
	part     string        // only this part; empty: all
}

var (
	full  = settings{pairs: 7, slices: 201, slice: 5 * time.Millisecond, load: 8 * time.Second, saturate: 1500 * time.Millisecond, contend: time.Second, kill: 2 * time.Second}
	quick = settings{pairs: 2, slices: 101, slice: 2 * time.Millisecond, load: time.Second, saturate: 200 * time.Millisecond, contend: 300 * time.Millisecond, kill: time.Second}
)

func main() {
	var (
		fast = flag.Bool("quick", false, "runs too short to mean anything, to see that it works")
		out  = flag.String("o", "", "also write the page to this `file`")
		part = flag.String("part", "", "only this `part` of what needs servers: overload, saturated, kill, openloop")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	how := full
	if *fast {
		how = quick
	}
	how.part = *part
	if err := report(ctx, how, *out); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func report(ctx context.Context, how settings, file string) error {
	if err := knownPart(how.part); err != nil {
		return err
	}
	page, err := measure(ctx, how)
	if err != nil {
		return err
	}
	return publish(page, file)
}

func knownPart(name string) error {
	if name == "" {
		return nil
	}
	for _, p := range parts {
		if p.name == name {
			return nil
		}
	}
	return fmt.Errorf("no part %q", name)
}

func publish(page []byte, file string) error {
	if _, err := os.Stdout.Write(page); err != nil || file == "" {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, page, 0o666)
}

// measure makes the page. What needs no server comes first, while none has run.
func measure(ctx context.Context, how settings) ([]byte, error) {
	began := time.Now()
	env := environment()
	var sections []section
	if how.part == "" {
		var err error
		if sections, err = measureNull(ctx, how); err != nil {
			return nil, err
		}
	}
	servers := bench.Servers()
	for _, s := range servers {
		more, version, err := measureServer(ctx, how, s)
		if err != nil {
			return nil, err
		}
		sections = append(sections, more...)
		env = append(env, [2]string{s.Name, version})
	}
	env = append(env, [2]string{"runs", fmt.Sprintf("%d pairs under load, %d over the null parent, taken in turns, %v altogether",
		how.pairs, how.slices, time.Since(began).Round(time.Second))})
	var page bytes.Buffer
	writePage(&page, how, env, sections, len(servers))
	return page.Bytes(), nil
}

func writePage(w io.Writer, how settings, env [][2]string, sections []section, servers int) {
	fmt.Fprintf(w, "# Benchmarks\n\nMade by `make bench` with `REPORT=docs/benchmarks.md`. What is compared ran in turns in one run; a figure is the median of its\n"+
		"runs. A ratio or a difference was taken within each pair of runs, and stands here as the median\n"+
		"over the pairs (smallest … largest).\n\n")
	if how.pairs == quick.pairs {
		fmt.Fprint(w, "**A quick run: too short to mean anything.**\n\n")
	}
	if servers < 2 {
		fmt.Fprint(w, "**Not all servers were there: scripts/with-servers starts them.**\n\n")
	}
	for _, line := range env {
		fmt.Fprintf(w, "- %s: %s\n", line[0], line[1])
	}
	writeTargets(w, sections)
	for _, s := range sections {
		s.write(w)
	}
}

// step tells somebody who waits what is going on.
func step(format string, args ...any) { fmt.Fprintf(os.Stderr, "report: "+format+"\n", args...) }
