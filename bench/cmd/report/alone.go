package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/pooled-go/pooled/bench"
)

// The promises of the pool alone: at most this share of a peer's time.
var aloneShares = []struct {
	peer  string
	share float64
}{{"HikariCP", 1}, {"puddle", 0.5}}

func aloneCosts(ctx context.Context, how settings) (section, error) {
	s := section{
		title: "The pool alone",
		text: fmt.Sprintf(
			"What a checkout and its return cost without database/sql. Shown are medians and quartiles of %d "+
				"slices of about %v. Each pool may\n"+
				"open %d connections, which do nothing. What is called:\n"+
				"\n"+
				"- pooled: Ping on a connection of its connector, then IsValid, as database/sql does on return. "+
				"The driver has no Ping.\n"+
				"- puddle: `Acquire`, `Release`.\n"+
				"- HikariCP: `getConnection`, `close`.\n"+
				"- SQLAlchemy: `QueuePool.connect`, `close`.\n"+
				"\n"+
				"HikariCP and SQLAlchemy run in separate programs, which take turns with the others. All are "+
				"started %d times and warm up for %v.\n"+
				"With two goroutines or threads, the time is that of the whole run, divided by the number of "+
				"checkouts.",
			how.slices,
			how.alone.Slice,
			bench.AloneConnections,
			how.alone.Starts,
			how.alone.Warm,
		),
		header: []string{"goroutines or threads", "pool", "ns", "pooled to it"},
	}
	step("the pool alone")
	plan := how.alone
	plan.Rounds, plan.Goroutines = how.slices, distinct(1, runtime.GOMAXPROCS(0))
	costs, err := bench.MeasureAlone(ctx, bench.AloneContenders(), plan)
	if err != nil {
		return s, err
	}
	s.versions = costs.Versions
	for _, missing := range costs.Missing {
		s.text += fmt.Sprintf("\n\n**Not measured: %v; make bench installs it where it can.**", missing)
	}
	c := chart{
		file:  "alone.svg",
		title: "Checkout and checkin, the pool alone",
		unit:  "ns for both, median and quartiles (logarithmic)",
		log:   true,
	}
	for i, name := range costs.Names {
		var runs []bench.Series
		for _, goroutines := range plan.Goroutines {
			runs = append(runs, costs.Nanoseconds[goroutines][i])
		}
		c.series = append(c.series, quartiled(name, runs...))
	}
	for _, goroutines := range plan.Goroutines {
		c.groups = append(c.groups, counted(goroutines, "goroutine or thread", "goroutines or threads"))
		s.addAlone(goroutines, costs.Names, costs.Nanoseconds[goroutines])
	}
	s.chart(c)
	return s, nil
}

func (s *section) addAlone(goroutines int, names []string, all []bench.Series) {
	for i, name := range names {
		ratio := all[0].Over(all[i])
		s.row(fmt.Sprint(goroutines), name, middle(all[i], "%.0f"), middle(ratio, "%.2f"))
		if i > 0 {
			s.against("checkout and checkin, "+counted(goroutines, "goroutine", "goroutines"), name, ratio)
		}
	}
	for _, promised := range aloneShares {
		what := fmt.Sprintf(
			"the pool alone, %s: checkout and checkin to %s's",
			counted(goroutines, "goroutine", "goroutines"),
			promised.peer,
		)
		limit := fmt.Sprintf("at most %g", promised.share)
		i := slices.Index(names, promised.peer)
		if i < 0 {
			s.promise(what, "not measured", limit, false)
			continue
		}
		ratio := all[0].Over(all[i])
		s.promise(what, middle(ratio, "%.2f"), limit, ratio.Median() <= promised.share)
	}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
