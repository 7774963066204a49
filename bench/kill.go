package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The kill under load: some goroutines, more or fewer than connections, while an
// administrator kills sessions.
const (
	KillConnections = 16

	// KillGrace is how long a session may still look alive after the server has
	// stopped listing it.
	KillGrace = 10 * time.Millisecond
)

// KillLoad is how busy the connections are, and what is killed.
type KillLoad struct {
	Name       string
	Goroutines int
	Pause      time.Duration // of a goroutine after each operation
	Every      time.Duration // between kills
	All        bool          // all sessions are killed at once, not one
}

// KillLoads are three: most kills meet a session that is in use, or one that is
// idle, or all sessions end at once, as when a server fails over.
var KillLoads = []KillLoad{
	{Name: "one killed, all busy", Goroutines: 32, Every: 50 * time.Millisecond},
	{Name: "one killed, most idle", Goroutines: 8, Pause: 2 * time.Millisecond, Every: 50 * time.Millisecond},
	{Name: "all killed, most idle", Goroutines: 8, Pause: 2 * time.Millisecond, Every: 500 * time.Millisecond, All: true},
}

// KillContenders have the same number of connections, and keep them all.
func KillContenders(s Server) []Contender {
	return []Contender{
		{"tuned by hand", func() (*sql.DB, error) { return s.Tuned(KillConnections) }},
		{"pooled", func() (*sql.DB, error) {
			return s.Pooled(fmt.Sprintf("pool_size=%d&pool_max_overflow=0", KillConnections))
		}},
	}
}

// Killed is the outcome of a run.
type Killed struct {
	Load
	Kills     int // sessions killed
	KillsIdle int // of these, those which the server called idle just before
	kills     []killSpan

	// Stale counts errors of operations that were not in flight while a session was
	// being killed, nor began within KillGrace: each met a connection that had been dead for a while.
	Stale int

	// What the server did is in its table, what reached it went through a proxy.
	SentTwice  int // statements that reached the server more than once
	DoneTwice  int // those that it did more than once
	FailedDone int // operations that failed and were done all the same
	Lost       int // operations that did not fail and were not done
}

// RunKill runs a contender from cold, against a server reached through a proxy.
func RunKill(
	ctx context.Context,
	admin *Admin,
	contender int,
	load KillLoad,
	length time.Duration,
	seed uint64,
) (Killed, error) {
	k := Killed{}
	if err := admin.killTable(ctx); err != nil {
		return k, err
	}
	proxy, err := pooledtest.StartProxy(admin.server.DSN)
	if err != nil {
		return k, err
	}
	defer proxy.Close()
	server := admin.server
	server.DSN = proxy.DSN()
	ops := new(killOps)
	var killErr error
	k.Load, err = fromCold(ctx, admin, KillContenders(server)[contender], func(db *sql.DB) Load {
		if killErr = openAll(ctx, db, KillConnections); killErr != nil {
			return Load{}
		}
		stop := make(chan struct{})
		done := make(chan error, 1)
		go func() { done <- admin.killSessions(ctx, load, stop, &k, seed) }()
		l := ops.run(ctx, db, load, length)
		close(stop)
		killErr = <-done
		return l
	})
	if err = errors.Join(err, killErr); err != nil {
		return k, err
	}
	k.Stale = ops.stale(k.kills)
	k.SentTwice = sentTwice(proxy.Messages())
	return k, admin.killOutcome(ctx, ops, &k)
}

// openAll has n server connections open at once.
func openAll(ctx context.Context, db *sql.DB, n int) error {
	conns := make([]*sql.Conn, n)
	err := together(n, func(i int) (err error) {
		if conns[i], err = db.Conn(ctx); err == nil {
			err = conns[i].PingContext(ctx)
		}
		return err
	})
	for _, conn := range conns {
		if conn != nil {
			conn.Close()
		}
	}
	return err
}

// killOps are the operations of a run, each with a number that is in its text.
type killOps struct {
	last     atomic.Int64
	outcomes []killOutcome
}

type killOutcome struct {
	id         int64
	began, end time.Time
	err        error
}

// run keeps the goroutines busy.
func (o *killOps) run(ctx context.Context, db *sql.DB, load KillLoad, length time.Duration) Load {
	all := make([][]killOutcome, load.Goroutines)
	r := recorder{began: time.Now()}
	together(load.Goroutines, func(g int) error {
		for time.Since(r.began) < length {
			one := killOutcome{id: o.last.Add(1), began: time.Now()}
			one.err = killOp(ctx, db, one.id)
			one.end = time.Now()
			all[g] = append(all[g], one)
			time.Sleep(load.Pause)
		}
		return nil
	})
	o.outcomes = slices.Concat(all...)
	for _, one := range o.outcomes {
		r.took, r.errs = append(r.took, one.end.Sub(one.began)), append(r.errs, one.err)
	}
	return r.load()
}

// stale counts the errors of operations that no kill met.
func (o *killOps) stale(kills []killSpan) (n int) {
	for _, one := range o.outcomes {
		met := func(kill killSpan) bool {
			return kill.order.Before(one.end) && kill.gone.Add(KillGrace).After(one.began)
		}
		if one.err != nil && !slices.ContainsFunc(kills, met) {
			n++
		}
	}
	return n
}

