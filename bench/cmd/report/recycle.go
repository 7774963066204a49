package main

import (
	"context"
	"fmt"

	"github.com/pooled-go/pooled/bench"
)

// recycleTail is the most that the slowest of a thousand requests may take while
// connections are renewed, as a share of what they take otherwise.
const recycleTail = 1.2

func recycled(ctx context.Context, how settings) (section, error) {
	s := section{
		title: "Connections renewed under load",
		text: fmt.Sprintf(
			"%d connections live for %v each. %d requests a second come at random moments (Poisson) for %v. "+
				"Each takes %v, so about half of the\n"+
				"connections are in use. A connect takes %v. pooled opens the next connection in the background "+
				"before the old one expires.\n"+
				"database/sql opens it when a caller needs one. The rest of a wait with pooled is caused by the "+
				"machine: if only waits take time, no\n"+
				"caller waits for a connection that is replaced (TestNobodyWaitsForARenewedConnection).",
			bench.RecycleConnections,
			bench.RecycleAge,
			bench.RecycleRate,
			how.recycle,
			bench.RecycleTakes,
			bench.RecycleConnect,
		),
		header: []string{
			"contender",
			"runs",
			"renewed in a run",
			"p50, ms",
			"p99, ms",
			"p99.9, ms",
			"max, ms",
			"p99.9 to never",
		},
	}
	contenders := bench.RecycleContenders
	names := make([]string, len(contenders))
	runs := make([]loads, len(contenders))
	renewed := make([]bench.Series, len(contenders))
	err := bench.InTurns(how.pairs, len(contenders), func(i int) error {
		if i == bench.RecycleBare && len(runs[i]) == bareRuns {
			return nil
		}
		names[i] = contenders[i].Name
		step("recycle, %s, run %d", names[i], len(runs[i])+1)
		r, err := bench.Recycle(ctx, contenders[i], how.recycle, uint64(len(runs[i])))
		runs[i] = append(runs[i], r.Load)
		renewed[i] = append(renewed[i], float64(r.Replaced))
		return err
	})
	if err != nil {
		return s, err
	}
	never := runs[0]
	for i, name := range names {
		to := ""
		if i != bench.RecycleBare {
			to = spread(runs[i].milliseconds(0.999).Over(never.milliseconds(0.999)), "%.2f")
		}
		s.row(
			name,
			fmt.Sprint(len(runs[i])),
			spread(renewed[i], "%.0f"),
			median(runs[i].milliseconds(0.5), "%.1f"),
			median(runs[i].milliseconds(0.99), "%.1f"),
			spread(runs[i].milliseconds(0.999), "%.1f"),
			median(runs[i].milliseconds(1), "%.1f"),
			to,
		)
	}
	s.chart(
		latencyChart(
			"recycle.svg",
			"Connections renewed under load: how long a request takes",
			names,
			runs,
			0.5,
			0.99,
			0.999,
			1,
		),
	)
	s.result("connections are renewed under load: the slowest request takes", "%.1f ms",
		runs[bench.RecycleBare].milliseconds(1), runs[1].milliseconds(1))
	ratio := runs[1].milliseconds(0.999).Over(never.milliseconds(0.999))
	s.promise(
		"p99.9 while connections are renewed to the same while none is",
		spread(ratio, "%.2f"),
		fmt.Sprintf("at most %g", recycleTail),
		ratio.Median() <= recycleTail,
	)
	return s, nil
}
