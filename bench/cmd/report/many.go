package main

import (
	"context"
	"fmt"

	"github.com/pooled-go/pooled/bench"
)

// The promises of many connections.
const (
	bytesPerConn = 1024
	manyRatio    = 1.05
)

// openCosts: few and many connections open.
func openCosts(ctx context.Context, how settings) (section, error) {
	s := section{
		title: "Few and many connections",
		text: "What one Exec costs over the driver that does nothing, and what a checkout and its return cost the " +
			"pool alone, by the number of\n" +
			"connections that are open and idle. One goroutine; medians and quartiles, as above.",
		header: []string{"what", "contender", "open", "ns", "to 10 open"},
	}
	step("10 to 10,000 connections open")
	var contenders []bench.Contender
	for _, n := range bench.OpenCounts {
		contenders = append(contenders, bench.OpenContenders(ctx, n)...)
	}
	costs, err := bench.MeasureCosts(ctx, contenders, bench.NullOperations[0].Run, how.slices, 1, how.slice)
	if err != nil {
		return s, err
	}
	each := len(contenders) / len(bench.OpenCounts)
	var exec []bench.Series
	for _, c := range costs {
		exec = append(exec, c.Nanoseconds)
	}
	s.addOpen("Exec", bench.Names(contenders[:each]), exec)

	var pools []bench.AloneContender
	for _, n := range bench.OpenCounts {
		pools = append(pools, bench.AloneOpenContenders(n)...)
	}
	alone, err := bench.MeasureAlone(
		ctx,
		pools,
		bench.AlonePlan{Starts: 1, Rounds: how.slices, Slice: how.slice, Goroutines: []int{1}},
	)
	if err != nil {
		return s, err
	}
	s.addOpen("checkout and checkin", alone.Names[:len(pools)/len(bench.OpenCounts)], alone.Nanoseconds[1])
	return s, nil
}

// addOpen adds the series of some contenders with 10 open, then with 1,000 …
func (s *section) addOpen(what string, names []string, all []bench.Series) {
	c := chart{
		file:  "open.svg",
		title: "Exec, by the number of connections that are open",
		unit:  "ns, median and quartiles",
	}
	if what != "Exec" {
		c.file, c.title = "open-alone.svg", "Checkout and checkin of the pool alone, by the number of connections that "+
			"are open"
	}
	for i, name := range names {
		var runs []bench.Series
		for k, n := range bench.OpenCounts {
			series := all[k*len(names)+i]
			ratio := series.Over(all[i])
			s.row(what, name, thousands(n), middle(series, "%.0f"), middle(ratio, "%.2f"))
			runs = append(runs, series)
			if name == "pooled" && k == len(bench.OpenCounts)-1 {
				s.promise(
					fmt.Sprintf("%s with %s connections open to that with %d", what, thousands(n), bench.OpenCounts[0]),
					median(ratio, "%.2f"),
					fmt.Sprintf("at most %g", manyRatio),
					ratio.Median() <= manyRatio,
				)
			}
		}
		c.series = append(c.series, quartiled(name, runs...))
	}
	for k, n := range bench.OpenCounts {
		c.groups = append(c.groups, thousands(n)+" open")
		series := all[k*len(names):][:len(names)]
		for i, name := range names {
			switch name {
			case "bare":
				s.against(
					fmt.Sprintf("%s, %s connections open", what, thousands(n)),
					"bare database/sql",
					series[1].Over(series[i]),
				)
			case "puddle":
				s.against(fmt.Sprintf("%s, %s connections open", what, thousands(n)), "puddle", series[0].Over(series[i]))
			}
		}
	}
	s.chart(c)
}

func thousands(n int) string { return threeDigits(float64(n)) }

