package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	_ "modernc.org/sqlite"

	mysqldialect "github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/dialect/sqlite"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/sqltext"
)

// The tests of this file hold Leaves against real servers through their bare
// drivers: what it calls clean must leave no transaction behind, and, where
// autocommit can be switched off, must leave it on.

// Short names for the tests of what a text leaves.
const (
	leavesNone = sqltext.EffectNone
	leavesTx   = sqltext.EffectTx
	leavesAny  = sqltext.EffectAny
)

// leftBehind is what a server says about a session after a statement.
type leftBehind struct {
	tx    bool // a transaction is open
	state bool // autocommit is off, or a COMMIT would start a transaction
}

// classifyServer is a real server to hold Leaves against.
type classifyServer struct {
	rules  *sqltext.Rules
	corpus pooledtest.Corpus
	db     *sql.DB
	probe  func(context.Context, *sql.Conn) (leftBehind, error)
}

// session opens a server connection of its own, in the given mode: statements
// run before the one under test.
func (s *classifyServer) session(ctx context.Context, t testing.TB, mode []string) *sql.Conn {
	t.Helper()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	for _, q := range mode {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			t.Fatalf("mode %q: %v", q, err)
		}
	}
	return conn
}

// leaves runs q in a fresh session and asks the server what is left. Errors of
// q are as good as success. ok is false if the session did not survive it.
func (s *classifyServer) leaves(t testing.TB, mode []string, q string) (left leftBehind, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn := s.session(ctx, t, mode)
	defer conn.Close()
	_, _ = conn.ExecContext(ctx, q)
	left, err := s.probe(ctx, conn)
	return left, err == nil
}

// check fails the test if Leaves calls q clean and the server disagrees.
func (s *classifyServer) check(t *testing.T, mode []string, q string) (left leftBehind, ok bool) {
	t.Helper()
	left, ok = s.leaves(t, mode, q)
	if have := s.rules.Leaves(q); left.worst() > have {
		t.Errorf(
			"Leaves(%q)\nhave %v\nwant at least %v, for in mode %q the server says %+v",
			q,
			have,
			left.worst(),
			mode,
			left,
		)
	}
	return left, ok
}

func (l leftBehind) worst() sqltext.Effect {
	switch {
	case l.state:
		return leavesAny
	case l.tx:
		return leavesTx
	}
	return leavesNone
}

// runCorpus checks each statement in each mode. The dirty ones must be seen to
// leave something, each in the mode it stands under: they prove that the probe
// can see.
func (s *classifyServer) runCorpus(t *testing.T, c pooledtest.Corpus) {
	t.Helper()
	count, died := 0, 0
	for name, mode := range c.Modes {
		t.Run(name, func(t *testing.T) {
			for _, q := range c.Statements {
				count++
				if _, ok := s.check(t, mode, q); !ok {
					died++
					t.Logf("no answer after %q", q)
				}
			}
			for _, q := range c.Dirty[name] {
				count++
				if left, ok := s.check(t, mode, q); !ok || left == (leftBehind{}) {
					t.Errorf("%q in mode %q left\nhave nothing (session alive: %v)\nwant something", q, mode, ok)
				}
			}
		})
	}
	t.Logf("%d statements, %d modes, %d runs", len(c.Statements), len(c.Modes), count)
	if most := count / 20; died > most {
		t.Errorf("sessions that died of their statement\nhave %d\nwant at most %d", died, most)
	}
}

// runRandom runs texts put together at random that Leaves calls clean
// although something that starts a transaction is in them. One session serves
// for all as long as nothing is left behind.
func (s *classifyServer) runRandom(t *testing.T, c pooledtest.Corpus, clean int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for name, mode := range c.Modes {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			conn := s.session(ctx, t, mode)
			defer func() { _ = conn.Close() }()
			for ran := 0; ran < clean; {
				q := randomText(rnd, c.Atoms)
				if s.rules.Leaves(q) != leavesNone {
					continue
				}
				ran++
				_, _ = conn.ExecContext(ctx, q)
				left, err := s.probe(ctx, conn)
				if left != (leftBehind{}) {
					t.Errorf(
						"Leaves(%q)\nhave none\nwant at least %v, for in mode %q the server says %+v",
						q,
						left.worst(),
						mode,
						left,
					)
				}
				if err != nil || left != (leftBehind{}) {
					_ = conn.Close()
					conn = s.session(ctx, t, mode)
				}
			}
		})
	}
}

// randomText is a statement, a list of atoms that may or may not hide what
// follows, and something that must not go unseen, between two such lists.
func randomText(rnd *rand.Rand, atoms []string) string {
	var b strings.Builder
	list := func(sep string) {
		for i := range rnd.IntN(4) {
			if i > 0 && sep != "" {
				b.WriteString(sep)
			}
			b.WriteString(atoms[rnd.IntN(len(atoms))])
		}
	}
	seps := []string{", ", " ", "", "\n"}
	if rnd.IntN(4) == 0 {
		list("")
	}
	b.WriteString("SELECT 1, ")
	list(seps[rnd.IntN(len(seps))])
	b.WriteString([]string{";BEGIN", "; BEGIN;", "\n;\nBEGIN\n;", " BEGIN "}[rnd.IntN(4)])
	list(seps[rnd.IntN(len(seps))])
	return b.String()
}

