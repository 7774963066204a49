package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/pooled-go/pooled/bench"
)

// The promises for a query with one argument with the cache of statements.
const (
	cachedAlone = 2.0  // times the driver with nothing tuned, on one goroutine
	cachedMany  = 1.5  // times the driver tuned, on more goroutines than connections
	cachedPgx   = 0.97 // of pgx with a cache of its own, which leaves room for the noise
	overPgx     = 0.97 // of what pgx does with another pool, for each load
)

// rates are what one contender does in a second, and as shares of what others do
// in the same turns.
type rates struct{ perSecond, toTuned, toDefaults bench.Series }

// database is what a program does most, by every way there is.
func database(ctx context.Context, how settings, s bench.Server, admin *bench.Admin) (section, error) {
	contenders := bench.DatabaseContenders(s)
	out := section{
		title: "A program's queries",
		text: fmt.Sprintf(
			"Requests a second through database/sql, on %d connections, and their ratio to the tuned driver "+
				"(and the interval that holds the median\n"+
				"in 95 of 100 repetitions). A turn takes %v; after %d turns, new connections are opened. Tuned means "+
				"SetMaxOpenConns(%[1]d) and\n"+
				"SetMaxIdleConns(%[1]d). Without tuning, the driver opens a connection for each goroutine;\n"+
				"with 256 of them the server refuses some, so no figure is shown.",
			bench.DatabaseConnections,
			how.database.Turn,
			how.database.Turns,
		),
		header: []string{"operation", "contender"},
	}
	for _, n := range bench.DatabaseGoroutines {
		out.header = append(out.header, goroutines(n))
	}
	for at, operation := range bench.DatabaseOperations(s) {
		table := make([][]rates, len(contenders)) // for each, by goroutines
		for _, n := range bench.DatabaseGoroutines {
			if err := admin.MakeRows(ctx); err != nil {
				return out, err
			}
			step("%s, %s, %d goroutines", s.Name, operation.Name, n)
			column, err := compareDatabase(ctx, databasePlan(how, s, at, n), contenders, operation, n)
			if err != nil {
				return out, err
			}
			for i := range contenders {
				table[i] = append(table[i], column[i])
			}
			load := fmt.Sprintf("%s, %s", operation.Name, goroutines(n))
			out.databasePeers(load, contenders, column)
			if s.Name == "PostgreSQL" {
				out.pgxPromises(load, contenders, column)
			}
			if at == bench.OneArgument {
				out.databasePromises(s, n, column)
				if n == 1 {
					out.result(s.Name+": queries with an argument, one after the other, with `pool_stmt_cache=256`", "%.0f/s",
						column[bench.BareDefaults].perSecond, column[bench.PooledCached].perSecond)
				}
			}
		}
		out.databaseRows(operation, contenders, table)
		out.chart(databaseChart(s, operation, contenders, table))
	}
	return out, nil
}

func goroutines(n int) string {
	if n == 1 {
		return "1 goroutine"
	}
	return fmt.Sprintf("%d goroutines", n)
}

// databasePlan is for most where the promises are. More connections even out what one start has for luck.
func databasePlan(how settings, s bench.Server, operation, goroutines int) bench.DatabasePlan {
	plan := how.database
	if operation == bench.OneArgument || s.Name == "PostgreSQL" {
		plan.Starts *= 3
	}
	if goroutines > bench.DatabaseConnections {
		plan.Starts = (plan.Starts + 1) / 3
	}
	plan.Starts = max(1, plan.Starts)
	return plan
}

// compareDatabase has a place for each contender, empty if it can't be run.
func compareDatabase(
	ctx context.Context,
	plan bench.DatabasePlan,
	contenders []bench.Contender,
	operation bench.Operation,
	goroutines int,
) ([]rates, error) {
	column := make([]rates, len(contenders))
	for _, group := range bench.DatabaseGroups(len(contenders), goroutines) {
		var some []bench.Contender
		for _, i := range group {
			some = append(some, contenders[i])
		}
		all, err := bench.CompareDatabase(ctx, some, operation, goroutines, plan)
		if err != nil {
			return nil, err
		}
		perSecond := make([]bench.Series, len(contenders))
		for at, i := range group {
			perSecond[i] = loads(all[at].Runs).perSecond()
		}
		for _, i := range group {
			if column[i].perSecond == nil {
				column[i].perSecond, column[i].toTuned = perSecond[i], perSecond[i].Over(perSecond[bench.BareTuned])
			}
			if defaults := perSecond[bench.BareDefaults]; defaults != nil {
				column[i].toDefaults = perSecond[i].Over(defaults)
			}
		}
	}
	return column, nil
}

func (s *section) databaseRows(operation bench.Operation, contenders []bench.Contender, table [][]rates) {
	for i, c := range contenders {
		cells := []string{operation.Name, c.Name}
		for _, r := range table[i] {
			if r.perSecond == nil {
				cells = append(cells, "–")
				continue
			}
			cells = append(cells, fmt.Sprintf("%.0f: %s", r.perSecond.Median(), interval(r.toTuned, "%.2f")))
		}
		s.row(cells...)
	}
}

