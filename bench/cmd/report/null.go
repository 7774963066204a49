package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/pooled-go/pooled/bench"
)

// The promises.
const (
	overheadAllocations = 0
	leakNanoseconds     = 400
)

func nullCosts(ctx context.Context, how settings) (section, error) {
	s := section{
		title: "Over a driver that does nothing",
		text: fmt.Sprintf(
			"What one operation costs, and how much more than with database/sql alone. Shown are medians of "+
				"%d runs of about %v, and quartiles.\n"+
				"All contenders keep their idle connections (SetMaxIdleConns). The context can be canceled. The "+
				"dialect is PostgreSQL's. The wrappers\n"+
				"do nothing: sqlmw has an empty interceptor, otelsql no exporter, and sqldb-logger a logger that "+
				"drops everything.",
			how.slices,
			how.slice,
		),
		header: []string{"operation", "goroutines", "contender", "ns/op", "more, ns", "allocs/op", "more"},
	}
	names := bench.Names(bench.NullContenders)
	more := make([][]bench.Series, len(names)) // of one goroutine, by contender and operation
	for _, operation := range bench.NullOperations {
		for _, goroutines := range distinct(1, runtime.GOMAXPROCS(0)) {
			step("null driver, %s, %d goroutines", operation.Name, goroutines)
			costs, err := bench.MeasureCosts(ctx, bench.NullContenders, operation.Run, how.slices, goroutines, how.slice)
			if err != nil {
				return s, err
			}
			s.addCosts(operation.Name, goroutines, names, costs)
			if goroutines > 1 {
				continue
			}
			s.promiseCosts(operation.Name, names, costs)
			s.result(operation.Name+" over a driver that does nothing", "%.0f ns", costs[0].Nanoseconds, costs[1].Nanoseconds)
			for i := range names {
				more[i] = append(more[i], costs[i].Nanoseconds.Minus(costs[0].Nanoseconds))
			}
		}
	}
	c := chart{
		file:  "overhead.svg",
		title: "What one operation costs more than with bare database/sql, 1 goroutine",
		unit:  "ns, median and quartiles (logarithmic)",
		log:   true,
	}
	for _, operation := range bench.NullOperations {
		c.groups = append(c.groups, operation.Name)
	}
	for i, name := range names[1:] {
		c.series = append(c.series, quartiled(name, more[i+1]...))
	}
	s.chart(c)
	return s, nil
}

func (s *section) addCosts(operation string, goroutines int, names []string, costs []bench.Cost) {
	base, pooled := costs[0], costs[1]
	for i, c := range costs {
		s.row(operation, fmt.Sprint(goroutines), names[i],
			median(c.Nanoseconds, "%.0f"), middle(c.Nanoseconds.Minus(base.Nanoseconds), "%+.0f"),
			median(c.Allocations, "%.1f"), median(c.Allocations.Minus(base.Allocations), "%+.1f"))
		if names[i] != "pooled, class direct" && i != 1 {
			s.against(
				operation+", "+counted(goroutines, "goroutine", "goroutines"),
				names[i],
				pooled.Nanoseconds.Over(c.Nanoseconds),
			)
		}
	}
}

// promiseCosts: pooled's overhead is less than sqlmw's. Over bare both have the
// same base, so that the difference of their times says it.
func (s *section) promiseCosts(operation string, names []string, costs []bench.Cost) {
	bare, pooled, sqlmw := costs[0], costs[1], costs[slices.Index(names, "sqlmw")]
	s.promise(
		operation+" over the null driver: pooled's overhead less sqlmw's",
		interval(pooled.Nanoseconds.Minus(sqlmw.Nanoseconds), "%+.0f ns"),
		"below 0",
		pooled.Nanoseconds.Minus(sqlmw.Nanoseconds).Median() < 0,
	)
	more := pooled.Allocations.Minus(bare.Allocations)
	s.promise(operation+" over the null driver: allocations more than bare", median(more, "%+.1f"),
		fmt.Sprintf("+%d", overheadAllocations), math.Round(10*more.Median()) <= 10*overheadAllocations)
}

func watchedCosts(ctx context.Context, how settings) (section, error) {
	s := section{
		title: "Cost of observing",
		text: "How much more one Exec costs when the pool is observed. It runs over the driver that does nothing, on " +
			"one goroutine. Shown are medians and\n" +
			"quartiles, as above.",
		header: []string{"", "ns/op", "more, ns", "allocs/op", "more"},
	}
	step("looking on")
	contenders := bench.WatchedContenders
	costs, err := bench.MeasureCosts(ctx, contenders, bench.NullOperations[0].Run, how.slices, 1, how.slice)
	if err != nil {
		return s, err
	}
	for i, c := range contenders {
		more, moreAllocs := costs[i].Nanoseconds.Minus(costs[0].Nanoseconds), costs[i].Allocations.Minus(costs[0].Allocations)
		s.row(c.Name, median(costs[i].Nanoseconds, "%.0f"), middle(more, "%+.0f"),
			median(costs[i].Allocations, "%.1f"), median(moreAllocs, "%+.1f"))
		if i == 1 {
			s.promise("looking for leaks, for each checkout", median(more, "%+.0f ns"),
				fmt.Sprintf("at most +%d ns", leakNanoseconds), more.Median() <= leakNanoseconds)
		}
	}
	return s, nil
}

func distinct(a, b int) []int {
	if a == b {
		return []int{a}
	}
	return []int{a, b}
}
