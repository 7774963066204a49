package servertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/sqltext"
)

// The tests of this file hold Touches against real servers through their
// bare drivers: a statement after which the server shows another session state
// than before must not be called clean.

// sessionState is what a server shows of a session, by name.
type sessionState map[string]string

// changes names what differs between two states.
func (before sessionState) changes(after sessionState) []string {
	var changed []string
	for name, value := range before {
		if now, ok := after[name]; !ok || now != value {
			changed = append(changed, fmt.Sprintf("%s: %.60q, now %.60q", name, value, now))
		}
	}
	for name, value := range after {
		if _, ok := before[name]; !ok {
			changed = append(changed, fmt.Sprintf("%s: now %.60q", name, value))
		}
	}
	slices.Sort(changed)
	return changed
}

// sessionServer is a real server to hold Touches against.
type sessionServer struct {
	rules    *sqltext.Rules
	corpus   sessionCorpus
	db       *sql.DB
	begin    []string // statements that every session begins with
	snapshot func(context.Context, *sql.Conn) (sessionState, error)
}

// sessionCorpus is what a server is tried with.
type sessionCorpus struct {
	// modes are statements, by name, that run before each one under test.
	modes map[string][]string

	// statements may touch the session or not, may succeed or fail.
	statements []string

	// touching ones change the state for certain, in the mode "alone": they
	// prove that the snapshot can see.
	touching []string

	// settings are statements, by name, that sessions for random texts begin with.
	settings map[string][]string

	// endings are what random texts have in place of BEGIN.
	endings []string

	// atoms are what else they are made of.
	atoms []string
}

// watched is one session, kept as long as nothing has touched it.
type watched struct {
	*sessionServer
	conn  *sql.Conn
	state sessionState
}

func (w *watched) open(ctx context.Context, t *testing.T) {
	t.Helper()
	conn, err := w.db.Conn(ctx)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	for _, q := range w.begin {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			t.Fatalf("begin %q: %v", q, err)
		}
	}
	if w.state, err = w.snapshot(ctx, conn); err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	w.conn = conn
}

func (w *watched) close() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// run runs q between the mode's statements and the end of the transaction, if
// there is one, and tells what q changed. Errors of q are as good as success.
// alive is false if the session did not survive it.
func (w *watched) run(t *testing.T, mode []string, q string) (changed []string, alive bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if w.conn == nil {
		w.open(ctx, t)
	}
	for _, before := range mode {
		_, _ = w.conn.ExecContext(ctx, before)
	}
	_, _ = w.conn.ExecContext(ctx, q)
	_, _ = w.conn.ExecContext(ctx, "COMMIT")
	after, err := w.snapshot(ctx, w.conn)
	if err == nil {
		changed = w.state.changes(after)
	}
	if err != nil || len(changed) > 0 {
		w.close()
	}
	return changed, err == nil
}

// check fails the test if Touches calls q clean and the server disagrees.
func (w *watched) check(t *testing.T, mode []string, q string) (changed []string, alive bool) {
	t.Helper()
	changed, alive = w.run(t, mode, q)
	if len(changed) > 0 && !w.rules.Touches(q) {
		t.Errorf("Touches(%q)\nhave false\nwant true, for after %q and it the server says %q", q,
			mode, changed)
	}
	return changed, alive
}

func (s *sessionServer) runCorpus(t *testing.T, c sessionCorpus) {
	for name, mode := range c.modes {
		t.Run(name, func(t *testing.T) {
			w := &watched{sessionServer: s}
			defer w.close()
			died, clean := 0, 0
			for _, q := range c.statements {
				if _, alive := w.check(t, mode, q); !alive {
					died++
					t.Logf("no answer after %q", q)
				}
				if !s.rules.Touches(q) {
					clean++
				}
			}
			t.Logf("%d statements, %d of them clean", len(c.statements), clean)
			if most := len(c.statements) / 20; died > most {
				t.Errorf("sessions that died of their statement\nhave %d\nwant at most %d", died, most)
			}
		})
	}
	t.Run("touching", func(t *testing.T) {
		w := &watched{sessionServer: s}
		defer w.close()
		for _, q := range c.touching {
			if changed, alive := w.check(t, nil, q); !alive || len(changed) == 0 {
				t.Errorf("%q changed\nhave nothing (session alive: %v)\nwant something", q, alive)
			}
		}
	})
}

// runRandom runs texts put together at random that Touches calls clean
// although something that touches the session stands in them.
func (s *sessionServer) runRandom(t *testing.T, c sessionCorpus, clean int) {
	for name, settings := range c.settings {
		t.Run(name, func(t *testing.T) {
			with := *s
			with.begin = slices.Concat(s.begin, settings)
			w := &watched{sessionServer: &with}
			defer w.close()
			rnd := rand.New(rand.NewPCG(3, 4))
			for ran := 0; ran < clean; {
				text := strings.ReplaceAll(randomText(rnd, c.atoms), "BEGIN", c.endings[rnd.IntN(len(c.endings))])
				if !s.rules.Touches(text) {
					ran++
					w.check(t, nil, text)
				}
			}
		})
	}
}

func TestTouchesSessionNeverFalselyClean(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *sessionServer{
		"SQLite": openSessionSQLite, "PostgreSQL": openSessionPostgres, "MySQL": openSessionMySQL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			t.Run("corpus", func(t *testing.T) { s.runCorpus(t, s.corpus) })
			t.Run("random", func(t *testing.T) { s.runRandom(t, s.corpus, 80) })
		})
	}
}
