package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/pooled-go/pooled/bench"
)

// loads are the runs of one contender.
type loads []bench.Load

func (all loads) milliseconds(q float64) bench.Series {
	return all.each(func(l bench.Load) float64 { return l.Latency.Milliseconds(q) })
}

func (all loads) perSecond() bench.Series { return all.each(bench.Load.PerSecond) }

func (all loads) failed() bench.Series {
	return all.each(func(l bench.Load) float64 { return float64(l.Failed) })
}

func (all loads) failedPercent() bench.Series {
	return all.each(func(l bench.Load) float64 { return 100 * float64(l.Failed) / float64(l.Requests) })
}

func (all loads) seconds() bench.Series {
	return all.each(func(l bench.Load) float64 { return l.Took.Seconds() })
}

func (all loads) each(f func(bench.Load) float64) bench.Series {
	var s bench.Series
	for _, l := range all {
		s = append(s, f(l))
	}
	return s
}

// example is one of the errors, or empty.
func (all loads) example() string {
	for _, l := range all {
		if l.Example != nil {
			return fmt.Sprintf("\n\nOne of the errors: `%v`", l.Example)
		}
	}
	return ""
}

// serverPart is a measurement with a server, and on which one if not on each.
type serverPart struct {
	name, server string
	run          func(context.Context, settings, bench.Server, *bench.Admin) (section, error)
}

var serverParts = []serverPart{
	{"database", "", database},
	{"texts", "", texts},
	{"overload", "", overload},
	{"saturated", "", saturated},
	{"reset", "MariaDB", reset},
	{"dials", "MariaDB", dials},
	{"kill", "", killed},
	{"openloop", "PostgreSQL", openLoop},
	{"coldburst", "", coldBurst},
}

func measureServer(ctx context.Context, parts []serverPart, how settings, s bench.Server) ([]section, string, error) {
	admin, err := bench.NewAdmin(ctx, s)
	if err != nil {
		return nil, "", err
	}
	defer admin.Close()
	version, err := admin.Version(ctx)
	if err != nil {
		return nil, "", err
	}
	var all []section
	for _, part := range parts {
		if part.server != "" && part.server != s.Name || !how.wants(part.name) {
			continue
		}
		section, err := part.run(ctx, how, s, admin)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", s.Name, err)
		}
		section.title += ", " + s.Name
		all = append(all, section)
	}
	return all, version, nil
}

// The promises under open load.
const (
	openLoopP50   = 5.0 // milliseconds
	openLoopRatio = 1.15
	saturatedLoss = 0.03 // a share
)

// bareRuns are enough of bare database/sql where it is in trouble: it takes long
// then, and is there to show the trouble, not to be compared in a ratio.
const bareRuns = 2

// openRuns are runs under open load.
type openRuns struct {
	title  string
	length time.Duration
	times  int
	steady bool // long enough for the median to be that of a warm pool
}

func openLoop(ctx context.Context, how settings, s bench.Server, admin *bench.Admin) (section, error) {
	return openRuns{"Open-loop load", how.load, how.pairs, true}.run(ctx, s, admin)
}

// coldBurst is the beginning of such a load, when nothing is open yet: short runs, and many, since a few requests
// decide.
func coldBurst(ctx context.Context, how settings, s bench.Server, admin *bench.Admin) (section, error) {
	return openRuns{"Cold burst", how.burst, 3 * how.pairs, false}.run(ctx, s, admin)
}

// run: one more contender is database/sql tuned by hand, to as many
// connections as pooled opened by itself in its last run.
func (o openRuns) run(ctx context.Context, s bench.Server, admin *bench.Admin) (section, error) {
	contenders := bench.OpenLoopContenders(s)
	_, opened, err := bench.RunOpenLoop(ctx, admin, contenders[1], o.length, 0)
	if err != nil {
		return section{}, err
	}
	contenders = append(
		contenders,
		bench.Contender{Name: "tuned by hand", Open: func() (*sql.DB, error) { return s.Tuned(opened) }},
	)
	runs := make([]loads, len(contenders))
	var sizes bench.Series
	err = bench.InTurns(o.times, len(contenders), func(i int) error {
		if i == 0 && len(runs[i]) == bareRuns {
			return nil
		}
		seed := uint64(len(runs[i])) + 1
		step("%s, %s, %s, run %d", s.Name, strings.ToLower(o.title), contenders[i].Name, seed)
		l, n, err := bench.RunOpenLoop(ctx, admin, contenders[i], o.length, seed)
		runs[i] = append(runs[i], l)
		if n > 0 {
			opened = n
			sizes = append(sizes, float64(n))
		}
		return err
	})
	if err != nil {
		return section{}, err
	}
	return o.section(s.Name, contenders, runs, sizes), nil
}