func idleMemory(ctx context.Context, how settings) (section, error) {
	const conns = 10_000
	s := section{
		title: "Memory",
		text: fmt.Sprintf(
			"What an idle connection takes. The heap is measured with %s of them, after all were in use at "+
				"once. %d runs (smallest … largest).",
			thousands(conns),
			how.pairs,
		),
		header: []string{"part", "bytes for each"},
	}
	step("memory")
	var own, pool, conn, bare bench.Series
	for range how.pairs {
		m, err := bench.IdleMemory(ctx, conns)
		if err != nil {
			return s, err
		}
		own, pool, conn, bare = append(own, m.Driver), append(pool, m.Pool), append(conn, m.Conn), append(bare, m.Bare)
	}
	s.row("the driver's own", spread(own, "%.0f"))
	s.row("bare database/sql, beside it", spread(bare, "%.0f"))
	s.row("pooled, beside it", spread(pool, "%.0f"))
	s.row("a Conn of pooled, while database/sql keeps one idle", spread(conn, "%.0f"))
	s.result("memory of an idle connection, beside the driver's own", "%.0f B", bare, pool)
	s.promise("memory of an idle server connection beside the driver's", median(pool, "%.0f B"),
		fmt.Sprintf("at most %d B", bytesPerConn), pool.Median() <= bytesPerConn)
	s.against("memory of an idle connection", "bare database/sql", pool.Over(bare))
	return s, nil
}

// waiters: very many wait in the queue at once.
func waiters(ctx context.Context, how settings) (section, error) {
	contenders := bench.WaitContenders
	s := section{
		title: fmt.Sprintf("%s in the queue", thousands(how.waiters)),
		text: fmt.Sprintf(
			"%s goroutines wait for one of %d connections, which are in use. Then these are returned, and "+
				"each goroutine gets one in turn: one Exec\n"+
				"over the driver that does nothing, or Acquire and Release of puddle, which has no database/sql "+
				"above it. %d runs (smallest … largest).\n"+
				"\n"+
				"- Memory is heap and stacks in use (runtime.MemStats: HeapAlloc and StackInuse) after two "+
				"collections while all wait, less what was in\n"+
				"  use before, for each goroutine. Its stack is included.\n"+
				"- The first row is a goroutine that waits for a channel.\n"+
				"- Drained is the time from the return of the first connection until the last goroutine has been "+
				"served.\n"+
				"\n"+
				"A caller of pooled waits in the pool's queue, with a connection of database/sql's and under "+
				"pool_timeout.",
			thousands(how.waiters),
			bench.WaitConnections,
			how.pairs,
		),
		header: []string{"what they wait for", "bytes for each", "more than for a channel", "drained, ms"},
	}
	step("%s waiters", thousands(how.waiters))
	bytes, drained := make([]bench.Series, len(contenders)), make([]bench.Series, len(contenders))
	if _, err := bench.Wait(ctx, contenders[0], how.waiters); err != nil { // the runtime keeps what it has once had for a goroutine
		return s, err
	}
	err := bench.InTurns(how.pairs, len(contenders), func(i int) error {
		w, err := bench.Wait(ctx, contenders[i], how.waiters)
		bytes[i] = append(bytes[i], w.Bytes)
		drained[i] = append(drained[i], 1000*w.Drain.Seconds())
		return err
	})
	if err != nil {
		return s, err
	}
	memory := chart{
		file:   "waiters-memory.svg",
		title:  "Memory of one that waits in the queue",
		unit:   "bytes, median and range",
		groups: []string{"memory"},
	}
	drain := chart{
		file:   "waiters-drain.svg",
		title:  "Until all in the queue have been served",
		unit:   "ms, median and range",
		groups: []string{"drained"},
	}
	for i, c := range contenders {
		s.row(c.Name, spread(bytes[i], "%.0f"), spread(bytes[i].Minus(bytes[0]), "%+.0f"), spread(drained[i], "%.0f"))
		memory.series = append(memory.series, ranged(c.Name, bytes[i]))
		drain.series = append(drain.series, ranged(c.Name, drained[i]))
		if c.Name == "database/sql" || c.Name == "puddle" {
			s.against("memory of one in the queue", c.Name, bytes[2].Over(bytes[i]))
			s.against("time to drain the queue", c.Name, drained[2].Over(drained[i]))
		}
	}
	s.chart(memory)
	s.chart(drain)
	return s, nil
}
