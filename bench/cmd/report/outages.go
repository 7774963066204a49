//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/bench"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

var outageParts = []part{
	{"crash-postgresql", crashed(bench.PostgreSQL, startPostgres)},
	{"crash-mariadb", crashed(bench.MariaDB, startMySQL)},
	{"long-postgresql", longOutage(bench.PostgreSQL, startPostgres)},
	{"long-mariadb", longOutage(bench.MariaDB, startMySQL)},
	{"failover-postgresql", failover(bench.PostgreSQL, postgresPairs)},
	{"failover-mariadb", failover(bench.MariaDB, mysqlPairs)},
	{"hole-postgresql", holed(bench.PostgreSQL, startPostgres)},
	{"hole-mariadb", holed(bench.MariaDB, startMySQL)},
	{"readiness-postgresql", readiness(bench.PostgreSQL, startPostgres)},
	{"readiness-mariadb", readiness(bench.MariaDB, startMySQL)},
}

func startPostgres(tb testing.TB) bench.CrashServer { return cluster.Postgres(tb) }
func startMySQL(tb testing.TB) bench.CrashServer    { return cluster.MySQL(tb) }

// The promises of an outage.
const (
	crashRate    = 500 // requests a second
	longRate     = 100
	longPeerRuns = 1 // of those other than pooled, since each takes so long

	crashDials  = 40
	crashWait   = time.Second // longer than the outage
	graceEnds   = 11 * time.Second
	errorMillis = 5.0
	heapGrowth  = 1.1
	firstAfter  = 5500 * time.Millisecond
)

// crashes are the runs of one contender.
type crashes []bench.Crash

func (all crashes) each(f func(bench.Crash) float64) bench.Series {
	var s bench.Series
	for _, c := range all {
		s = append(s, f(c))
	}
	return s
}

func (all crashes) failed() bench.Series {
	return all.each(func(c bench.Crash) float64 { return float64(c.Failed()) })
}

func (all crashes) kind(k bench.Kind) bench.Series {
	return all.each(func(c bench.Crash) float64 { return float64(c.OfKind(k)) })
}

func (all crashes) longest() bench.Series {
	return all.each(func(c bench.Crash) float64 { return c.Longest().Seconds() })
}

func (all crashes) first() bench.Series {
	return all.each(func(c bench.Crash) float64 { return c.FirstSuccess().Seconds() })
}

func (all crashes) dials() bench.Series {
	return all.each(func(c bench.Crash) float64 { return float64(c.Dials) })
}

// runCrashes has each contender meet its crashes, those other than pooled at most peerRuns.
func runCrashes(
	ctx context.Context, how settings, find func() (bench.Server, bool), start func(testing.TB) bench.CrashServer,
	plan bench.CrashPlan, peerRuns int, out *section,
) (names []string, runs []crashes, err error) {
	s, _ := find()
	contenders := bench.AwayContenders(s, "")
	all := make([]crashes, len(contenders))
	missing, err := inTurns(ctx, how, contenders, func(tb testing.TB) func(int) error {
		server := start(tb)
		return func(i int) error {
			if i < len(contenders)-1 && len(all[i]) == peerRuns {
				return nil
			}
			step("%s, away for %v, %s, run %d", s.Name, plan.Outage, contenders[i].Name, len(all[i])+1)
			c, err := bench.RunCrash(ctx, server, s, contenders[i], plan, uint64(len(all[i]))+1)
			all[i] = append(all[i], c)
			out.remember(c.Version)
			return err
		}
	})
	for i, c := range contenders {
		if out.measured(missing[i]) {
			names, runs = append(names, c.Name), append(runs, all[i])
		}
	}
	return names, runs, err
}

// inTurns starts servers and has contenders use them. Who is not installed is left out.
func inTurns(ctx context.Context, how settings, contenders []bench.AwayContender,
	start func(testing.TB) func(int) error) (missing []error, err error) {
	missing = make([]error, len(contenders))
	err = bench.WithServers(ctx, func(tb testing.TB) error {
		run := start(tb)
		return bench.InTurns(how.outages.rounds, len(contenders), func(i int) error {
			err := run(i)
			if errors.As(err, new(*bench.MissingPeer)) {
				missing[i], err = err, nil
			}
			return errors.Join(err, ctx.Err())
		})
	})
	return missing, err
}

