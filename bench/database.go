package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// The loads of a program on a real database: what it does most, by every way from
// database/sql to the server.
const (
	DatabaseConnections = 16
	databaseRows        = 1000

	sixteen = "pool_size=16&pool_max_overflow=0"
)

// DatabaseGoroutines are one, fewer than connections, more, and many more.
var DatabaseGoroutines = []int{1, 4, 32, 256}

// DatabaseContenders begin with the driver itself with nothing tuned, tuned, and then pooled without and with its
// cache of statements. The rest are the server's own.
func DatabaseContenders(s Server) []Contender {
	all := []Contender{
		{s.module() + ", defaults", s.Bare},
		{s.module() + ", tuned", s.tuned},
		{"pooled", func() (*sql.DB, error) { return s.Pooled(sixteen) }},
		s.cached(256),
	}
	if s.driver == "mysql" {
		interpolating := s
		interpolating.DSN = withOptions(s.DSN, "interpolateParams=true")
		return append(all, Contender{s.module() + ", tuned, interpolateParams", interpolating.tuned})
	}
	return append(all, Contender{"pgx stdlib, tuned", s.pgx}, Contender{"pgx stdlib over pgxpool", s.pgxPool},
		Contender{"pooled over pgx", s.pooledPgx})
}

// The places of the first of DatabaseContenders, which all others are compared with.
const (
	BareDefaults = iota
	BareTuned
	PooledUncached
	PooledCached
	PgxStdlib // on PostgreSQL, with those below
	PgxPool
	PooledPgx
)

func (s Server) module() string {
	if s.driver == "mysql" {
		return "go-sql-driver/mysql"
	}
	return "lib/pq"
}

func (s Server) tuned() (*sql.DB, error) { return s.Tuned(DatabaseConnections) }

// cached is pooled with so many statements kept for each server connection.
func (s Server) cached(statements int) Contender {
	cache := fmt.Sprintf("pool_stmt_cache=%d", statements)
	return Contender{"pooled, " + cache, func() (*sql.DB, error) { return s.Pooled(sixteen + "&" + cache) }}
}

func (s Server) pgx() (*sql.DB, error) {
	s.driver = "pgx"
	return s.tuned()
}

func (s Server) pooledPgx() (*sql.DB, error) { return s.Pooled(sixteen + "&pool_driver=pgx") }

func (s Server) pgxPool() (*sql.DB, error) {
	cfg, err := pgxpool.ParseConfig(s.DSN)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = DatabaseConnections
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(ownPool{stdlib.GetPoolConnector(pool), pool})
	db.SetMaxIdleConns(0) // as OpenDBFromPool does: they are the pool's to keep
	return db, nil
}

// ownPool closes its pool with its sql.DB.
type ownPool struct {
	driver.Connector
	pool *pgxpool.Pool
}

// Close is called by database/sql.
func (p ownPool) Close() error {
	p.pool.Close()
	return nil
}

// DatabaseOperations need what MakeRows makes.
func DatabaseOperations(s Server) []Operation {
	return []Operation{
		{"simple query", s.Select1},
		{"one argument", s.selectRow(s.numbered("SELECT name FROM bench_rows WHERE id = ?"))},
		{"four arguments", s.selectByAll()},
		{"transaction", s.transaction()},
	}
}

// OneArgument is the place of the operation in DatabaseOperations.
const OneArgument = 1

// DatabaseGroups are the contenders, by their places, whose connections are open at one time: the server takes about a
// hundred, and with nothing tuned there is one for each goroutine.
func DatabaseGroups(contenders, goroutines int) [][]int {
	var all []int
	for i := range contenders {
		all = append(all, i)
	}
	switch {
	case goroutines*2 <= DatabaseConnections:
		return [][]int{all}
	case goroutines <= 2*DatabaseConnections:
		return [][]int{all[BareTuned:], {BareDefaults, BareTuned, PooledCached}}
	}
	return [][]int{all[BareTuned:]}
}

// numbered has the server's marks for arguments in the place of each "?".
func (s Server) numbered(query string) string {
	for n := 1; s.driver != "mysql" && strings.Contains(query, "?"); n++ {
		query = strings.Replace(query, "?", fmt.Sprintf("$%d", n), 1)
	}
	return query
}

func randomRow() int { return 1 + rand.IntN(databaseRows) }

// rowName is what a row must be found by, and is found to be.
func rowName(id int) string { return fmt.Sprintf("row %d", id) }

var rowMade = time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC)

func (s Server) selectRow(query string) func(context.Context, *sql.DB) error {
	return func(ctx context.Context, db *sql.DB) error {
		id := randomRow()
		var name string
		return is(db.QueryRowContext(ctx, query, id).Scan(&name), name, rowName(id))
	}
}

func is(err error, have, want string) error {
	if err == nil && have != want {
		err = fmt.Errorf("have %q, want %q", have, want)
	}
	return err
}

func (s Server) selectByAll() func(context.Context, *sql.DB) error {
	query := s.numbered("SELECT name FROM bench_rows WHERE id = ? AND name = ? AND price < ? AND made >= ?")
	return func(ctx context.Context, db *sql.DB) error {
		id := randomRow()
		var name string
		return is(db.QueryRowContext(ctx, query, id, rowName(id), float64(id)+0.5, rowMade).Scan(&name), name, rowName(id))
	}
}

func (s Server) transaction() func(context.Context, *sql.DB) error {
	query := s.numbered("SELECT hits FROM bench_rows WHERE id = ?")
	change := s.numbered("UPDATE bench_rows SET hits = hits + 1 WHERE id = ?")
	return func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // of what was not committed
		id, hits := randomRow(), 0
		if err = tx.QueryRowContext(ctx, query, id).Scan(&hits); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, change, id); err != nil {
			return err
		}
		return tx.Commit()
	}
}

