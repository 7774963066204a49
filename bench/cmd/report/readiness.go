//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/pooled-go/pooled/bench"
)

// noticedAt is the probe that must find out at the latest that the server is gone.
const noticedAt = 2

func readiness(
	find func() (bench.Server, bool), start func(testing.TB) bench.CrashServer,
) func(context.Context, settings) (section, error) {
	return func(ctx context.Context, how settings) (section, error) {
		s, _ := find()
		plan, probers := how.outages.readiness, bench.Probers()
		out := section{
			title: "Readiness probes, " + s.Name,
			text: fmt.Sprintf("A program is asked every %v whether it is ready, and has as long to answer: %d times while all "+
				"its connections are in use\nand callers wait for one, and then until it says that it is not, after the server "+
				"was killed.",
				plan.Every, plan.Busy),
			header: []string{"contender", fmt.Sprintf("unready of %d while busy", plan.Busy), "notices at probe"},
		}
		busy, noticed := make([]bench.Series, len(probers)), make([]bench.Series, len(probers))
		err := bench.WithServers(ctx, func(tb testing.TB) error {
			server := start(tb)
			return bench.InTurns(how.outages.rounds, len(probers), func(i int) error {
				step("%s, readiness, %s, run %d", s.Name, probers[i].Name, len(busy[i])+1)
				r, err := bench.RunReadiness(ctx, server, s, probers[i], plan)
				busy[i] = append(busy[i], float64(r.BusyUnready))
				noticed[i] = append(noticed[i], float64(r.NoticedAt))
				return errors.Join(err, ctx.Err())
			})
		})
		if err != nil {
			return out, err
		}
		for i, p := range probers {
			out.row(p.Name, counts(busy[i]), counts(noticed[i]))
		}
		last := len(probers) - 1
		what := s.Name + ", a probe " + fmt.Sprintf("every %v", plan.Every) + ": "
		out.result(fmt.Sprintf("%sunready of %d while all connections are in use", what, plan.Busy), "%.0f",
			busy[0], busy[last])
		out.promise(what+"unready while all connections are in use", counts(busy[last]), "0", busy[last].Max() == 0)
		out.promise(what+"the server is gone at probe", counts(noticed[last]), fmt.Sprintf("at most %d", noticedAt),
			noticed[last].Min() >= 1 && noticed[last].Max() <= noticedAt)
		return out, nil
	}
}