// measured is false for a contender that is missing, and says so.
func (s *section) measured(missing error) bool {
	if missing != nil {
		s.text += fmt.Sprintf("\n\n**Not measured: %v; make bench installs it where it can.**", missing)
	}
	return missing == nil
}

// remember notes what a contender says of itself, once.
func (s *section) remember(version string) {
	if version != "" && !slices.Contains(s.versions, version) {
		s.versions = append(s.versions, version)
	}
}

// kinds are errors by their kind: "12 lost, 3 refused".
func kinds(of func(bench.Kind) bench.Series) string {
	var parts []string
	for _, k := range bench.Kinds {
		if n := of(k); n.Max() > 0 {
			parts = append(parts, counts(n)+" "+string(k))
		}
	}
	return strings.Join(parts, ", ")
}

func crashed(
	find func() (bench.Server, bool), start func(testing.TB) bench.CrashServer,
) func(context.Context, settings) (section, error) {
	return func(ctx context.Context, how settings) (section, error) {
		plan := bench.CrashPlan{
			PerSecond: crashRate, Before: time.Second, Outage: how.outages.crash, After: how.outages.after,
		}
		s, _ := find()
		out := section{
			title: "A crash and a restart, " + s.Name,
			text: fmt.Sprintf("%d requests a second come at random moments, and each sleeps for %v on the server. Each pool "+
				"has %d connections, and nothing else is\ntuned. A request waits for at most %v. The server is killed, and is "+
				"started again %v later.\n"+
				"\n"+
				"- *In flight* are the requests that the server may have been at when it was killed: no more than one for each "+
				"connection.\n"+
				"- *Longest wait* is that of any request, whether it failed or not.\n"+
				"- *Dials* are connects to the server's address, counted by their first packets while nobody listens there.\n"+
				"- *Outage* is the time from the kill until the server serves.",
				crashRate, bench.CrashSleep, bench.AwayConnections, bench.AwayPatience, plan.Outage),
			header: []string{"contender", "requests", "in flight", "errors", "of which", "longest wait, s", "outage, s",
				"dials"},
		}
		names, runs, err := runCrashes(ctx, how, find, start, plan, how.outages.rounds, &out)
		if err != nil {
			return out, err
		}
		for i, name := range names {
			out.row(name, median(runs[i].each(func(c bench.Crash) float64 { return float64(len(c.Requests)) }), "%.0f"),
				counts(runs[i].each(func(c bench.Crash) float64 { return float64(c.InFlight) })),
				counts(runs[i].failed()), kinds(runs[i].kind), figure(runs[i].longest(), "%.2f"),
				figure(runs[i].each(func(c bench.Crash) float64 { return c.Outage().Seconds() }), "%.2f"), dialed(runs[i].dials()))
		}
		out.crashPromises(s.Name, plan, runs[0], runs[len(runs)-1])
		return out, nil
	}
}

// figure is a median with its range, if there is one: "7", "7 (5 … 8)".
func figure(s bench.Series, format string) string {
	if fmt.Sprintf(format, s.Min()) == fmt.Sprintf(format, s.Max()) {
		return median(s, format)
	}
	return spread(s, format)
}

func counts(s bench.Series) string { return figure(s, "%.0f") }

// or is for a figure that is negative in a run in which there was none.
func or(s bench.Series, format, none string) string {
	if s.Min() < 0 {
		return none
	}
	return figure(s, format)
}

func dialed(s bench.Series) string { return or(s, "%.0f", "not counted") }

