package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// chaos is a driver at which anything can happen at any stage. It counts what
// reached the server; the fake below it reports two calls on one connection at the
// same moment, use after a bad connection or a close, and what is left open.
type chaos struct {
	mu      sync.Mutex
	random  *rand.Rand
	reached map[string]int // by statement
	calm    bool
}

var errChaos = errors.New("chaos")

// hook is ok, error, slow or a panic. An error that is driver.ErrBadConn means
// that nothing was sent; all others leave open whether the statement was executed.
func (c *chaos) hook(stage, query string, _ int) error {
	c.mu.Lock()
	dice, calm := c.random.IntN(1000), c.calm
	pause := time.Duration(c.random.IntN(500)) * time.Microsecond
	c.mu.Unlock()
	err, sent := error(nil), true
	switch {
	case calm:
	case dice < 30:
		err, sent = driver.ErrBadConn, false
	case dice < 60:
		err = errChaos
	case dice < 160:
		time.Sleep(pause)
	case dice < 165 && (stage == pooledtest.StageExec || stage == pooledtest.StagePrepare):
		// Where database/sql gives the conn back after a panic.
		c.count(stage, query)
		panic(errChaos)
	}
	if sent {
		c.count(stage, query)
	}
	return err
}

func (c *chaos) count(stage, query string) {
	if stage == pooledtest.StageExec && strings.HasPrefix(query, "INSERT") {
		c.mu.Lock()
		c.reached[query]++
		c.mu.Unlock()
	}
}

// statements is how many have reached the server.
func (c *chaos) statements() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.reached)
}

// hooks fail, hang and panic as well.
func (c *chaos) hooks() pooled.Hooks {
	trouble := func(ctx context.Context) error {
		c.mu.Lock()
		dice, calm := c.random.IntN(1000), c.calm
		c.mu.Unlock()
		switch {
		case calm:
		case dice < 10:
			return fmt.Errorf("%w: %w", pooled.ErrDisconnect, errChaos)
		case dice < 20:
			return errChaos
		case dice < 25:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Millisecond): // a dial has much more time
			}
		}
		return nil
	}
	panics := func() {
		c.mu.Lock()
		dice, calm := c.random.IntN(1000), c.calm
		c.mu.Unlock()
		if !calm && dice < 5 {
			panic(errChaos)
		}
	}
	return pooled.Hooks{
		Connect:  func(ctx context.Context, _ *pooled.ServerConn) error { panics(); return trouble(ctx) },
		Checkout: func(ctx context.Context, _ *pooled.ServerConn) error { return trouble(ctx) },
		Reset:    func(ctx context.Context, _ *pooled.ServerConn, _ pooled.ResetState) error { return trouble(ctx) },
	}
}

// user does what programs do, with statements that nobody else sends.
type user struct {
	name string
	n    int
	db   *sql.DB
	r    *rand.Rand
}

func (u *user) insert() string {
	u.n++
	return fmt.Sprintf("INSERT %s-%d", u.name, u.n)
}

func (u *user) once() {
	defer func() {
		if v := recover(); v != nil && v != errChaos {
			panic(v)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+u.r.IntN(20))*time.Millisecond)
	defer cancel()
	switch u.r.IntN(7) {
	case 0, 1:
		u.db.ExecContext(ctx, u.insert())
	case 2:
		if rows, err := u.db.QueryContext(ctx, "SELECT conn"); err == nil {
			for rows.Next() {
			}
			rows.Close()
		}
	case 3:
		u.tx(ctx)
	case 4:
		if stmt, err := u.db.PrepareContext(ctx, u.insert()); err == nil {
			defer stmt.Close()
			stmt.ExecContext(ctx)
		}
	default:
		u.conn(ctx)
	}
}

func (u *user) tx(ctx context.Context) {
	tx, err := u.db.BeginTx(ctx, nil)
	if err != nil {
		return
	}
	defer tx.Rollback()
	tx.ExecContext(ctx, u.insert())
	if u.r.IntN(2) == 0 {
		tx.Commit()
	}
}