func (o openRuns) section(server string, contenders []bench.Contender, runs []loads, sizes bench.Series) section {
	out := section{
		title: o.title,
		text: fmt.Sprintf(
			"%d requests a second come at random moments (Poisson) for %v, and each sleeps for %v on the "+
				"server. Every run starts with no connection\n"+
				"open. pooled opened %s connections. Tuned by hand means SetMaxOpenConns and SetMaxIdleConns of "+
				"that number.%s",
			bench.OpenLoopRate,
			o.length,
			bench.OpenLoopSleep,
			spread(sizes, "%.0f"),
			runs[0].example(),
		),
		header: []string{"contender", "runs", "errors, %", "p50, ms", "p99, ms", "max, ms"},
	}
	for i, c := range contenders {
		out.row(
			c.Name,
			fmt.Sprint(len(runs[i])),
			spread(runs[i].failedPercent(), "%.1f"),
			spread(runs[i].milliseconds(0.5), "%.2f"),
			spread(runs[i].milliseconds(0.99), "%.2f"),
			median(runs[i].milliseconds(1), "%.1f"),
		)
	}
	pooled, hand := runs[1], runs[2]
	ratio := pooled.milliseconds(0.99).Over(hand.milliseconds(0.99))
	out.row("p99, pooled to tuned by hand", "", "", "", spread(ratio, "%.2f"), "")
	name := strings.ToLower(o.title) + ", " + server
	out.promise(name+": errors", pooled.failed().Max(), "0", pooled.failed().Max() == 0)
	if p50 := pooled.milliseconds(0.5); o.steady {
		out.result(fmt.Sprintf("%s: %d requests a second reach a new process: 99%% take at most", server, bench.OpenLoopRate),
			"%.0f ms", runs[0].milliseconds(0.99), pooled.milliseconds(0.99))
		out.promise(name+": p50", median(p50, "%.2f ms"), fmt.Sprintf("at most %g ms", openLoopP50),
			p50.Median() <= openLoopP50)
	}
	out.promise(name+": p99 to tuned by hand", spread(ratio, "%.2f"), fmt.Sprintf("at most %g", openLoopRatio),
		ratio.Median() <= openLoopRatio)
	return out
}

func overload(ctx context.Context, how settings, s bench.Server, admin *bench.Admin) (out section, err error) {
	restore, err := admin.LimitConnections(ctx)
	if err != nil {
		return out, err
	}
	defer func() {
		if e := restore(); err == nil {
			err = e
		}
	}()
	limit, err := admin.MaxConnections(ctx)
	if err != nil {
		return out, err
	}
	contenders := bench.OverloadContenders(s)
	runs := make([]loads, len(contenders))
	err = bench.InTurns(how.pairs, len(contenders), func(i int) error {
		if i == 0 && len(runs[i]) == bareRuns {
			return nil
		}
		step("%s, overload, %s, run %d", s.Name, contenders[i].Name, len(runs[i])+1)
		l, err := bench.RunOverload(ctx, admin, contenders[i])
		runs[i] = append(runs[i], l)
		return err
	})
	if err != nil {
		return out, err
	}
	out = section{
		title: "Overload",
		text: fmt.Sprintf(
			"%d goroutines make %d requests each, which sleep for %v on the server. max_connections is %d, "+
				"and nothing is tuned. Every run starts\n"+
				"with no connection open.%s",
			bench.OverloadGoroutines,
			bench.OverloadTimes,
			bench.OverloadSleep,
			limit,
			runs[0].example(),
		),
		header: []string{
			"contender",
			"runs",
			fmt.Sprintf("errors of %d", bench.OverloadGoroutines*bench.OverloadTimes),
			"seconds",
			"p50, ms",
			"p99, ms",
		},
	}
	for i, c := range contenders {
		out.row(c.Name, fmt.Sprint(len(runs[i])), spread(runs[i].failed(), "%.0f"), spread(runs[i].seconds(), "%.2f"),
			median(runs[i].milliseconds(0.5), "%.0f"), median(runs[i].milliseconds(0.99), "%.0f"))
	}
	what := fmt.Sprintf("%s: %d callers, %d connections allowed: ", s.Name, bench.OverloadGoroutines, limit)
	out.result(what+"requests that fail", fmt.Sprintf("%%.0f of %d", bench.OverloadGoroutines*bench.OverloadTimes),
		runs[0].failed(), runs[1].failed())
	out.result(what+"all are done after", "%.2f s", runs[0].seconds(), runs[1].seconds())
	worst := runs[1].failed().Max()
	out.promise("overload, "+s.Name+": errors", worst, "0", worst == 0)
	return out, nil
}