// writes tells which operations leave rows: an INSERT (1) and a transaction (2) of every three.
func writes(id int64) bool { return id%3 != 0 }

// killOp is a query, a statement that writes, or a small transaction.
func killOp(ctx context.Context, db *sql.DB, id int64) error {
	insert := func(part int) string { return fmt.Sprintf("INSERT INTO bench_kill VALUES (%d, %d)", id, part) }
	switch id % 3 {
	case 0:
		var n int64
		return db.QueryRowContext(ctx, fmt.Sprintf("SELECT %d AS bench_kill", id)).Scan(&n)
	case 1:
		_, err := db.ExecContext(ctx, insert(1))
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for part := range 2 {
		if _, err := tx.ExecContext(ctx, insert(part+1)); err != nil {
			tx.Rollback()
			return err
		}
	}
	return tx.Commit()
}

// sentTwice counts the statements of killOp that occur more than once.
func sentTwice(messages []string) (n int) {
	seen := make(map[string]int)
	for _, m := range messages {
		if strings.Contains(m, "bench_kill") {
			if seen[m]++; seen[m] == 2 {
				n++
			}
		}
	}
	return n
}

func (a *Admin) killTable(ctx context.Context) error {
	_, err := a.conn.ExecContext(ctx, "DROP TABLE IF EXISTS bench_kill")
	if err == nil {
		_, err = a.conn.ExecContext(ctx, "CREATE TABLE bench_kill (id BIGINT, part INT)")
	}
	return err
}

// killSessions kills a session chosen at random, or all of them, every so often.
func (a *Admin) killSessions(ctx context.Context, load KillLoad, stop <-chan struct{}, k *Killed, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 0))
	tick := time.NewTicker(load.Every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
		sessions, err := a.sessions(ctx)
		if err != nil {
			return err
		}
		if !load.All && len(sessions) > 0 {
			sessions = sessions[random.IntN(len(sessions)):][:1]
		}
		span := killSpan{order: time.Now()}
		for _, session := range sessions {
			if a.kill(ctx, session.id) != nil { // it ended by itself meanwhile
				continue
			}
			k.Kills++
			if session.idle {
				k.KillsIdle++
			}
		}
		if err := a.gone(ctx, sessions); err != nil {
			return err
		}
		span.gone = time.Now()
		k.kills = append(k.kills, span)
	}
}

// gone waits until the server lists none of these sessions.
func (a *Admin) gone(ctx context.Context, killed []killSession) error {
	for {
		left, err := a.sessions(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(left, func(s killSession) bool {
			return slices.ContainsFunc(killed, func(k killSession) bool { return k.id == s.id })
		}) {
			return nil
		}
	}
}

// killSpan is the time from the order to kill sessions to their end.
type killSpan struct{ order, gone time.Time }

type killSession struct {
	id   int64
	idle bool // neither at a statement nor in a transaction
}

// sessions lists all sessions but our own.
func (a *Admin) sessions(ctx context.Context) (all []killSession, err error) {
	query := "SELECT pid, state = 'idle' FROM pg_stat_activity WHERE backend_type = 'client backend' AND state IS NOT " +
		"NULL AND pid <> pg_backend_pid()"
	if a.server.driver == "mysql" {
		query = "SELECT id, command = 'Sleep' AND NOT EXISTS (SELECT 1 FROM information_schema.innodb_trx WHERE " +
			"trx_mysql_thread_id = id) " +
			"FROM information_schema.processlist WHERE command IN ('Sleep', 'Query', 'Execute') AND id <> CONNECTION_ID()"
	}
	rows, err := a.conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s killSession
		if err := rows.Scan(&s.id, &s.idle); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func (a *Admin) kill(ctx context.Context, id int64) error {
	if a.server.driver == "mysql" {
		_, err := a.conn.ExecContext(ctx, fmt.Sprintf("KILL %d", id))
		return err
	}
	var was bool
	err := a.conn.QueryRowContext(ctx, "SELECT pg_terminate_backend($1)", id).Scan(&was)
	if err == nil && !was {
		err = errors.New("no such session")
	}
	return err
}

// killOutcome compares what the program was told with what the server did.
func (a *Admin) killOutcome(ctx context.Context, ops *killOps, k *Killed) error {
	rows, err := a.conn.QueryContext(ctx, "SELECT id, count(*), count(DISTINCT part) FROM bench_kill GROUP BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	done := make(map[int64]bool)
	for rows.Next() {
		var id int64
		var all, different int
		if err := rows.Scan(&id, &all, &different); err != nil {
			return err
		}
		done[id] = true
		if all > different {
			k.DoneTwice++
		}
	}
	for _, one := range ops.outcomes {
		switch {
		case !writes(one.id):
		case one.err != nil && done[one.id]:
			k.FailedDone++
		case one.err == nil && !done[one.id]:
			k.Lost++
		}
	}
	return rows.Err()
}
