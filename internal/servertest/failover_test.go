package servertest_test

import (
	"database/sql"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// relay is an address behind which one server or another is, as behind a proxy or a floating IP. Connections that are
// open stay where they are.
type relay struct {
	listener net.Listener
	target   atomic.Pointer[string]
	accepted atomic.Int64
}

func newRelay(t *testing.T, target string) *relay {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener}
	r.moveTo(target)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.accepted.Add(1)
			open.Go(func() { r.serve(client) })
		}
	})
	t.Cleanup(func() { listener.Close(); open.Wait() })
	return r
}

func (r *relay) moveTo(target string) { r.target.Store(&target) }

func (r *relay) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", *r.target.Load())
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, client)
		server.Close()
		client.Close()
	}()
	io.Copy(client, server)
}

// A primary is demoted under load, and another server takes over its address: writes go on there.
func TestFailover(t *testing.T) {
	primary := cluster.Postgres(t)
	standby := primary.Standby()
	address := newRelay(t, primary.Addr())
	db, pool := openAt(t, primary.DSNAt(address.listener.Addr().String()))
	pooledtest.MustExec(t, db, "CREATE TABLE failover (n int)")
	var written, failed atomic.Int64
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				if _, err := db.Exec("INSERT INTO failover VALUES (1)"); err != nil {
					failed.Add(1)
					t.Log(err)
				} else {
					written.Add(1)
				}
			}
		})
	}
	eventually(t, func() bool { return written.Load() > 100 })
	open := int64(pool.Stats().Open())
	primary.SetReadOnly(true)
	eventually(t, func() bool { return pool.Stats().Demotions > 0 })
	standby.Promote()
	address.moveTo(standby.Addr())
	before := written.Load()
	eventually(t, func() bool { return written.Load() > before+100 })
	close(stop)
	writers.Wait()
	s := pool.Stats()
	t.Logf("written %d, failed %d of %d connections, %+v", written.Load(), failed.Load(), open, s)
	if failed.Load() > open || s.Moved == 0 {
		t.Errorf("%d writes failed with %d connections open", failed.Load(), open)
	}
	if h := pool.Health(t.Context()); !h.Reachable || h.Role != pooled.RolePrimary {
		t.Errorf("have %+v", h)
	}
}

// openAt opens a pool for a DSN.
func openAt(t *testing.T, dsn string) (*sql.DB, *pooled.Pool) {
	t.Helper()
	db, err := sql.Open("pooled", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	pool, _ := pooled.PoolOf(db)
	return db, pool
}

// eventually waits for a condition.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to that in a minute")
		}
	}
}
