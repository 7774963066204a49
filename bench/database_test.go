package bench

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestArgumentsAreMarkedAsTheServerDoes(t *testing.T) {
	const query = "SELECT a FROM b WHERE c = ? AND d = ?"
	for driver, want := range map[string]string{"mysql": query, "postgres": "SELECT a FROM b WHERE c = $1 AND d = $2"} {
		if have := (Server{driver: driver}).numbered(query); have != want {
			t.Errorf("%s: have %q, want %q", driver, have, want)
		}
	}
}

func TestGroupsFitOnTheServer(t *testing.T) {
	const contenders, limit = 7, 100
	for _, goroutines := range DatabaseGoroutines {
		seen := make(map[int]bool)
		for _, group := range DatabaseGroups(contenders, goroutines) {
			open := 1 // the administrator's
			for _, i := range group {
				seen[i] = true
				if i == BareDefaults {
					open += goroutines
				} else {
					open += min(goroutines, DatabaseConnections)
				}
			}
			if open > limit {
				t.Errorf("%d goroutines, %v: %d connections", goroutines, group, open)
			}
			if !slices.Contains(group, BareTuned) || !slices.Contains(group, PooledCached) {
				t.Errorf("%d goroutines, %v: nothing to compare with", goroutines, group)
			}
		}
		if want := contenders - 1; len(seen) < want || len(seen) == want && goroutines < 256 {
			t.Errorf("%d goroutines: only %v", goroutines, seen)
		}
	}
}

var short = DatabasePlan{Starts: 1, Warm: 5 * time.Millisecond, Turns: 2, Turn: 20 * time.Millisecond}

func TestAnErrorIsNoFigure(t *testing.T) {
	fails := errors.New("as it happens")
	good := Contender{"good", func() (*sql.DB, error) { return OpenNull(nil) }}
	works := Operation{"works", execOnce}
	for name, run := range map[string]func() error{
		"a request": func() error {
			n := 0
			_, err := CompareDatabase(t.Context(), []Contender{good}, Operation{"fails at times", func(context.Context, *sql.DB) error {
				if n++; n == 3 { // one for the warm-up, then one at least in each turn
					return fails
				}
				return nil
			}}, 1, short)
			return err
		},
		"an open": func() error {
			bad := Contender{"bad", func() (*sql.DB, error) { return nil, fails }}
			_, err := CompareDatabase(t.Context(), []Contender{good, bad}, works, 1, short)
			return err
		},
	} {
		if err := run(); !errors.Is(err, fails) {
			t.Errorf("%s failed: have %v", name, err)
		}
	}
}

func TestAPoolThatIsTooLargeIsAnError(t *testing.T) {
	large := Contender{"large", func() (*sql.DB, error) { return OpenNull(nil) }}
	holdsMore := Operation{"holds more than it may", func(ctx context.Context, db *sql.DB) error {
		return openAll(ctx, db, DatabaseConnections+1)
	}}
	_, err := CompareDatabase(t.Context(), []Contender{large}, holdsMore, 1, short)
	if err == nil || !strings.Contains(err.Error(), "want at most 16") {
		t.Errorf("have %v", err)
	}
}

// onServers runs a test on each server, with the rows made.
func onServers(t *testing.T, test func(t *testing.T, s Server, admin *Admin)) {
	t.Helper()
	for _, find := range []func() (Server, bool){PostgreSQL, MariaDB} {
		s, ok := find()
		t.Run(s.Name, func(t *testing.T) {
			needs(t, s, ok)
			admin := connect(t, s)
			if err := admin.MakeRows(t.Context()); err != nil {
				t.Fatal(err)
			}
			test(t, s, admin)
		})
	}
}

