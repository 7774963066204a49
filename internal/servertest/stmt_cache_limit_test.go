package servertest_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// MySQL refuses to prepare more than max_prepared_stmt_count statements of all clients. That must not become the
// error of a program that would have had none without the cache: a statement for itself, to be closed at once, is all
// that each caller needs.
func TestStmtCacheAtTheServersLimit(t *testing.T) {
	const callers, conns, texts = 8, 4, 30
	s := onMySQL
	for _, test := range []struct {
		limit    int
		pools    int
		prepares bool // the program prepares a statement of its own
	}{{conns + 2, 1, false}, {2 * conns, 1, false}, {20, 1, true}, {40, 1, false}, {3*conns + 2, 3, false},
		{40, 3, true}} {
		t.Run(fmt.Sprintf("%d for %d pools, %v", test.limit, test.pools, test.prepares), func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			waitKeptByAll(t, admin, 0)
			before := pooledtest.ScanOne[int](t, admin, "SELECT @@max_prepared_stmt_count")
			defer func() { pooledtest.MustExec(t, admin, fmt.Sprint("SET GLOBAL max_prepared_stmt_count = ", before)) }()
			pooledtest.MustExec(t, admin, fmt.Sprint("SET GLOBAL max_prepared_stmt_count = ", test.limit))
			var dbs []*sql.DB
			for range test.pools {
				dbs = append(dbs, openServer(t, "pooled", s.dsn(t), cacheOf(cacheSize), fmt.Sprint("pool_max_conns=", conns)))
			}
			for _, err := range s.askAll(t, dbs, callers, texts) {
				t.Error(err)
			}
			if test.prepares {
				stmt, err := dbs[0].Prepare(s.loadText(1))
				if err != nil {
					t.Fatal(err)
				}
				defer stmt.Close()
				for i := range 20 {
					if err := stmt.QueryRow(i).Scan(new(int), new(int), new(string)); err != nil {
						t.Errorf("prepared: %v", err)
					}
				}
				for _, err := range s.askAll(t, dbs, callers, texts) {
					t.Error(err)
				}
			}
		})
	}
}

// The same when the limit falls below what is kept: those who have given up what they keep have no error after that.
func TestStmtCacheWhenTheServersLimitFalls(t *testing.T) {
	const callers, conns, texts = 8, 4, 30
	s := onMySQL
	admin := openServer(t, s.bare, s.dsn(t))
	waitKeptByAll(t, admin, 0)
	before := pooledtest.ScanOne[int](t, admin, "SELECT @@max_prepared_stmt_count")
	restore := func() { pooledtest.MustExec(t, admin, fmt.Sprint("SET GLOBAL max_prepared_stmt_count = ", before)) }
	defer restore()
	dbs := []*sql.DB{openServer(t, "pooled", s.dsn(t), cacheOf(cacheSize), fmt.Sprint("pool_max_conns=", conns))}
	for _, err := range s.askAll(t, dbs, callers, texts) {
		t.Error(err)
	}
	pooledtest.MustExec(t, admin, fmt.Sprint("SET GLOBAL max_prepared_stmt_count = ", 2*conns))
	if errs := s.askAll(t, dbs, callers, texts); len(errs) > 0 {
		t.Logf("%d of %d callers have had an error, such as %v", len(errs), callers, errs[0])
	}
	for _, err := range s.askAll(t, dbs, callers, texts) {
		t.Error(err)
	}
	restore()
	for _, err := range s.askAll(t, dbs, callers, texts) {
		t.Error(err)
	}
}

// askAll lets callers ask, each until it has an error.
func (s server) askAll(t testing.TB, dbs []*sql.DB, callers, texts int) (errs []error) {
	t.Helper()
	all := make(chan error, callers*len(dbs))
	var wg sync.WaitGroup
	for _, db := range dbs {
		for range callers {
			wg.Go(func() {
				for range 40 {
					if err := s.askOwn(t.Context(), db, rand.IntN(texts), 1); err != nil {
						all <- err
						return
					}
				}
			})
		}
	}
	wg.Wait()
	close(all)
	for err := range all {
		errs = append(errs, err)
	}
	return errs
}

// A limit of none, at which every statement is refused, is the same error with the cache and without.
func TestStmtCacheWithoutStatements(t *testing.T) {
	s := onMySQL
	admin := openServer(t, s.bare, s.dsn(t))
	before := pooledtest.ScanOne[int](t, admin, "SELECT @@max_prepared_stmt_count")
	limit := func(n int) { pooledtest.MustExec(t, admin, fmt.Sprint("SET GLOBAL max_prepared_stmt_count = ", n)) }
	defer limit(before)
	ask := func(db *sql.DB) (all []string) {
		defer db.Close()
		waitKeptByAll(t, admin, 0)
		for _, n := range []int{0, before} {
			limit(n)
			for i := range 4 {
				all = append(all, answered(t.Context(), db, s.loadText(1), i),
					done(t.Context(), db, "INSERT INTO nowhere VALUES (?)", i))
			}
		}
		return all
	}
	want := ask(openOne(t, s, s.bare))
	wantSame(t, ask(openCached(t, s)), want)
}
