package servertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// step is one thing that happens to a server connection in a story, or to what it works with.
type step struct {
	what  string // see the functions below
	query string
	args  []any
}

// use is a query with arguments, which may be kept; thrice, and it is.
func use(query string, args ...any) []step { return []step{{"use", query, args}} }

func thrice(query string, args ...any) []step {
	return join(use(query, args...), use(query, args...), use(query, args...))
}

// own is a statement of the program's on the same connection; other comes from elsewhere.
func own(query string) []step { return []step{{what: "own", query: query}} }

func other(query string) []step { return []step{{what: "other", query: query}} }

// hidden is a statement by the driver's connection, behind the pool's back.
func hidden(query string) []step { return []step{{what: "hidden", query: query}} }

// prepared is a statement of the program's by db.Prepare.
func prepared(query string) []step { return []step{{what: "prepared", query: query}} }

// dispose lets a pool begin with new connections.
func dispose() []step { return []step{{what: "dispose"}} }

func tx(end string, steps ...[]step) []step {
	return join([]step{{what: "begin"}}, join(steps...), []step{{what: end}})
}

func join(steps ...[]step) (all []step) {
	for _, s := range steps {
		all = append(all, s...)
	}
	return all
}

// story is one after which, or in the middle of which, a kept statement is not any more what the text is.
type story struct {
	name  string
	setup string // separated by semicolons, as clean is
	steps []step
	clean string
}

// tell lets the story happen on the only connection of db, and returns all that the program sees.
func (s server) tell(t *testing.T, db, admin *sql.DB, steps []step) (seen []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var op operator = db
	var open *sql.Tx
	for _, step := range steps {
		what := fmt.Sprintf("%s %s %v", step.what, step.query, step.args)
		switch step.what {
		case "use":
			seen = append(seen, what+": "+answered(ctx, op, step.query, step.args...))
		case "own":
			_, err := op.ExecContext(ctx, step.query)
			seen = append(seen, what+": "+shownError(err))
		case "other":
			pooledtest.MustExec(t, admin, step.query)
		case "hidden":
			seen = append(seen, what+": "+shownError(behind(ctx, db, step.query)))
		case "prepared":
			stmt, err := db.PrepareContext(ctx, step.query)
			if err == nil {
				_, err = stmt.ExecContext(ctx)
				stmt.Close()
			}
			seen = append(seen, what+": "+shownError(err))
		case "dispose":
			if pool, ok := pooled.PoolOf(db); ok {
				pool.Dispose()
			}
		case "begin":
			var err error
			if open, err = db.BeginTx(ctx, nil); err != nil {
				t.Fatal(err)
			}
			op = open
		case "commit":
			seen = append(seen, what+": "+shownError(open.Commit()))
			op = db
		case "rollback":
			seen = append(seen, what+": "+shownError(open.Rollback()))
			op = db
		}
	}
	return seen
}

// behind executes a statement by the driver's own connection.
func behind(ctx context.Context, db *sql.DB, query string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(dc any) error {
		if ours, ok := dc.(interface{ Raw() driver.Conn }); ok {
			dc = ours.Raw()
		}
		_, err := dc.(driver.ExecerContext).ExecContext(ctx, query, nil)
		return err
	})
}

// run compares the story with the bare driver's, which prepares each time.
func (s server) run(t *testing.T, stories []story) {
	for _, story := range stories {
		t.Run(s.name+", "+story.name, func(t *testing.T) {
			admin := openOne(t, s, s.bare, s.several()...)
			once := func(driver string, options ...string) []string {
				mustRun(t, admin, story.clean)
				mustRun(t, admin, story.setup)
				defer mustRun(t, admin, story.clean)
				db := openOne(t, s, driver, append(options, s.several()...)...)
				defer db.Close()
				return s.tell(t, db, admin, story.steps)
			}
			want := once(s.bare)
			wantSame(t, once("pooled", cacheOf(cacheSize)), want)
		})
	}
}

// several is the option by which a text may hold several statements.
func (s server) several() []string {
	if s.name == "mysql" {
		return []string{"multiStatements=true"}
	}
	return []string{"connect_timeout=10"}
}

func mustRun(t testing.TB, db operator, statements string) {
	t.Helper()
	if statements != "" {
		pooledtest.MustExec(t, db, statements)
	}
}