func TestClassifyNeverFalselyClean(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *classifyServer{
		"SQLite": openClassifySQLite, "PostgreSQL": openClassifyPostgres, "MySQL": openClassifyMySQL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			t.Run("corpus", func(t *testing.T) { s.runCorpus(t, s.corpus) })
			t.Run("random", func(t *testing.T) { s.runRandom(t, s.corpus, 300) })
		})
	}
}

// openBare opens a database that keeps no connection between sessions.
func openBare(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db := pooledtest.OpenDB(t, driver, dsn)
	db.SetMaxIdleConns(-1)
	return db
}

// prepareServer makes what the corpus's statements use, and takes it away when
// the test is over.
func prepareServer(t *testing.T, db *sql.DB, make, drop []string) {
	t.Helper()
	// What an earlier run left when it was killed.
	execAll(db, drop)
	for _, q := range make {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("prepare %q: %v", q, err)
		}
	}
	t.Cleanup(func() { execAll(db, drop) })
}

// execAll executes statements whose errors don't matter.
func execAll(db *sql.DB, statements []string) {
	for _, q := range statements {
		_, _ = db.Exec(q)
	}
}

func openClassifySQLite(t *testing.T) *classifyServer {
	return &classifyServer{rules: sqlite.Dialect.Rules, corpus: pooledtest.SQLiteCorpus,
		db: openBare(t, "sqlite", ":memory:"), probe: probeSQLite}
}

// probeSQLite: COMMIT fails if there is nothing to commit.
func probeSQLite(ctx context.Context, conn *sql.Conn) (leftBehind, error) {
	_, err := conn.ExecContext(ctx, "COMMIT")
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return leftBehind{}, nil
	}
	return leftBehind{tx: true}, nil
}

func openClassifyPostgres(t *testing.T) *classifyServer {
	db := openBare(t, "postgres", pooledtest.Postgres(t))
	prepareServer(t, db, pooledtest.PostgresFixtures, []string{"DROP SCHEMA IF EXISTS classify CASCADE"})
	return &classifyServer{rules: postgres.Dialect.Rules, corpus: pooledtest.PostgresCorpus, db: db, probe: probePostgres}
}

// probePostgres: within a transaction two statements have the same transaction
// ID, or none works any more.
func probePostgres(ctx context.Context, conn *sql.Conn) (leftBehind, error) {
	var ids [2]int64
	for i := range ids {
		err := conn.QueryRowContext(ctx, "SELECT txid_current()").Scan(&ids[i])
		if e := (*pq.Error)(nil); errors.As(err, &e) && e.Code == "25P02" {
			return leftBehind{tx: true}, nil
		}
		if err != nil {
			return leftBehind{}, err
		}
	}
	return leftBehind{tx: ids[0] == ids[1]}, nil
}

func openClassifyMySQL(t *testing.T) *classifyServer {
	cfg, err := mysql.ParseDSN(pooledtest.MySQL(t))
	if err != nil {
		t.Fatalf("DSN: %v", err)
	}
	cfg.MultiStatements = true
	cfg.Logger = &mysql.NopLogger{} // random texts break connections
	db := openBare(t, "mysql", cfg.FormatDSN())
	prepareServer(t, db, pooledtest.MySQLFixtures, pooledtest.MySQLLeftovers)
	on := pooledtest.MySQLFacts(t)
	return &classifyServer{
		rules: mysqldialect.Dialect.Rules, corpus: pooledtest.MySQLCorpus.With(pooledtest.MySQLCorpusOn[on.Name]), db: db,
		probe: func(ctx context.Context, conn *sql.Conn) (leftBehind, error) { return probeMySQL(ctx, conn, on) },
	}
}

// probeMySQL asks for the variables, and whether a transaction is open. In some transactions MySQL answers nothing:
// behind CREATE TABLE … START TRANSACTION (error 3977), and behind XA END (1399).
func probeMySQL(ctx context.Context, conn *sql.Conn, on pooledtest.Facts) (left leftBehind, err error) {
	var autocommit bool
	var completion string
	err = conn.QueryRowContext(ctx, "SELECT @@autocommit, @@completion_type, "+on.InTransaction).
		Scan(&autocommit, &completion, &left.tx)
	if e := (*mysql.MySQLError)(nil); errors.As(err, &e) && (e.Number == 3977 || e.Number == 1399) {
		return leftBehind{tx: true}, nil
	}
	left.state = err == nil && (!autocommit || completion != "NO_CHAIN")
	return left, err
}
