package servertest_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

var (
	randomFor = flag.Duration("random-for", 0, "how long TestStmtCacheRandomStatements compares, for each server; "+
		"0: a number of statements that is always the same")
	randomSeed = flag.Uint64("random-seed", 0, "the seed of TestStmtCacheRandomStatements; "+
		"0: always the same one, and with -random-for another each time")
)

// A grammar makes statements for one kind of server.
type grammar interface {
	// setup makes what the statements are about, in a new database.
	setup() []string

	// text is a query or a statement that changes rows, with at least one argument.
	text() (query string, places []place)

	// change is a statement that changes tables, or what texts mean in the session.
	change() string

	// reset undoes in the session what change has changed there.
	reset() []string
}

// place is where an argument stands: the values that it may have, by kinds, and the kind that it mostly has.
type place struct {
	kinds  [][]any
	mostly int
}

func newPlace(random *rand.Rand, kinds [][]any) place { return place{kinds, random.IntN(len(kinds))} }

// value is of another kind now and then, and from time to time the kind that it mostly has is another.
func (p *place) value(random *rand.Rand) any {
	if random.IntN(150) == 0 {
		p.mostly = random.IntN(len(p.kinds))
	}
	kind := p.mostly
	if random.IntN(40) == 0 {
		kind = random.IntN(len(p.kinds))
	}
	return pick(random, p.kinds[kind])
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

// Random statements with random arguments in a random order, and between them statements that change tables and
// settings: a pool with the cache answers as the bare driver does.
func TestStmtCacheRandomStatements(t *testing.T) {
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			seed := *randomSeed
			switch {
			case seed == 0 && *randomFor > 0:
				seed = rand.Uint64()
			case seed == 0:
				seed = 1
			}
			t.Logf("-random-seed=%d", seed)
			r := newRandomRun(t, s, rand.New(rand.NewPCG(seed, 0)))
			began := time.Now()
			const steps, most = 1500, 8
			for i := 0; *randomFor > 0 && time.Since(began) < *randomFor || *randomFor == 0 && i < steps; i++ {
				r.step()
				if r.different >= most {
					break
				}
			}
			pool, _ := pooled.PoolOf(r.kept.db)
			stats := pool.Stats()
			t.Logf("%d answers compared, %d of them errors, %d of kept statements; %d statements prepared, %d changes",
				r.compared, r.failed, stats.StmtHits, stats.StmtPrepared, r.changes)
			if stats.Opened != uint64(len(r.kept.conns)) {
				t.Errorf("have %d connections opened, want %d: some session's state was lost", stats.Opened, len(r.kept.conns))
			}
			if stats.StmtHits < uint64(r.compared/10) {
				t.Errorf("have %d answers of kept statements, want a tenth of %d: this test compares too little",
					stats.StmtHits, r.compared)
			}
		})
	}
}

// randomSide is one of the two that are compared. What it does in its own databases, the other does in its.
type randomSide struct {
	db    *sql.DB
	conns [2]*sql.Conn
	names *strings.Replacer // from the names in a text to those of its databases
	back  *strings.Replacer
}

type randomRun struct {
	t          *testing.T
	server     server
	rand       *rand.Rand
	bare, kept *randomSide
	grammar    grammar
	live       []*repeatedText

	compared, failed, changes, different int
}

// repeatedText is a text that is used again and again.
type repeatedText struct {
	query   string
	places  []place
	history []string
}

func newRandomRun(t *testing.T, s server, random *rand.Rand) *randomRun {
	r := &randomRun{t: t, server: s, rand: random}
	admin := openServer(t, s.bare, s.dsn(t))
	var options []string
	if s.name == "postgres" {
		// With a plan for all values some errors come later, or not at all (docs/stmt-cache.md).
		options = append(options, "plan_cache_mode=force_custom_plan")
	}
	r.bare = newRandomSide(t, s, admin, s.bare, "bare", options...)
	r.kept = newRandomSide(t, s, admin, "pooled", "kept", append(options, cacheOf(cacheSize), "pool_max_conns=2")...)
	if s.name == "mysql" {
		version := pooledtest.ScanOne[string](t, admin, "SELECT VERSION()")
		r.grammar = &mysqlGrammar{rand: random, mariaDB: strings.Contains(version, "MariaDB")}
	} else {
		r.grammar = &postgresGrammar{rand: random}
	}
	for _, text := range r.grammar.setup() {
		r.compare(0, text, done)
	}
	return r
}

// newRandomSide makes two databases where a database is a schema (MySQL), else one.
func newRandomSide(t *testing.T, s server, admin *sql.DB, driver, name string, options ...string) *randomSide {
	t.Helper()
	names := []string{"random_" + name + "1", "random_" + name + "2"}
	drop := "DROP DATABASE IF EXISTS %s"
	if s.name == "postgres" {
		drop += " WITH (FORCE)"
	}
	for _, name := range names {
		pooledtest.MustExec(t, admin, fmt.Sprintf(drop, name))
		pooledtest.MustExec(t, admin, "CREATE DATABASE "+name)
		t.Cleanup(func() {
			if _, err := admin.ExecContext(context.Background(), fmt.Sprintf(drop, name)); err != nil {
				t.Error(err)
			}
		})
	}
	side := &randomSide{
		db:    openServer(t, driver, strings.Replace(s.dsn(t), "/pooled_test", "/"+names[0], 1), options...),
		names: strings.NewReplacer("{1}", names[0], "{2}", names[1]),
		back:  strings.NewReplacer(names[0], "{1}", names[1], "{2}"),
	}
	side.db.SetMaxOpenConns(len(side.conns))
	for i := range side.conns {
		side.take(t, i)
	}
	t.Cleanup(func() {
		for _, conn := range side.conns {
			conn.Close()
		}
		side.db.Close()
	})
	return side
}