func saturated(ctx context.Context, how settings, s bench.Server, admin *bench.Admin) (section, error) {
	out := section{
		title: "Saturated",
		text: fmt.Sprintf("%d goroutines work on %d connections for %v, as fast as they can.",
			bench.SaturatedGoroutines, bench.SaturatedConnections, how.saturate),
		header: []string{"query", "contender", "requests/s", "to tuned by hand", "p50, ms", "p99, ms"},
	}
	for _, operation := range bench.SaturatedOperations(s) {
		if err := admin.Settle(ctx); err != nil {
			return out, err
		}
		contenders := bench.SaturatedContenders(s)
		runs, err := saturate(ctx, how, s, contenders, operation, bench.SaturatedGoroutines)
		if err != nil {
			return out, err
		}
		for i, c := range contenders {
			out.row(
				"`"+operation.Name+"`",
				c.Name,
				median(runs[i].perSecond(), "%.0f"),
				spread(runs[i].perSecond().Over(runs[0].perSecond()), "%.3f"),
				median(runs[i].milliseconds(0.5), "%.2f"),
				median(runs[i].milliseconds(0.99), "%.2f"),
			)
		}
		out.result(fmt.Sprintf("%s: `%s` by %d goroutines on %d connections, as fast as they can, both tuned", s.Name,
			operation.Name, bench.SaturatedGoroutines, bench.SaturatedConnections), "%.0f/s",
			runs[0].perSecond(), runs[1].perSecond())
		ratio := runs[1].perSecond().Over(runs[0].perSecond())
		out.promise(
			fmt.Sprintf("saturated, %s, `%s`: throughput to tuned by hand", s.Name, operation.Name),
			spread(ratio, "%.3f"),
			fmt.Sprintf("at least %g", 1-saturatedLoss),
			ratio.Median() >= 1-saturatedLoss,
		)
	}
	return out, nil
}

// saturate runs with warm connections: a first run of each does not count. Twice
// as many pairs as elsewhere, since it is about a few in a hundred.
func saturate(
	ctx context.Context,
	how settings,
	s bench.Server,
	contenders []bench.Contender,
	operation bench.Operation,
	goroutines int,
) ([]loads, error) {
	dbs := make([]*sql.DB, len(contenders))
	for i, c := range contenders {
		db, err := c.Open()
		if err != nil {
			return nil, err
		}
		defer db.Close()
		dbs[i] = db
		bench.Saturate(ctx, db, operation.Run, goroutines, 200*time.Millisecond)
	}
	step("%s, saturated, %s", s.Name, operation.Name)
	runs := make([]loads, len(contenders))
	err := bench.InTurns(2*how.pairs+1, len(contenders), func(i int) error {
		l := bench.Saturate(ctx, dbs[i], operation.Run, goroutines, how.saturate)
		runs[i] = append(runs[i], l)
		return l.Example
	})
	return runs, err
}
