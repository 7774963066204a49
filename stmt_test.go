package pooled_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A Stmt follows its Conn: prepared where it lands, once, and left there for
// the next.
func TestStmtFollowsItsConn(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	stmt, err := db.Prepare("UPDATE ?") // on connection 1
	if err != nil {
		t.Fatal(err)
	}
	run := func() {
		t.Helper()
		if _, err := stmt.Exec(1); err != nil {
			t.Fatal(err)
		}
	}
	run()
	one, _ := grab(t, db) // keeps 1 away
	run()                 // on 2, where it has to be prepared
	run()
	give(t, one)
	stmt.Close()
	log := slices.DeleteFunc(fake.Log(), func(s string) bool { return strings.Contains(s, "resetSession") })
	want := []string{"c1 connect", "c1 prepare UPDATE ?", "c1 stmt exec UPDATE ? [1]", "c1 query SELECT conn",
		"c2 connect", "c2 prepare UPDATE ?", "c2 stmt exec UPDATE ? [1]", "c2 stmt exec UPDATE ? [1]"}
	if !slices.Equal(log, want) {
		t.Errorf("have %q\nwant %q", log, want)
	}
}

// 50 goroutines share statements over fewer connections: each text is prepared
// once for each connection at most, and closed when nobody needs it any more.
func TestStmtsSharedByManyGoroutines(t *testing.T) {
	const connections = 4
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, size(connections, 0))
	db.SetMaxIdleConns(50)
	var stmts []*sql.Stmt
	for _, text := range []string{"SELECT n 1", "SELECT n 2"} {
		s, err := db.Prepare(text)
		if err != nil {
			t.Fatal(err)
		}
		stmts = append(stmts, s)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for i := range 30 {
				rows, err := stmts[i%2].Query()
				if err != nil {
					t.Errorf("Query: %v", err)
					return
				}
				for rows.Next() {
				}
				rows.Close()
			}
		})
	}
	wg.Wait()
	c := fake.Counts()
	if c.StmtsOpen > 2*connections {
		t.Errorf("statements open: have %d, want at most %d", c.StmtsOpen, 2*connections)
	}
	for _, s := range stmts {
		s.Close()
	}
	var conns []*sql.Conn
	for range connections { // each is next in somebody's hands
		conn, _ := grab(t, db)
		conns = append(conns, conn)
	}
	give(t, conns...)
	if have := fake.Counts().StmtsOpen; have != 0 {
		t.Errorf("statements open after Close: have %d, want 0", have)
	}
}

// A Stmt's Close can come while another Conn uses the server connection it was
// prepared on. The fake reports two calls at the same moment, the race
// detector what they share.
func TestStmtCloseWhileItsConnectionIsInUseElsewhere(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, size(2, 0))
	db.SetMaxIdleConns(20)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				stmt, err := db.Prepare("UPDATE")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := stmt.Exec(); err != nil {
					t.Error(err)
				}
				stmt.Close()
			}
		})
	}
	wg.Wait()
}

// Two statements of one text at the same time on one connection are two.
func TestTwoStmtsOfOneText(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	for range 2 { // the second time with what the first has left
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		var all [2]*sql.Rows
		for i := range all {
			stmt, err := tx.Prepare("SELECT n 3")
			if err != nil {
				t.Fatal(err)
			}
			if all[i], err = stmt.Query(); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 3 {
			for i, rows := range all {
				var have int
				if !rows.Next() || rows.Scan(&have) != nil || have != n+1 {
					t.Fatalf("rows %d: have %d, want %d", i, have, n+1)
				}
			}
		}
		for _, rows := range all {
			rows.Close()
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

// A one-off query that the driver wants prepared is prepared, run and closed on
// one connection, in one borrow.
func TestOneOffPrepare(t *testing.T) {
	fake := pooledtest.NewFake(t, pooledtest.With(pooledtest.SkipQueries))
	db, pool := open(t, fake)
	mustExec(t, db, "UPDATE ?", 1)
	wantLog(t, fake, "c1 connect", "c1 prepare UPDATE ?", "c1 stmt exec UPDATE ? [1]", "c1 stmt close UPDATE ?")
	if s := pool.Stats(); s.Checkouts != 1 {
		t.Errorf("checkouts: have %d, want 1", s.Checkouts)
	}
}

// The connection a Stmt was left on has died: it is prepared on another.
func TestStmtOnAStaleConnection(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	stmt, err := db.Prepare("UPDATE ?")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(1))
	if _, err := stmt.ExecContext(context.Background(), 5); err != nil {
		t.Fatal(err)
	}
	log := fake.Log()
	if last := log[len(log)-1]; last != "c2 stmt exec UPDATE ? [5]" && !slices.Contains(log, "c2 stmt exec UPDATE ? [5]") {
		t.Errorf("have %q, want it run on connection 2", log)
	}
}