// MakeRows makes the table of DatabaseOperations anew.
func (a *Admin) MakeRows(ctx context.Context) error {
	rows := make([]string, databaseRows)
	for i := range rows {
		id := i + 1
		rows[i] = fmt.Sprintf("(%d, '%s', %d, '%s', 0)", id, rowName(id), id, rowMade.Format(time.DateOnly))
	}
	for _, query := range []string{
		"DROP TABLE IF EXISTS bench_rows",
		"CREATE TABLE bench_rows (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, price DOUBLE PRECISION NOT NULL, made " +
			"DATE NOT NULL, hits INT NOT NULL)",
		"INSERT INTO bench_rows VALUES " + strings.Join(rows, ", "),
	} {
		if _, err := a.conn.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// DatabasePlan is how often and how long. A new start has new connections: on which CPU the kernel runs the server's
// end of one, and whether that is the program's own, makes a large difference that lasts as long as the connection.
type DatabasePlan struct {
	Starts int
	Warm   time.Duration // after a start
	Turns  int           // of each contender after each start
	Turn   time.Duration
}

// Compared is what became of one contender.
type Compared struct {
	Runs []Load
	hits uint64
}

// Hits is the share of its requests that ran by a statement that pooled had kept.
func (c Compared) Hits() float64 {
	requests := 0
	for _, l := range c.Runs {
		requests += l.Requests
	}
	return float64(c.hits) / float64(requests)
}

func stmtHits(db *sql.DB) uint64 {
	stats, err := poolStats(db)
	if err != nil {
		return 0 // it is not pooled
	}
	return stats.StmtHits
}

// CompareDatabase runs an operation by all contenders in turns, so short that what else the machine does meets all
// alike. An error of one request is an error of all.
func CompareDatabase(
	ctx context.Context,
	contenders []Contender,
	operation Operation,
	goroutines int,
	plan DatabasePlan,
) ([]Compared, error) {
	all := make([]Compared, len(contenders))
	for range plan.Starts {
		if err := compareOnce(ctx, contenders, operation, goroutines, plan, all); err != nil {
			return nil, fmt.Errorf("%s: %w", operation.Name, err)
		}
	}
	return all, nil
}

// compareOnce is one start.
func compareOnce(
	ctx context.Context,
	contenders []Contender,
	operation Operation,
	goroutines int,
	plan DatabasePlan,
	all []Compared,
) error {
	dbs := make([]*sql.DB, len(contenders))
	run := func(i int, length time.Duration) (Load, error) {
		l := Saturate(ctx, dbs[i], operation.Run, goroutines, length)
		if err := errors.Join(l.Example, openedAtMost(dbs[i], DatabaseConnections)); err != nil {
			return l, fmt.Errorf("%s: %w", contenders[i].Name, err)
		}
		return l, nil
	}
	for i, c := range contenders {
		db, err := c.Open()
		if err == nil {
			defer db.Close()
			err = openAll(ctx, db, min(goroutines, DatabaseConnections))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		dbs[i] = db
		if _, err = run(i, plan.Warm); err != nil {
			return err
		}
	}
	return InTurns(plan.Turns, len(contenders), func(i int) error {
		before := stmtHits(dbs[i])
		l, err := run(i, plan.Turn)
		all[i].Runs = append(all[i].Runs, l)
		all[i].hits += stmtHits(dbs[i]) - before
		return err
	})
}

// openedAtMost makes sure that a pool, if there is one, was as large as it says.
func openedAtMost(db *sql.DB, n int) error {
	if stats, err := poolStats(db); err == nil && stats.Opened > uint64(n) {
		return fmt.Errorf("server connections opened: have %d, want at most %d", stats.Opened, n)
	}
	return nil
}

// TextContenders tell what a cache costs and saves where not every text comes again and again.
func TextContenders(s Server) []Contender {
	all := []Contender{
		{"pooled", func() (*sql.DB, error) { return s.Pooled(sixteen) }},
		s.cached(64), s.cached(256), s.cached(512),
		{s.module() + ", tuned", s.tuned},
	}
	if s.driver == "postgres" {
		all = append(all, Contender{"pgx stdlib, tuned", s.pgx})
	}
	return all
}

// TextCached is the place of the cache of the usual size in TextContenders; the first one has none.
const TextCached = 2

// The streams of TextOperations.
const (
	hotTexts  = 10
	manyTexts = 300
)

// TextOperations ask for one row by its primary key, in texts that differ by a comment.
func TextOperations(s Server) []Operation {
	return []Operation{
		s.texts("each text once", func(n int64) int64 { return n }),
		s.texts(fmt.Sprintf("%d texts in every other query, the rest once", hotTexts), func(n int64) int64 {
			if n%2 == 0 {
				return -(n / 2 % hotTexts)
			}
			return n
		}),
		s.texts(fmt.Sprintf("%d texts in turn", manyTexts), func(n int64) int64 { return n % manyTexts }),
	}
}

// texts is a stream of its own for each contender: number tells which text its nth query has.
func (s Server) texts(name string, number func(n int64) int64) Operation {
	var streams sync.Map // from *sql.DB to *atomic.Int64
	return Operation{name, func(ctx context.Context, db *sql.DB) error {
		last, _ := streams.LoadOrStore(db, new(atomic.Int64))
		n := number(last.(*atomic.Int64).Add(1))
		return s.selectRow(s.numbered(fmt.Sprintf("SELECT name FROM bench_rows WHERE id = ? /* %d */", n)))(ctx, db)
	}}
}
