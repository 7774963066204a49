package main

import (
	"context"
	"fmt"

	"github.com/pooled-go/pooled/bench"
)

// killShare is the most errors that pooled may have of those of database/sql
// tuned by hand.
const killShare = 0.5

// kills are the runs of one contender under one load.
type kills []bench.Killed

func (all kills) sum(f func(bench.Killed) int) (n int) {
	for _, k := range all {
		n += f(k)
	}
	return n
}

func (all kills) failed() int { return all.sum(func(k bench.Killed) int { return k.Failed }) }

func (all kills) sentTwice() int { return all.sum(func(k bench.Killed) int { return k.SentTwice }) }

func (all kills) example() error {
	for _, k := range all {
		if k.Example != nil {
			return k.Example
		}
	}
	return nil
}

// killed counts what an administrator's kills do to programs under load.
func killed(ctx context.Context, how settings, s bench.Server, admin *bench.Admin) (section, error) {
	out := section{
		title: "Kill under load",
		text: fmt.Sprintf(
			"Queries, writes and small transactions run on %d connections, while sessions chosen at random "+
				"are killed: one every %v, or all every\n"+
				"%v. A run takes %v; shown are sums over the runs. A proxy in front of the server records what "+
				"is sent, and a table shows what was\n"+
				"done.\n"+
				"\n"+
				"- *Sent twice* are statements that database/sql sent again after they had reached the server, "+
				"because lib/pq returned ErrBadConn. That hides\n"+
				"  an error, and may run a statement twice.\n"+
				"- *Failed, but done* cannot be avoided: the session died between the work and its answer.\n"+
				"- *Of idle ones* is what the server listed as idle just before the kill.\n"+
				"- *Not in flight* are errors of operations that were not running at a kill and did not begin "+
				"within %v after it.",
			bench.KillConnections,
			bench.KillLoads[0].Every,
			bench.KillLoads[2].Every,
			how.kill,
			bench.KillGrace,
		),
		header: []string{
			"load",
			"contender",
			"kills",
			"of idle ones",
			"operations",
			"errors",
			"errors and sent twice, per kill",
			"not in flight",
			"sent twice",
			"done twice",
			"failed, but done",
			"lost",
		},
	}
	for _, load := range bench.KillLoads {
		contenders := bench.KillContenders(s)
		runs := make([]kills, len(contenders))
		err := bench.InTurns(how.pairs, len(contenders), func(i int) error {
			step("%s, kill, %s, %s, run %d", s.Name, load.Name, contenders[i].Name, len(runs[i])+1)
			k, err := bench.RunKill(ctx, admin, i, load, how.kill, uint64(len(runs[i]))+1)
			runs[i] = append(runs[i], k)
			return err
		})
		if err != nil {
			return out, err
		}
		for i, c := range contenders {
			out.killRow(load, c, runs[i])
			if err := runs[i].example(); err != nil {
				out.text += fmt.Sprintf("\n\nAn error, %s, %s: `%v`", load.Name, c.Name, err)
			}
		}
		out.killPromises(s, load, runs[0], runs[1])
	}
	return out, nil
}

func (s *section) killRow(load bench.KillLoad, c bench.Contender, runs kills) {
	count := func(f func(bench.Killed) int) string { return fmt.Sprint(runs.sum(f)) }
	n := runs.sum(func(k bench.Killed) int { return k.Kills })
	s.row(load.Name, c.Name, fmt.Sprint(n),
		count(func(k bench.Killed) int { return k.KillsIdle }),
		count(func(k bench.Killed) int { return k.Requests }),
		fmt.Sprint(runs.failed()), fmt.Sprintf("%.2f", float64(runs.failed()+runs.sentTwice())/float64(n)),
		count(func(k bench.Killed) int { return k.Stale }),
		fmt.Sprint(runs.sentTwice()),
		count(func(k bench.Killed) int { return k.DoneTwice }),
		count(func(k bench.Killed) int { return k.FailedDone }),
		count(func(k bench.Killed) int { return k.Lost }))
}

func (s *section) killPromises(server bench.Server, load bench.KillLoad, hand, pooled kills) {
	if load == bench.KillLoads[1] {
		sessions := fmt.Sprintf("%s: %d sessions killed, most of them idle: ", server.Name,
			pooled.sum(func(k bench.Killed) int { return k.Kills }))
		s.count(sessions+"statements sent twice", hand.sentTwice(), pooled.sentTwice())
		s.count(sessions+"errors", hand.failed(), pooled.failed())
	}
	what := fmt.Sprintf("kill under load, %s, %s: ", server.Name, load.Name)
	s.promise(what+"errors to tuned by hand", fmt.Sprintf("%d to %d", pooled.failed(), hand.failed()),
		fmt.Sprintf("at most %g", killShare), float64(pooled.failed()) <= killShare*float64(hand.failed()))
	stale := pooled.sum(func(k bench.Killed) int { return k.Stale })
	s.promise(what+"errors of operations that were not in flight", stale, "0", stale == 0)
	twice := pooled.sum(func(k bench.Killed) int { return k.SentTwice + k.DoneTwice + k.Lost })
	s.promise(what+"sent twice, done twice, lost", twice, "0", twice == 0)
}
