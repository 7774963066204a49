//go:build linux

package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/pooled-go/pooled/bench"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// The promises of a failover.
const (
	failoverRate  = 500 // writes a second
	failoverFirst = time.Second
)

// changer has a contender write while servers change places.
type changer interface {
	Run(context.Context, bench.AwayContender, bench.FailoverPlan, uint64) (bench.Failover, error)
}

// changers start a pair of servers behind HAProxy, or behind a name.
type changers func(tb testing.TB, s bench.Server, byName bool) changer

func postgresPairs(tb testing.TB, s bench.Server, byName bool) changer {
	primary := cluster.Postgres(tb)
	return newPair(tb, s, byName, primary, primary.Standby())
}

func mysqlPairs(tb testing.TB, s bench.Server, byName bool) changer {
	primary := cluster.MySQL(tb)
	return newPair(tb, s, byName, primary, primary.Replica())
}

func newPair[S bench.FailoverServer[S]](tb testing.TB, s bench.Server, byName bool, primary, standby S) changer {
	if byName {
		return bench.ByName(tb, s, primary, standby)
	}
	return bench.ByProxy(tb, s, primary, standby)
}

// failovers are the runs of one contender.
type failovers []bench.Failover

func (all failovers) each(f func(bench.Failover) float64) bench.Series {
	var s bench.Series
	for _, one := range all {
		s = append(s, f(one))
	}
	return s
}

func (all failovers) failed() bench.Series {
	return all.each(func(f bench.Failover) float64 { return float64(f.Failed()) })
}

func (all failovers) kind(k bench.Kind) bench.Series {
	return all.each(func(f bench.Failover) float64 { return float64(f.OfKind(k)) })
}

// first is negative for a run in which no write succeeded.
func (all failovers) first() bench.Series {
	return all.each(func(f bench.Failover) float64 { return f.FirstWrite().Seconds() })
}

func failover(find func() (bench.Server, bool), start changers) func(context.Context, settings) (section, error) {
	return func(ctx context.Context, how settings) (section, error) {
		s, _ := find()
		plan := bench.FailoverPlan{PerSecond: failoverRate, Before: time.Second, After: how.outages.after}
		out := section{
			title: "A failover with a demotion, " + s.Name,
			text: fmt.Sprintf("%d writes a second come at random moments, each an INSERT of one row, on %d connections. The "+
				"primary becomes read-only and\ngoes on to run, its standby is promoted, and the address leads to that one: "+
				"HAProxy, which checks every 100ms and leaves connections as they\nare, or a name whose address changes. The "+
				"run goes on for %v.\n"+
				"\n"+
				"- *Change* is the time from the demotion until the address leads to a primary that takes writes.\n"+
				"- *First write* is the time from then on until a write succeeds.\n"+
				"- *At the end* are the writes of the last second that fail.",
				failoverRate, bench.AwayConnections, plan.After),
			header: []string{"address", "contender", "writes", "errors", "of which", "change, s", "first write, s",
				"longest wait, s", "at the end, %"},
		}
		for _, byName := range []bool{false, true} {
			if err := out.failover(ctx, how, s, plan, start, byName); err != nil {
				return out, err
			}
		}
		return out, nil
	}
}

// failover is one half of the section.
func (s *section) failover(ctx context.Context, how settings, server bench.Server, plan bench.FailoverPlan,
	start changers, byName bool) error {
	address := map[bool]string{false: "HAProxy", true: "a name"}[byName]
	contenders := bench.AwayContenders(server, "")
	all := make([]failovers, len(contenders))
	missing, err := inTurns(ctx, how, contenders, func(tb testing.TB) func(int) error {
		pair := start(tb, server, byName)
		return func(i int) error {
			step("%s, failover by %s, %s, run %d", server.Name, address, contenders[i].Name, len(all[i])+1)
			f, err := pair.Run(ctx, contenders[i], plan, uint64(len(all[i]))+1)
			all[i] = append(all[i], f)
			s.remember(f.Version)
			return err
		}
	})
	if err != nil {
		return err
	}
	for i, c := range contenders {
		if s.measured(missing[i]) {
			s.failoverRow(address, c.Name, all[i])
		}
	}
	s.failoverPromises(server.Name, address, all[0], all[len(all)-1])
	return nil
}

func (s *section) failoverRow(address, contender string, runs failovers) {
	s.row(address, contender,
		median(runs.each(func(f bench.Failover) float64 { return float64(len(f.Requests)) }), "%.0f"),
		counts(runs.failed()), kinds(runs.kind),
		figure(runs.each(func(f bench.Failover) float64 { return f.Accepted.Sub(f.Demoted).Seconds() }), "%.2f"),
		or(runs.first(), "%.3f", "never"),
		figure(runs.each(func(f bench.Failover) float64 { return f.Longest().Seconds() }), "%.2f"),
		counts(runs.each(func(f bench.Failover) float64 { return 100 * f.Stuck() })))
}

func (s *section) failoverPromises(server, address string, hand, pooled failovers) {
	what := fmt.Sprintf("%s, a new primary behind %s, %d writes a second: ", server, address, failoverRate)
	s.result(what+"writes that fail", "%.0f", hand.failed(), pooled.failed())
	s.promise(what+"writes that fail", counts(pooled.failed()), fmt.Sprintf("at most %d, one for each connection",
		bench.AwayConnections), pooled.failed().Max() <= bench.AwayConnections)
	s.promise(what+"first write", or(pooled.first(), "%.3f s", "never"), fmt.Sprintf("at most %v", failoverFirst),
		pooled.first().Min() >= 0 && pooled.first().Max() <= failoverFirst.Seconds())
}