// take takes a connection. It uses it, since a pool lends one only then: the other may come back in the meantime.
func (side *randomSide) take(t *testing.T, i int) {
	t.Helper()
	conn, err := side.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	side.conns[i] = conn
	pooledtest.ScanOne[int](t, conn, "SELECT 1")
}

// step is one statement, a few in a transaction, or a change of tables or settings.
func (r *randomRun) step() {
	conn := r.rand.IntN(4) / 3 // mostly the first
	switch n := r.rand.IntN(400); {
	case n < 3:
		r.change(conn)
	case n < 6:
		r.transaction(conn)
	case n < 30:
		r.giveBack(conn)
	default:
		r.use(conn)
	}
}

// change changes something. Connections mostly come back soon after, since until then nothing is kept.
func (r *randomRun) change(conn int) {
	text := r.grammar.change()
	r.changes++
	r.compare(conn, text, executed)
	for _, live := range r.live {
		live.note(conn, text)
	}
	if r.rand.IntN(3) == 0 {
		r.use(conn)
	}
	r.giveBack(0)
	r.giveBack(1)
	if r.rand.IntN(4) == 0 {
		for _, text := range r.grammar.reset() {
			r.compare(conn, text, executed)
		}
		r.giveBack(conn)
	}
}

// giveBack returns a connection and takes it again.
func (r *randomRun) giveBack(conn int) {
	for _, side := range []*randomSide{r.bare, r.kept} {
		pooledtest.Give(r.t, side.conns[conn])
		side.take(r.t, conn)
	}
}

func (r *randomRun) transaction(conn int) {
	begin, end := "BEGIN", "COMMIT"
	if r.rand.IntN(2) == 0 {
		end = "ROLLBACK"
	}
	r.compare(conn, begin, done)
	for range r.rand.IntN(6) {
		r.use(conn)
	}
	r.compare(conn, end, done)
}

// use uses one of the texts that are used again and again, which are others from time to time.
func (r *randomRun) use(conn int) {
	const most = 16
	if len(r.live) < most || r.rand.IntN(100) == 0 {
		text := &repeatedText{}
		text.query, text.places = r.grammar.text()
		if len(r.live) < most {
			r.live = append(r.live, text)
		} else {
			r.live[r.rand.IntN(most)] = text
		}
	}
	text := r.live[r.rand.IntN(len(r.live))]
	args := make([]any, len(text.places))
	for i := range args {
		args[i] = text.places[i].value(r.rand)
	}
	rows := !changesRows(text.query)
	if r.server.name == "postgres" && r.rand.IntN(10) == 0 {
		rows = !rows
	}
	how := done
	if rows {
		how = answered
	}
	same := r.compare(conn, text.query, how, args...)
	if changesRows(text.query) && same && r.rand.IntN(4) == 0 {
		same = r.compare(conn, "SELECT * FROM w ORDER BY k", answered)
	}
	text.note(conn, shownArgs(args))
	if !same {
		r.t.Logf("what came before:\n%s", strings.Join(text.history, "\n"))
	}
}

// note keeps the last few uses of a text.
func (x *repeatedText) note(conn int, what string) {
	const most = 40
	x.history = append(x.history, fmt.Sprint("  ", conn, ": ", what))
	x.history = x.history[max(0, len(x.history)-most):]
}

func changesRows(query string) bool {
	word, _, _ := strings.Cut(query, " ")
	return slices.Contains([]string{"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"}, word) &&
		!strings.Contains(query, "RETURNING")
}

func shownArgs(args []any) string {
	texts := make([]string, len(args))
	for i, arg := range args {
		texts[i] = fmt.Sprintf("%T(%.60q)", arg, fmt.Sprint(arg))
	}
	return strings.Join(texts, ", ")
}

// executed is the error of a change without its details: which of several views is in the way of a change differs.
func executed(ctx context.Context, db operator, query string, args ...any) string {
	_, err := db.ExecContext(ctx, query, args...)
	return fmt.Sprint(err)
}

var rowNumber = regexp.MustCompile(`at row \d+`)

// compare lets both sides run a statement and reports whether they answer the same.
func (r *randomRun) compare(
	conn int, query string, how func(context.Context, operator, string, ...any) string, args ...any,
) bool {
	ask := func(side *randomSide) string {
		answer := side.back.Replace(how(r.t.Context(), side.conns[conn], side.names.Replace(query), args...))
		if strings.Contains(query, "UNION") {
			// MariaDB's number of the row in an error depends on the statement before, whichever that is.
			answer = rowNumber.ReplaceAllString(answer, "at row")
		}
		return answer
	}
	r.compared++
	want, have := ask(r.bare), ask(r.kept)
	if strings.HasPrefix(want, `"`) { // as shownError begins
		r.failed++
	}
	if have != want {
		r.different++
		r.t.Errorf("answer %d, connection %d: %s\nargs %s\nhave %.2000s\nwant %.2000s", r.compared, conn, query,
			shownArgs(args), have, want)
	}
	return have == want
}