func TestContendersHoldAsManyConnectionsAsTheySay(t *testing.T) {
	onServers(t, func(t *testing.T, s Server, admin *Admin) {
		for i, c := range DatabaseContenders(s) {
			db := openFor(t, c)
			if err := openAll(t.Context(), db, DatabaseConnections); err != nil {
				t.Fatal(err)
			}
			Saturate(t.Context(), db, DatabaseOperations(s)[OneArgument].Run, 32, 100*time.Millisecond)
			var open int
			if err := admin.conn.QueryRowContext(t.Context(), s.conns).Scan(&open); err != nil {
				t.Fatal(err)
			}
			if open--; i != BareDefaults && open != DatabaseConnections {
				t.Errorf("%s: %d connections", c.Name, open)
			}
			db.Close()
			if err := admin.Settle(t.Context()); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	})
}

func openFor(t *testing.T, c Contender) *sql.DB {
	t.Helper()
	db, err := c.Open()
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestEveryLoadRuns(t *testing.T) {
	onServers(t, func(t *testing.T, s Server, admin *Admin) {
		contenders := DatabaseContenders(s)
		for _, operation := range DatabaseOperations(s) {
			for _, goroutines := range DatabaseGoroutines {
				for _, group := range DatabaseGroups(len(contenders), goroutines) {
					var some []Contender
					for _, i := range group {
						some = append(some, contenders[i])
					}
					all, err := CompareDatabase(t.Context(), some, operation, goroutines, short)
					if err != nil {
						t.Error(err)
						continue
					}
					for i, c := range all {
						if len(c.Runs) != 2 || c.Runs[0].PerSecond() == 0 || c.Runs[1].PerSecond() == 0 {
							t.Errorf("%s, %s: have %+v", some[i].Name, operation.Name, c)
						}
					}
				}
			}
		}
	})
}

func TestATransactionChangesARow(t *testing.T) {
	onServers(t, func(t *testing.T, s Server, admin *Admin) {
		operations, want := DatabaseOperations(s), 0
		for _, c := range DatabaseContenders(s) {
			db := openFor(t, c)
			for range 3 {
				if err := operations[len(operations)-1].Run(t.Context(), db); err != nil {
					t.Fatalf("%s: %v", c.Name, err)
				}
				want++
			}
		}
		var have int
		if err := admin.conn.QueryRowContext(t.Context(), "SELECT SUM(hits) FROM bench_rows").Scan(&have); err != nil ||
			have != want {
			t.Errorf("rows changed: have %d (%v), want %d", have, err, want)
		}
	})
}

func TestHitsAreThoseOfTheCache(t *testing.T) {
	onServers(t, func(t *testing.T, s Server, _ *Admin) {
		contenders := TextContenders(s)
		for at, most := range []float64{0, 0.5, 1} { // once; half of them once; too many
			var without, with float64
			// On a busy machine it takes longer until most texts have come again.
			for length, again := 100*time.Millisecond, true; again && length < 10*time.Second; length *= 2 {
				plan := DatabasePlan{Starts: 1, Warm: length, Turns: 1, Turn: length}
				two := []Contender{contenders[0], contenders[TextCached]}
				all, err := CompareDatabase(t.Context(), two, TextOperations(s)[at], 1, plan)
				if err != nil {
					t.Fatal(err)
				}
				without, with = all[0].Hits(), all[1].Hits()
				again = at == 1 && with < 0.9*most
			}
			if without != 0 || with > most+0.05 || at == 0 && with > 0 || at == 1 && with < 0.9*most {
				t.Errorf(
					"%s: have %g without a cache, %g with one, want at most %g",
					TextOperations(s)[at].Name,
					without,
					with,
					most,
				)
			}
		}
	})
}

// MariaDB counts what was prepared.
func TestTheCacheDecidesWhatIsPrepared(t *testing.T) {
	s, ok := MariaDB()
	needs(t, s, ok)
	admin := connect(t, s)
	if err := admin.MakeRows(t.Context()); err != nil {
		t.Fatal(err)
	}
	const uses = 3 * manyTexts
	prepares := func(c Contender, operation Operation) (share float64) {
		db := openFor(t, c)
		before := admin.prepared(t)
		for range uses {
			if err := operation.Run(t.Context(), db); err != nil {
				t.Fatalf("%s, %s: %v", c.Name, operation.Name, err)
			}
		}
		return float64(admin.prepared(t)-before) / uses
	}
	texts := TextOperations(s)
	without, small, usual, large := TextContenders(s)[0], TextContenders(s)[1], TextContenders(s)[TextCached], TextContenders(s)[3]
	contenders := DatabaseContenders(s)
	one := DatabaseOperations(s)[OneArgument]
	for _, is := range []struct {
		what        string
		have        float64
		least, most float64
	}{
		{"one text, bare", prepares(contenders[BareTuned], one), 1, 1},
		{"one text, pooled", prepares(contenders[PooledUncached], one), 1, 1},
		{"one text, cached", prepares(contenders[PooledCached], one), 0, 0.01},
		{"one text, interpolateParams", prepares(contenders[len(contenders)-1], one), 0, 0},
		{"each text once, cached", prepares(usual, texts[0]), 1, 1},
		{"half of the texts once, without", prepares(without, texts[1]), 1, 1},
		{"half of the texts once, cached", prepares(usual, texts[1]), 0.5, 0.55},
		{"too many texts, small cache", prepares(small, texts[2]), 0.75, 1}, // what is kept stays a while
		{"too many texts, cache that is too small", prepares(usual, texts[2]), 0.6, 0.95},
		{"many texts, large cache", prepares(large, texts[2]), 0.6, 0.8}, // in two of three turns each, but for those the pool takes for another
	} {
		if is.have < is.least || is.have > is.most {
			t.Errorf("%s: prepared for %g of the uses, want %g to %g", is.what, is.have, is.least, is.most)
		}
	}
}

func (a *Admin) prepared(t *testing.T) (n int) {
	t.Helper()
	var name string
	if err := a.conn.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE 'Com_stmt_prepare'").Scan(&name, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// PostgreSQL tells each session what it has prepared.
func TestStatementsStayPrepared(t *testing.T) {
	s, ok := PostgreSQL()
	needs(t, s, ok)
	if err := connect(t, s).MakeRows(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := map[int]int{PooledCached: 1, PgxStdlib: 1, PgxPool: 1, PooledPgx: 1}
	for i, c := range DatabaseContenders(s) {
		db := openFor(t, c)
		for range 3 {
			if err := DatabaseOperations(s)[OneArgument].Run(t.Context(), db); err != nil {
				t.Fatal(err)
			}
		}
		var have int
		query := "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM bench_rows%' AND statement NOT " +
			"LIKE '%count%'" // but itself
		err := db.QueryRowContext(t.Context(), query).Scan(&have)
		if err != nil || have != kept[i] {
			t.Errorf("%s: have %d statements (%v), want %d", c.Name, have, err, kept[i])
		}
	}
}
