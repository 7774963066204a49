package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/XSAM/otelsql"
	"github.com/ngrok/sqlmw"
	sqldblogger "github.com/simukti/sqldb-logger"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Contender is one way from a program to its database.
type Contender struct {
	Name string
	Open func() (*sql.DB, error)
}

// NullContenders reach a driver that does nothing, at once and without
// allocating: what is left is the price of the way. The first one is bare
// database/sql, the last three are wrappers that look on: sqlmw with an
// interceptor that does nothing, otelsql with OpenTelemetry's own default, which
// records nothing, sqldb-logger with a logger that drops everything.
var NullContenders = contendersOver(pooledtest.Null{})

func contendersOver(wrapped driver.Connector) []Contender {
	return []Contender{
		{"bare", func() (*sql.DB, error) { return tuned(sql.OpenDB(wrapped)), nil }},
		{"pooled", func() (*sql.DB, error) { return openOver(wrapped, nil) }},
		{"pooled, class direct", func() (*sql.DB, error) {
			return openOver(wrapped, func(c *pooled.Config) { c.Class = pooled.ClassDirect })
		}},
		{"sqlmw", func() (*sql.DB, error) { return openSQLMW(wrapped.Driver()) }},
		{"otelsql", func() (*sql.DB, error) { return tuned(otelsql.OpenDB(wrapped)), nil }},
		{
			"sqldb-logger",
			func() (*sql.DB, error) { return tuned(sqldblogger.OpenDriver("", wrapped.Driver(), noLog{})), nil },
		},
	}
}

// noLog is sqldb-logger's logger.
type noLog struct{}

func (noLog) Log(context.Context, sqldblogger.Level, string, map[string]any) {}

// Names are those of the contenders, in their order.
func Names(contenders []Contender) []string {
	names := make([]string, len(contenders))
	for i, c := range contenders {
		names[i] = c.Name
	}
	return names
}

// OpenNull opens pooled over the null driver. The pool is told that it speaks
// to PostgreSQL, since what a statement may leave behind is told by dialect.
func OpenNull(change func(*pooled.Config)) (*sql.DB, error) {
	return openOver(pooledtest.Null{}, change)
}

func openOver(wrapped driver.Connector, change func(*pooled.Config)) (*sql.DB, error) {
	connector, err := nullConnector(wrapped, change)
	if err != nil {
		return nil, err
	}
	return tuned(sql.OpenDB(connector)), nil
}

func nullConnector(wrapped driver.Connector, change func(*pooled.Config)) (*pooled.Connector, error) {
	cfg := pooled.NewConfig()
	cfg.Driver = "postgres"
	if change != nil {
		change(&cfg)
	}
	return pooled.NewConnector(wrapped, cfg)
}

func openSQLMW(own driver.Driver) (*sql.DB, error) {
	wrapped := sqlmw.Driver(own, sqlmw.NullInterceptor{})
	connector, err := wrapped.(driver.DriverContext).OpenConnector("")
	if err != nil {
		return nil, err
	}
	return tuned(sql.OpenDB(connector)), nil
}

// tuned lets database/sql keep its conns, for all contenders alike: what it
// costs to open and close them all the time is measured elsewhere.
func tuned(db *sql.DB) *sql.DB {
	db.SetMaxIdleConns(1 << 20)
	return db
}

// Operation is what a program does once.
type Operation struct {
	Name string
	Run  func(context.Context, *sql.DB) error
}

// NullOperations are the operations measured over the null driver.
var NullOperations = []Operation{
	{"Exec", execOnce},
	{"Exec, one argument", execArg},
	{"Query", queryOnce},
	{"Begin, Exec, Commit", txOnce},
}

const update = "UPDATE t SET x = 1 WHERE id = 7"

func execOnce(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, update)
	return err
}

func execArg(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "UPDATE t SET x = 1 WHERE id = $1", 7)
	return err
}

func queryOnce(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "SELECT x FROM t WHERE id = 7")
	if err != nil {
		return err
	}
	return rows.Close()
}

func txOnce(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, update); err != nil {
		return err
	}
	return tx.Commit()
}

// Cost is what one operation costs.
type Cost struct{ Nanoseconds, Allocations Series }

// MeasureCosts runs an operation by all contenders in turns, in slices so short
// that what else the machine does meets all alike.
func MeasureCosts(ctx context.Context, contenders []Contender, run func(context.Context, *sql.DB) error,
	rounds, goroutines int, slice time.Duration) ([]Cost, error) {
	dbs := make([]*sql.DB, len(contenders))
	for i, c := range contenders {
		db, err := c.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		defer db.Close()
		dbs[i] = db
	}
	n, err := timesIn(ctx, dbs[0], run, slice)
	if err != nil {
		return nil, err
	}
	costs := make([]Cost, len(contenders))
	err = InTurns(rounds, len(contenders), func(i int) error {
		ns, allocs, err := costOf(ctx, dbs[i], run, n, goroutines)
		costs[i].Nanoseconds = append(costs[i].Nanoseconds, ns)
		costs[i].Allocations = append(costs[i].Allocations, allocs)
		return err
	})
	return costs, err
}

// timesIn is how often an operation runs in the given time.
func timesIn(
	ctx context.Context,
	db *sql.DB,
	run func(context.Context, *sql.DB) error,
	slice time.Duration,
) (int, error) {
	for n := 1000; ; n *= 2 {
		began := time.Now()
		if err := repeat(ctx, db, run, n); err != nil {
			return 0, err
		}
		if took := time.Since(began); took > slice/4 {
			return max(1, int(float64(n)*float64(slice)/float64(took))), nil
		}
	}
}

// costOf is the time and the number of allocations of one of n operations,
// spread over goroutines.
func costOf(
	ctx context.Context,
	db *sql.DB,
	run func(context.Context, *sql.DB) error,
	n, goroutines int,
) (ns, allocs float64, err error) {
	if err = repeat(ctx, db, run, 100); err != nil { // its code and data into the caches
		return 0, 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	err = together(goroutines, func(int) error { return repeat(ctx, db, run, n/goroutines) })
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	n = n / goroutines * goroutines
	return float64(took) / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n), err
}

func repeat(ctx context.Context, db *sql.DB, run func(context.Context, *sql.DB) error, n int) error {
	for range n {
		if err := run(ctx, db); err != nil {
			return err
		}
	}
	return nil
}

// together runs f on so many goroutines and returns one of their errors.
func together(goroutines int, f func(i int) error) error {
	if goroutines == 1 {
		return f(0)
	}
	errs := make([]error, goroutines)
	var all sync.WaitGroup
	for i := range goroutines {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