func (s *section) crashPromises(server string, plan bench.CrashPlan, hand, pooled crashes) {
	what := fmt.Sprintf("%s crashes and is back after %v, %d requests a second: ", server, plan.Outage, crashRate)
	s.result(what+"errors", "%.0f", hand.failed(), pooled.failed())
	s.result(what+"refused dials that callers see", "%.0f", hand.kind(bench.Refused), pooled.kind(bench.Refused))
	s.result(what+"connects while it is away", "%.0f", hand.dials(), pooled.dials())
	more := pooled.each(func(c bench.Crash) float64 { return float64(c.Failed() - c.InFlight) })
	s.promise(what+"errors beyond the requests in flight", figure(more, "%.0f"), "at most 0", more.Max() <= 0)
	refused := pooled.kind(bench.Refused)
	s.promise(what+"refused dials that callers see", counts(refused), "0", refused.Max() == 0)
	longer := pooled.each(func(c bench.Crash) float64 { return (c.Longest() - c.Outage()).Seconds() })
	s.promise(what+"longest wait, longer than the outage", figure(longer, "%.2f s"), fmt.Sprintf("at most %v", crashWait),
		longer.Max() <= crashWait.Seconds())
	s.promise(what+"connects while it is away", dialed(pooled.dials()), fmt.Sprintf("at most %d", crashDials),
		pooled.dials().Min() >= 0 && pooled.dials().Max() <= crashDials)
}

func longOutage(
	find func() (bench.Server, bool), start func(testing.TB) bench.CrashServer,
) func(context.Context, settings) (section, error) {
	return func(ctx context.Context, how settings) (section, error) {
		plan := bench.CrashPlan{
			PerSecond: longRate, Before: time.Second, Outage: how.outages.long, After: how.outages.after,
			Grace: min(graceEnds, how.outages.long/2), Heap: true,
		}
		s, _ := find()
		out := section{
			title: "A long outage, " + s.Name,
			text: fmt.Sprintf("%d requests a second, and the server is away for %v. Else it is as above. There are %d runs of "+
				"pooled, and %d of each of the others.\n"+
				"\n"+
				"- *After the grace* are requests that come from %v after the kill on: how long a call took, mostly until it "+
				"failed.\n"+
				"- *Heap* is that of the whole program after a collection, before the kill and near the end of the outage.\n"+
				"- *First success* is the time from when the server serves until a request is answered.",
				longRate, plan.Outage, how.outages.rounds, longPeerRuns, plan.Grace),
			header: []string{"contender", "requests", "errors", "of which", "after the grace: p50, ms", "p99, ms",
				"heap before, MB", "during, MB", "first success, s", "dials"},
		}
		names, runs, err := runCrashes(ctx, how, find, start, plan, longPeerRuns, &out)
		if err != nil {
			return out, err
		}
		for i, name := range names {
			out.row(name, median(runs[i].each(func(c bench.Crash) float64 { return float64(len(c.Requests)) }), "%.0f"),
				counts(runs[i].failed()), kinds(runs[i].kind),
				figure(runs[i].afterGrace(plan, 0.5), "%.2f"), figure(runs[i].afterGrace(plan, 0.99), "%.2f"),
				figure(runs[i].each(func(c bench.Crash) float64 { return float64(c.HeapBefore) / 1e6 }), "%.2f"),
				figure(runs[i].each(func(c bench.Crash) float64 { return float64(c.HeapDuring) / 1e6 }), "%.2f"),
				or(runs[i].first(), "%.2f", "never"), dialed(runs[i].dials()))
		}
		out.longPromises(s.Name, plan, runs[0], runs[len(runs)-1])
		return out, nil
	}
}

func (all crashes) afterGrace(plan bench.CrashPlan, q float64) bench.Series {
	return all.each(func(c bench.Crash) float64 { return c.AfterGrace(plan).Milliseconds(q) })
}

func (s *section) longPromises(server string, plan bench.CrashPlan, hand, pooled crashes) {
	what := fmt.Sprintf("%s is away for %v: ", server, plan.Outage)
	s.result(what+"connects meanwhile", "%.0f", hand.dials(), pooled.dials())
	p99 := pooled.afterGrace(plan, 0.99)
	s.promise(what+"p99 of errors after the grace", figure(p99, "%.2f ms"), fmt.Sprintf("at most %g ms", errorMillis),
		p99.Median() <= errorMillis)
	heap := pooled.each(func(c bench.Crash) float64 { return float64(c.HeapDuring) / float64(c.HeapBefore) })
	s.promise(what+"heap to that of before", figure(heap, "%.2f"), fmt.Sprintf("at most %g", heapGrowth),
		heap.Median() <= heapGrowth)
	first := pooled.first()
	s.promise(what+"first success after its return", or(first, "%.2f s", "never"), fmt.Sprintf("at most %v", firstAfter),
		first.Min() >= 0 && first.Max() <= firstAfter.Seconds())
}