func databaseChart(
	server bench.Server,
	operation bench.Operation,
	contenders []bench.Contender,
	table [][]rates,
) chart {
	c := chart{
		file:  fileName(server.Name, operation.Name),
		title: fmt.Sprintf("%s, %s: requests/s on %d connections", server.Name, operation.Name, bench.DatabaseConnections),
		unit:  "requests/s",
	}
	for _, n := range bench.DatabaseGoroutines {
		c.groups = append(c.groups, goroutines(n))
	}
	for i, contender := range contenders {
		var all []bench.Series
		for _, r := range table[i] {
			all = append(all, r.perSecond)
		}
		c.series = append(c.series, quartiled(contender.Name, all...))
	}
	return c
}

// fileName is a chart's: "postgresql-one-argument.svg".
func fileName(words ...string) string {
	return strings.ReplaceAll(strings.ToLower(strings.Join(words, "-")), " ", "-") + ".svg"
}

// databasePeers compares the cache with everything else, and pooled without one
// with the tuned driver.
func (s *section) databasePeers(what string, contenders []bench.Contender, column []rates) {
	cached := column[bench.PooledCached].toTuned
	for i, c := range contenders {
		switch i {
		case bench.BareDefaults, bench.PooledUncached, bench.PooledCached, bench.PooledPgx:
			continue
		}
		s.against(what, c.Name, column[i].toTuned.Over(cached))
	}
	s.against(
		what+", without cache",
		contenders[bench.BareTuned].Name,
		column[bench.BareTuned].toTuned.Over(column[bench.PooledUncached].toTuned),
	)
}

// pgxPromises compares pooled over pgx with what else a program that uses pgx could take.
func (s *section) pgxPromises(load string, contenders []bench.Contender, column []rates) {
	for _, peer := range []int{bench.PgxStdlib, bench.PgxPool} {
		name, over := contenders[peer].Name, column[bench.PooledPgx].toTuned
		s.against(load+", over pgx", name, column[peer].toTuned.Over(over))
		ratio := over.Over(column[peer].toTuned)
		s.promise(fmt.Sprintf("PostgreSQL, %s, pooled over pgx: requests/s to %s", load, name),
			interval(ratio, "%.2f"), fmt.Sprintf("at least %g", overPgx), ratio.Median() >= overPgx)
	}
}

func (s *section) databasePromises(server bench.Server, n int, column []rates) {
	what := fmt.Sprintf("%s, one argument, %s, pool_stmt_cache=256: requests/s to ", server.Name, goroutines(n))
	cached := column[bench.PooledCached]
	promise := func(peer string, ratio bench.Series, least float64) {
		s.promise(what+peer, interval(ratio, "%.2f"), fmt.Sprintf("at least %g", least), ratio.Median() >= least)
	}
	switch n {
	case 1:
		promise("bare", cached.toDefaults, cachedAlone)
	case 32:
		promise("bare with nothing tuned", cached.toDefaults, cachedMany)
		promise("bare tuned", cached.toTuned, cachedMany)
	default:
		return
	}
	if server.Name == "PostgreSQL" {
		promise("pgx stdlib", cached.toTuned.Over(column[bench.PgxStdlib].toTuned), cachedPgx)
	}
}

// texts tells what becomes of the cache where not every text comes again and again.
func texts(ctx context.Context, how settings, s bench.Server, admin *bench.Admin) (section, error) {
	contenders := bench.TextContenders(s)
	out := section{
		title: "Texts that come once, or are too many",
		text: "Queries with one argument, on one goroutine and therefore on one connection. Their texts differ in a " +
			"comment. Shown are requests a second, and\n" +
			"their ratio to pooled without the cache (and the interval that holds the median in 95 of 100 " +
			"repetitions). A hit is a query that ran\n" +
			"by a kept statement.",
		header: []string{"texts", "contender", "hits", "requests/s", "to pooled without cache"},
	}
	if err := admin.MakeRows(ctx); err != nil {
		return out, err
	}
	plan := how.database
	plan.Starts, plan.Warm = (plan.Starts+1)/2, 10*plan.Warm // until all texts have come more than once
	picture := chart{
		file:  fileName(s.Name, "texts"),
		title: s.Name + ", texts that come once, or are too many: requests/s",
		unit:  "requests/s",
	}
	bars := make([][]bench.Series, len(contenders))
	for _, operation := range bench.TextOperations(s) {
		step("%s, %s", s.Name, operation.Name)
		all, err := bench.CompareDatabase(ctx, contenders, operation, 1, plan)
		if err != nil {
			return out, err
		}
		picture.groups = append(picture.groups, operation.Name)
		without, cached := loads(all[0].Runs).perSecond(), loads(all[bench.TextCached].Runs).perSecond()
		for i, c := range contenders {
			perSecond := loads(all[i].Runs).perSecond()
			bars[i] = append(bars[i], perSecond)
			out.row(operation.Name, c.Name, hits(all[i]), median(perSecond, "%.0f"), interval(perSecond.Over(without), "%.2f"))
			if i > bench.TextCached+1 {
				out.against(operation.Name, c.Name, perSecond.Over(cached))
			}
		}
		out.against(operation.Name+", pool_stmt_cache=256", "pooled without cache", without.Over(cached))
	}
	for i, c := range contenders {
		picture.series = append(picture.series, quartiled(c.Name, bars[i]...))
	}
	out.chart(picture)
	return out, nil
}

// hits is empty where there is no cache that tells.
func hits(c bench.Compared) string {
	if c.Hits() == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f%%", 100*c.Hits())
}
