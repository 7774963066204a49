//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/pooled-go/pooled/bench"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// holeGrowth is by how many milliseconds a host that does not answer may make the slowest requests slower.
const holeGrowth = 5.0

// addressed is a server at other addresses.
type addressed interface {
	bench.CrashServer
	DSNAt(addresses string) string
}

// holes are the runs of one contender: with the host that does not answer, and without.
type holes struct{ with, without []bench.Hole }

func latencies(all []bench.Hole, q float64) bench.Series {
	var s bench.Series
	for _, h := range all {
		s = append(s, h.Latency().Milliseconds(q))
	}
	return s
}

func failures(all []bench.Hole) bench.Series {
	var s bench.Series
	for _, h := range all {
		s = append(s, float64(h.Failed()))
	}
	return s
}

func holed(find func() (bench.Server, bool), start func(testing.TB) bench.CrashServer) func(context.Context, settings) (
	section, error) {
	return func(ctx context.Context, how settings) (section, error) {
		s, _ := find()
		plan, contenders := how.outages.hole, bench.HoleContenders(s)
		out := section{
			title: "The first of two hosts does not answer, " + s.Name,
			text: fmt.Sprintf("%g requests a second come at random moments, on %d connections, each of which is renewed after "+
				"a second. The DSN has two hosts, of which\nthe first does not answer at all, or only the second one. What "+
				"is tuned by hand, pgxpool too, gives up a connect after 2s (`connect_timeout`); pooled is not\ntold so. The "+
				"first %v do not count. HikariCP is not here, since it renews connections after 30s at the earliest.",
				plan.PerSecond, bench.AwayConnections, plan.FindOut),
			header: []string{"contender", "hosts", "errors", "p50, ms", "p99, ms", "p99, more than with one host, ms"},
		}
		all := make([]holes, len(contenders))
		err := bench.WithServers(ctx, func(tb testing.TB) error {
			server := start(tb).(addressed)
			two := s.At(server.DSNAt, cluster.BlackHole(tb), server.Addr())
			one := s.At(server.DSNAt, server.Addr())
			return bench.InTurns(how.outages.rounds, len(contenders), func(i int) error {
				seed := uint64(len(all[i].with)) + 1
				step("%s, a host does not answer, %s, run %d", s.Name, contenders[i].Name, seed)
				with, err := bench.RunHole(ctx, two, contenders[i], plan, seed)
				without, alsoErr := bench.RunHole(ctx, one, contenders[i], plan, seed)
				all[i] = holes{append(all[i].with, with), append(all[i].without, without)}
				return errors.Join(err, alsoErr, ctx.Err())
			})
		})
		if err != nil {
			return out, err
		}
		for i, c := range contenders {
			out.holeRows(c.Name, all[i])
		}
		out.holePromises(s.Name, all[0], all[len(all)-1])
		return out, nil
	}
}

func (h holes) growth() bench.Series {
	return latencies(h.with, 0.99).Minus(latencies(h.without, 0.99))
}

func (s *section) holeRows(name string, h holes) {
	s.row(name, "two", counts(failures(h.with)), figure(latencies(h.with, 0.5), "%.2f"),
		figure(latencies(h.with, 0.99), "%.2f"), figure(h.growth(), "%+.2f"))
	s.row(name, "one", counts(failures(h.without)), figure(latencies(h.without, 0.5), "%.2f"),
		figure(latencies(h.without, 0.99), "%.2f"), "")
}

func (s *section) holePromises(server string, first, pooled holes) {
	what := server + ", the first of two hosts does not answer, connections live for a second: "
	if server != "MariaDB" { // its driver takes one host
		s.result(what+"99% of requests take at most", "%.1f ms", latencies(first.with, 0.99), latencies(pooled.with, 0.99))
	}
	s.promise(what+"p99, more than with one host", figure(pooled.growth(), "%.2f ms"),
		fmt.Sprintf("at most %g ms", holeGrowth), pooled.growth().Median() <= holeGrowth)
}
