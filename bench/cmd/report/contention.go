package main

import (
	"context"
	"fmt"

	"github.com/pooled-go/pooled/bench"
)

// The promises: the worst waits, as shares of database/sql's.
const (
	contentionP99 = 0.4
	contentionMax = 0.3
)

func contention(ctx context.Context, how settings) (section, error) {
	s := section{
		title: "Waiting in the queue",
		text: fmt.Sprintf(
			"%d goroutines share %d connections, and each use takes %v. Shown is how long a use takes with "+
				"its wait, in runs of %v. database/sql\n"+
				"wakes a caller at random; the pools serve first come, first served. puddle, the pool of pgxpool, "+
				"runs alone here: without\n"+
				"database/sql and without a driver.",
			bench.ContentionGoroutines,
			bench.ContentionConnections,
			bench.ContentionHold,
			how.contend,
		),
		header: []string{"contender", "p50, ms", "p99, ms", "max, ms", "p99 to bare", "max to bare", "requests/s"},
	}
	step("contention")
	contenders := bench.ContentionContenders
	names := append(bench.Names(contenders), "puddle")
	runs := make([]loads, len(names))
	err := bench.InTurns(how.pairs, len(names), func(i int) (err error) {
		var l bench.Load
		if i == len(contenders) {
			l, err = bench.ContendPuddle(ctx, how.contend)
		} else {
			l, err = bench.Contend(ctx, contenders[i], how.contend)
		}
		runs[i] = append(runs[i], l)
		return err
	})
	if err != nil {
		return s, err
	}
	bare := runs[0]
	for i, name := range names {
		s.row(
			name,
			median(runs[i].milliseconds(0.5), "%.1f"),
			median(runs[i].milliseconds(0.99), "%.1f"),
			median(runs[i].milliseconds(1), "%.1f"),
			spread(
				runs[i].milliseconds(0.99).Over(bare.milliseconds(0.99)),
				"%.2f",
			),
			spread(runs[i].milliseconds(1).Over(bare.milliseconds(1)), "%.2f"),
			median(runs[i].perSecond(), "%.0f"),
		)
	}
	s.chart(
		latencyChart(
			"contention.svg",
			"200 goroutines on 4 connections: how long a use takes with its wait",
			names,
			runs,
			0.5,
			0.99,
			1,
		),
	)
	s.result(
		fmt.Sprintf(
			"%d callers share %d connections: the slowest takes",
			bench.ContentionGoroutines,
			bench.ContentionConnections,
		),
		"%.1f ms", bare.milliseconds(1), runs[1].milliseconds(1),
	)
	s.tail("200 goroutines on 4 connections", 0.99, contentionP99, runs[1], bare)
	s.tail("200 goroutines on 4 connections", 1, contentionMax, runs[1], bare)
	s.against(
		"p99, 200 goroutines on 4 connections",
		"puddle",
		runs[1].milliseconds(0.99).Over(runs[2].milliseconds(0.99)),
	)
	s.against("max, 200 goroutines on 4 connections", "puddle", runs[1].milliseconds(1).Over(runs[2].milliseconds(1)))
	return s, nil
}

// tail promises a share of what the slowest take with bare database/sql.
func (s *section) tail(what string, q, most float64, pooled, bare loads) {
	ratio := pooled.milliseconds(q).Over(bare.milliseconds(q))
	what = quantile(q) + ", " + what
	s.promise(what+": to database/sql", spread(ratio, "%.2f"), fmt.Sprintf("at most %g", most), ratio.Median() <= most)
	s.against(what, "database/sql", ratio)
}

// quantile is what one is called: 0.999 is "p99.9".
func quantile(q float64) string {
	if q == 1 {
		return "max"
	}
	return fmt.Sprintf("p%g", q*100)
}

// latencyChart has a group for each quantile.
func latencyChart(file, title string, names []string, runs []loads, quantiles ...float64) chart {
	c := chart{file: file, title: title, unit: "ms"}
	for _, q := range quantiles {
		c.groups = append(c.groups, quantile(q))
	}
	for i, name := range names {
		var all []bench.Series
		for _, q := range quantiles {
			all = append(all, runs[i].milliseconds(q))
		}
		c.series = append(c.series, ranged(name, all...))
	}
	return c
}
