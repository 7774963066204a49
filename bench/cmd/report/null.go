package main

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"github.com/pooled-go/pooled/bench"
)

// measureNull is everything over a parent that does nothing.
func measureNull(ctx context.Context, how settings) ([]section, error) {
	var all []section
	for _, part := range []func(context.Context, settings) (section, error){
		nullCosts, watchedCosts, openCosts, idleMemory, contention,
	} {
		s, err := part(ctx, how)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// The promise: what one Exec may cost more than with bare database/sql.
const (
	overheadNanoseconds = 100
	overheadAllocations = 0
	bytesPerConn        = 1024
	leakNanoseconds     = 400
)

func nullCosts(ctx context.Context, how settings) (section, error) {
	s := section{
		title: "Over a parent that does nothing",
		text: fmt.Sprintf("One operation, and what it costs more than with bare database/sql: medians of %d runs of about %v (and their quartiles).\n"+
			"All contenders keep their conns (SetMaxIdleConns), the context can be cancelled, the dialect is PostgreSQL's.", how.slices, how.slice),
		header: []string{"operation", "goroutines", "contender", "ns/op", "more, ns", "allocs/op", "more"},
	}
	for _, operation := range bench.NullOperations {
		for _, goroutines := range distinct(1, runtime.GOMAXPROCS(0)) {
			step("null parent, %s, %d goroutines", operation.Name, goroutines)
			costs, err := bench.MeasureCosts(ctx, bench.NullContenders, operation.Run, how.slices, goroutines, how.slice)
			if err != nil {
				return s, err
			}
			s.addCosts(operation.Name, goroutines, bench.Names(bench.NullContenders), costs)
		}
	}
	return s, nil
}

func (s *section) addCosts(operation string, goroutines int, names []string, costs []bench.Cost) {
	base := costs[0]
	for i, c := range costs {
		more, moreAllocs := c.Nanoseconds.Minus(base.Nanoseconds), c.Allocations.Minus(base.Allocations)
		s.row(operation, fmt.Sprint(goroutines), names[i],
			median(c.Nanoseconds, "%.0f"), middle(more, "%+.0f"),
			median(c.Allocations, "%.1f"), median(moreAllocs, "%+.1f"))
		if operation == bench.NullOperations[0].Name && goroutines == 1 && names[i] == "pooled" {
			s.promise("Exec over the null parent, more than bare", median(more, "%+.0f ns"),
				fmt.Sprintf("at most +%d ns", overheadNanoseconds), more.Median() <= overheadNanoseconds)
			s.promise("Exec over the null parent, allocations more than bare", median(moreAllocs, "%+.1f"),
				fmt.Sprintf("+%d", overheadAllocations), math.Round(10*moreAllocs.Median()) <= 10*overheadAllocations)
		}
	}
}

func watchedCosts(ctx context.Context, how settings) (section, error) {
	s := section{
		title:  "Looking on",
		text:   "One Exec over the null parent on one goroutine, and what it costs more if somebody looks on; medians and quartiles as before.",
		header: []string{"", "ns/op", "more, ns", "allocs/op", "more"},
	}
	step("looking on")
	contenders := bench.WatchedContenders
	costs, err := bench.MeasureCosts(ctx, contenders, bench.NullOperations[0].Run, how.slices, 1, how.slice)
	if err != nil {
		return s, err
	}
	for i, c := range contenders {
		more, moreAllocs := costs[i].Nanoseconds.Minus(costs[0].Nanoseconds), costs[i].Allocations.Minus(costs[0].Allocations)
		s.row(c.Name, median(costs[i].Nanoseconds, "%.0f"), middle(more, "%+.0f"),
			median(costs[i].Allocations, "%.1f"), median(moreAllocs, "%+.1f"))
		if i == 1 {
			s.promise("looking for leaks, for each checkout", median(more, "%+.0f ns"),
				fmt.Sprintf("at most +%d ns", leakNanoseconds), more.Median() <= leakNanoseconds)
		}
	}
	return s, nil
}

func openCosts(ctx context.Context, how settings) (section, error) {
	s := section{
		title:  "Few and many server connections",
		text:   "One Exec over the null parent, by the number of server connections that the pool holds open; medians and quartiles as before.",
		header: []string{"pool", "ns/op", "to 10 open"},
	}
	contenders := bench.OpenContenders(ctx)
	step("10 and 10,000 server connections open")
	costs, err := bench.MeasureCosts(ctx, contenders, bench.NullOperations[0].Run, how.slices, 1, how.slice)
	if err != nil {
		return s, err
	}
	for i, c := range contenders {
		ratio := costs[i].Nanoseconds.Over(costs[i/2*2].Nanoseconds)
		s.row(c.Name, median(costs[i].Nanoseconds, "%.0f"), middle(ratio, "%.2f"))
		if i == 1 {
			s.promise("Exec with 10,000 server connections open to Exec with 10", median(ratio, "%.2f"),
				"the same (within 5%)", ratio.Median() <= 1.05)
		}
	}
	return s, nil
}

func idleMemory(ctx context.Context, _ settings) (section, error) {
	s := section{
		title:  "Memory",
		text:   "Of an idle server connection, from the heap with 10,000 of them, all of which had been in use at once.",
		header: []string{"part", "bytes for each"},
	}
	step("memory")
	m, err := bench.IdleMemory(ctx, 10_000)
	if err != nil {
		return s, err
	}
	s.row("the parent's own", fmt.Sprintf("%.0f", m.Parent))
	s.row("pooled's", fmt.Sprintf("%.0f", m.Pool))
	s.row("a Conn beside it, while database/sql keeps one idle", fmt.Sprintf("%.0f", m.Conn))
	s.promise("memory of an idle server connection beside the parent's", fmt.Sprintf("%.0f B", m.Pool),
		fmt.Sprintf("at most %d B", bytesPerConn), m.Pool <= bytesPerConn)
	return s, nil
}

func contention(ctx context.Context, how settings) (section, error) {
	s := section{
		title: "Waiting in line",
		text: fmt.Sprintf("%d goroutines on %d connections, each Exec takes %v; how long one took with its wait. database/sql wakes those who wait\n"+
			"at random, the pool first come first served.", bench.ContentionGoroutines, bench.ContentionConnections, bench.ContentionHold),
		header: []string{"contender", "p50, ms", "p99, ms", "max, ms", "p99 to bare", "requests/s"},
	}
	step("contention")
	contenders := bench.ContentionContenders
	runs := make([]loads, len(contenders))
	err := bench.InTurns(how.pairs, len(contenders), func(i int) error {
		l, err := bench.Contend(ctx, contenders[i], how.contend)
		runs[i] = append(runs[i], l)
		return err
	})
	for i, c := range contenders {
		s.row(c.Name, median(runs[i].milliseconds(0.5), "%.1f"), median(runs[i].milliseconds(0.99), "%.1f"),
			median(runs[i].milliseconds(1), "%.1f"), spread(runs[i].milliseconds(0.99).Over(runs[0].milliseconds(0.99)), "%.2f"),
			median(runs[i].perSecond(), "%.0f"))
	}
	return s, err
}

func distinct(a, b int) []int {
	if a == b {
		return []int{a}
	}
	return []int{a, b}
}
