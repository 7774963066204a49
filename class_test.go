package pooled_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestClassNull(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, class(pooled.ClassNull))
	for want := 1; want <= 3; want++ {
		conn, have := grab(t, db)
		pooledtest.Give(t, conn)
		if have != want {
			t.Errorf("have connection %d, want a new one each time: %d", have, want)
		}
	}
	db.Close()
	if s := pool.Stats(); s.Opened != 3 || s.Closed != 3 || s.Idle != 0 {
		t.Errorf("have %+v, want 3 opened and closed", s)
	}
}

// In class null a dial whose caller gave up is not kept either.
func TestClassNullKeepsNothingNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second))
		db, pool := open(t, fake, class(pooled.ClassNull))
		defer db.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := db.PingContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("have %v, want context.DeadlineExceeded", err)
		}
		time.Sleep(2 * time.Second)
		if s := pool.Stats(); s.Opened != 1 || s.Closed != 1 || s.Idle != 0 {
			t.Errorf("have %+v, want it closed", s)
		}
	})
}

func TestClassStatic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, noRecycle, class(pooled.ClassStatic))
		defer db.Close()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { pooledtest.MustExec(t, db, "SLEEP 1s") })
		}
		wg.Wait()
		time.Sleep(24 * time.Hour)
		pooledtest.MustExec(t, db, "UPDATE")
		if s := pool.Stats(); s.Opened != 1 {
			t.Errorf("have %+v, want one connection ever", s)
		}
	})
}

func TestClassAssert(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, class(pooled.ClassAssert))
	first, _ := grabFirst(t, db)
	_, err := db.Exec("UPDATE")
	var assert *pooled.AssertError
	if !errors.As(err, &assert) || !strings.Contains(assert.Stack, "grabFirst") ||
		!strings.Contains(err.Error(), "class_test.go") {
		t.Errorf("have %v, want an AssertError with the stack of grabFirst", err)
	}
	pooledtest.Give(t, first)
	pooledtest.MustExec(t, db, "UPDATE")
}

func grabFirst(t *testing.T, db *sql.DB) (*sql.Conn, int) { return grab(t, db) }

func TestClassDirect(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, class(pooled.ClassDirect))
	db.SetMaxOpenConns(2)
	db.SetMaxIdleConns(2)
	a, _ := grab(t, db)
	b, _ := grab(t, db)
	pooledtest.MustExec(t, a, "BEGIN")
	pooledtest.Give(t, a, b)
	if have := fake.Counts().Open; have != 2 {
		t.Errorf("open: have %d, want both kept by database/sql", have)
	}
	pooledtest.MustExec(t, db, "UPDATE")
	if s := pool.Stats(); s.Opened != 2 {
		t.Errorf("have %+v, want 2 opened", s)
	}
	db.SetMaxIdleConns(-1)
	if have := fake.Counts().Open; have != 0 {
		t.Errorf("open: have %d, want what database/sql closes closed", have)
	}
	wantLog(t, fake, "c1 connect", "c1 query SELECT conn", "c2 connect", "c2 query SELECT conn", "c1 exec BEGIN",
		"c1 exec ROLLBACK", "c2 resetSession", "c2 exec UPDATE")
}

func TestCloseWakesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(2, 0))
		a, _ := grab(t, db)
		b, _ := grab(t, db)
		pooledtest.Give(t, b)
		b, _ = grab(t, db)
		results := make(chan error, 10)
		for range cap(results) {
			go func() { _, err := db.ExecContext(t.Context(), "UPDATE"); results <- err }()
		}
		synctest.Wait()
		began := time.Now()
		if err := db.Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("Close: have %v after %v, want nil at once", err, time.Since(began))
		}
		for range cap(results) {
			if err := <-results; !errors.Is(err, pooled.ErrClosed) {
				t.Errorf("have %v, want ErrClosed", err)
			}
		}
		if have := fake.Counts().Open; have != 2 {
			t.Errorf("open: have %d, want the two in use", have)
		}
		a.Close()
		b.Close()
		if s := pool.Stats(); s.Open()+s.Closing != 0 || fake.Counts().Open != 0 {
			t.Errorf("have %+v, want everything closed on return", s)
		}
		if have := fake.Counts().ConnectorCloses; have != 1 {
			t.Errorf("the driver's connector was closed %d times, want once", have)
		}
	})
}

func TestCloseEndsDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Hang())
		db, _ := open(t, fake)
		result := make(chan error)
		go func() { result <- db.PingContext(t.Context()) }()
		synctest.Wait()
		db.Close()
		if err := <-result; !errors.Is(err, pooled.ErrClosed) {
			t.Errorf("have %v, want ErrClosed", err)
		}
	})
}

// A driver that hangs can't make Close hang.
func TestCloseDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake)
		pooledtest.MustExec(t, db, "UPDATE")
		fake.On(pooledtest.StageClose, pooledtest.Hang())
		began := time.Now()
		db.Close()
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("waited %v, want 5s", waited)
		}
		fake.Release()
	})
}

func TestCloseGivesTheParentsErrors(t *testing.T) {
	broken := errors.New("close failed")
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageClose, pooledtest.Fail(broken))
	db, _ := open(t, fake)
	pooledtest.MustExec(t, db, "UPDATE")
	if err := db.Close(); !errors.Is(err, broken) {
		t.Errorf("have %v, want %v", err, broken)
	}
}

// Two pools on top of each other can't starve each other: the Conns in
// database/sql's free list hold nothing.
func TestIdleConnsHoldNothing(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(1, 0))
	db.SetMaxIdleConns(10)
	// With two Conns that database/sql takes for idle, the second leases what
	// the first gave back, and the other way round.
	a, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	number(t, a)
	result := make(chan *sql.Conn)
	go func() {
		b, err := db.Conn(context.Background())
		if err != nil {
			t.Error(err)
		}
		result <- b
	}()
	for pool.Stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	pooledtest.Give(t, a)
	pooledtest.Give(t, <-result)
	if have := db.Stats().Idle; have != 2 {
		t.Fatalf("idle for database/sql: have %d, want 2", have)
	}
	if s := pool.Stats(); s.Idle != 1 || s.CheckedOut != 0 {
		t.Errorf("have %+v, want the one idle", s)
	}
	for range 3 {
		conn, _ := grab(t, db)
		pooledtest.Give(t, conn)
	}
}