// conn leaves transactions behind, and does things by hand.
func (u *user) conn(ctx context.Context) {
	conn, err := u.db.Conn(ctx)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.ExecContext(ctx, "BEGIN")
	conn.ExecContext(ctx, u.insert())
	switch u.r.IntN(8) {
	case 0:
		pooled.Detach(ctx, conn)
	case 1:
		pooled.Invalidate(conn, errChaos)
	case 2:
		pooled.SoftInvalidate(ctx, conn, errChaos)
	case 3:
		pooled.Raw(ctx, conn, func(driver.Conn) error { return driver.ErrBadConn })
	}
	conn.ExecContext(ctx, u.insert())
}

// It runs in real time: database/sql holds locks while it calls a driver, with which
// a synctest bubble's clock stands still.
//
// Whatever happens: no statement of a user is sent twice, nothing of the pool's runs on a
// connection that is in use, and nothing is lost from the count.
func TestChaos(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		for _, mode := range []pooled.ResetMode{pooled.ResetRollback, pooled.ResetAuto, pooled.ResetSession} {
			t.Run(fmt.Sprint(class, " ", mode), func(t *testing.T) {
				for seed := range uint64(3) {
					runChaos(t, class, mode, seed)
				}
			})
		}
	}
}

// On a busy machine most contexts end early, so users go on until enough has got through.
const rounds, enough = 60, 100

func runChaos(t *testing.T, class pooled.Class, mode pooled.ResetMode, seed uint64) {
	c := &chaos{random: rand.New(rand.NewPCG(seed, 1)), reached: map[string]int{}}
	fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) {
		f.Hook, f.OneAtATime, f.RefuseBad = c.hook, true, true
		// What database/sql does not give back after a panic is lost with the bare driver too.
		f.AllowLeaks = class == pooled.ClassDirect
	})
	for i := range 40 {
		fake.On(pooledtest.Stages[i%len(pooledtest.Stages)], pooledtest.Hang().Skip(7*i).Times(1))
	}
	db, pool := open(t, fake, speaks("postgres"), func(cfg *pooled.Config) {
		cfg.Class, cfg.ResetOnReturn, cfg.Hooks = class, mode, c.hooks()
		cfg.Recycle, cfg.PrePing = 50*time.Millisecond, time.Millisecond
		cfg.PingTimeout, cfg.ResetTimeout = 10*time.Millisecond, 10*time.Millisecond
		if class == pooled.ClassQueue {
			cfg.Size, cfg.MaxOverflow, cfg.MinIdle = 3, 2, 1
		}
	})
	stop := make(chan struct{})
	var free sync.WaitGroup
	free.Go(func() { // what hangs without a context is let go now and then
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				fake.Release()
				pool.Dispose()
			}
		}
	})
	var wg sync.WaitGroup
	for i := range 8 {
		u := &user{name: fmt.Sprintf("%d", i), db: db, r: rand.New(rand.NewPCG(seed, uint64(i)))}
		wg.Go(func() {
			for n := 0; n < rounds || n < 100*rounds && c.statements() < enough; n++ {
				u.once()
			}
		})
	}
	wg.Wait()
	close(stop)
	free.Wait()

	c.mu.Lock()
	c.calm = true
	c.mu.Unlock()
	fake.ClearFaults()
	fake.Release()
	for statement, times := range c.reached {
		if times > 1 {
			t.Errorf("seed %d: %s reached the server %d times", seed, statement, times)
		}
	}
	if len(c.reached) < enough {
		t.Errorf("seed %d: only %d statements got through: this shows nothing", seed, len(c.reached))
	}
	if class == pooled.ClassQueue {
		settled := func(s pooled.Stats) bool { return s.CheckedOut+s.Opening+s.Closing+s.Waiting == 0 }
		pooledtest.WaitUntil(t, func() bool { return settled(pool.Stats()) },
			func() string { return fmt.Sprintf("seed %d: lost: %+v", seed, pool.Stats()) })
		burst(t, db, 20) // and all of it usable
	}
	db.Close()
}
