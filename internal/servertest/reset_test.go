package servertest_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// leak is a way to leave a transaction behind.
type leak struct {
	name  string
	setup []string
	do    []string // on one connection, errors ignored
}

// inTransaction asks the server in which state the next caller finds it.
func (s server) inTransaction(t *testing.T, db *sql.DB) bool {
	t.Helper()
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	switch s.name {
	case "postgres":
		// In a failed transaction everything fails. In an open one two statements
		// have the same transaction.
		var a, b string
		for _, id := range []*string{&a, &b} {
			if conn.QueryRowContext(ctx, "SELECT pg_current_xact_id()").Scan(id) != nil {
				return true
			}
		}
		return a == b
	case "mysql":
		return pooledtest.ScanOne[int](t, conn, "SELECT "+pooledtest.MySQLFacts(t).InTransaction) == 1
	}
	_, err = conn.ExecContext(ctx, "BEGIN")
	return err != nil
}

func (s server) transactionLeaks(t *testing.T) []leak {
	t.Helper()
	switch s.name {
	case "postgres":
		return []leak{
			{"begin", nil, []string{"BEGIN", "INSERT INTO leaks VALUES (1)"}},
			{"start transaction", nil, []string{"START TRANSACTION ISOLATION LEVEL SERIALIZABLE"}},
			{"failed", nil, []string{"BEGIN", "SELECT nonsense"}},
			{"comment and case", nil, []string{"/* x /* nested */ */ -- y\n bEgIn"}},
			{"several statements", nil, []string{"SELECT 1; BEGIN; INSERT INTO leaks VALUES (2)"}},
			{"behind a semicolon in a string", nil, []string{"SELECT ';'; BEGIN"}},
			{"row lock", nil, []string{"BEGIN", "SELECT * FROM leaks FOR UPDATE"}},
			{"table lock", nil, []string{"BEGIN", "LOCK TABLE leaks"}},
			{"savepoint", nil, []string{"BEGIN", "SAVEPOINT a", "INSERT INTO leaks VALUES (3)"}},
			{"commit and chain", nil, []string{"BEGIN", "COMMIT AND CHAIN"}},
			{"cursor", nil, []string{"BEGIN", "DECLARE c CURSOR FOR SELECT 1"}},
			{"do block that commits", nil, []string{"BEGIN", "DO $$ BEGIN PERFORM 1; END $$"}},
			{"set local", nil, []string{"BEGIN", "SET LOCAL work_mem='1MB'"}},
		}
	case "mysql":
		begin := pooledtest.Anew("PROCEDURE", "leak_begin", "() BEGIN START TRANSACTION; INSERT INTO leaks VALUES (7); END")
		leaks := []leak{
			{"begin", nil, []string{"BEGIN", "INSERT INTO leaks VALUES (1)"}},
			{"start transaction", nil, []string{"START TRANSACTION WITH CONSISTENT SNAPSHOT"}},
			{"comment and case", nil, []string{"/* x */ # y\n -- z\n bEgIn", "INSERT INTO leaks VALUES (1)"}},
			{"executable comment", nil, []string{"/*! START TRANSACTION */", "INSERT INTO leaks VALUES (1)"}},
			{"row lock", nil, []string{"BEGIN", "SELECT * FROM leaks FOR UPDATE"}},
			{"autocommit off", nil, []string{"SET autocommit=0", "INSERT INTO leaks VALUES (4)"}},
			{"autocommit off in another word", nil, []string{"SET @@session.autocommit = OFF", "INSERT INTO leaks VALUES (4)"}},
			{"completion type", nil, []string{"SET completion_type=CHAIN", "BEGIN", "COMMIT", "INSERT INTO leaks VALUES (5)"}},
			{"commit and chain", nil, []string{"BEGIN", "COMMIT AND CHAIN", "INSERT INTO leaks VALUES (6)"}},
			{"procedure that begins", begin, []string{"CALL leak_begin()"}},
			{"procedure that turns autocommit off", pooledtest.Anew("PROCEDURE", "leak_auto", "() SET autocommit=0"),
				[]string{"CALL leak_auto()", "INSERT INTO leaks VALUES (8)"}},
			{"prepared text", begin, []string{"PREPARE p FROM 'CALL leak_begin()'", "EXECUTE p"}},
		}
		on := pooledtest.MySQLFacts(t)
		if on.Blocks {
			leaks = append(leaks, leak{"compound statement", nil,
				[]string{"BEGIN NOT ATOMIC START TRANSACTION; INSERT INTO leaks VALUES (1); END"}})
		}
		return leaks
	}
	return []leak{
		{"begin", nil, []string{"BEGIN", "INSERT INTO leaks VALUES (1)"}},
		{"begin immediate", nil, []string{"BEGIN IMMEDIATE"}},
		{"savepoint", nil, []string{"SAVEPOINT a", "INSERT INTO leaks VALUES (2)"}},
		{"comment and case", nil, []string{"/* x */ -- y\n bEgIn"}},
		{"several statements", nil, []string{"SELECT 1; BEGIN; INSERT INTO leaks VALUES (3)"}},
	}
}

// No transaction outlives its checkout, however it was begun, and what it did
// is undone or kept as the mode says. The bare driver shows that each leak is one.
func TestNoTransactionOutlivesItsCheckout(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			dsn := pooledtest.WithOptions(s.dsn(t), s.params()...)
			admin := openServer(t, s.bare, dsn)
			table(t, admin, "leaks", "a INT")
			for _, l := range s.transactionLeaks(t) {
				t.Run(l.name, func(t *testing.T) {
					for _, statement := range l.setup {
						pooledtest.MustExec(t, admin, statement)
					}
					leave := func(db *sql.DB) {
						conn, err := db.Conn(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						for _, statement := range l.do {
							conn.ExecContext(t.Context(), statement)
						}
						conn.Close()
					}
					bare := openServer(t, s.bare, dsn)
					bare.SetMaxOpenConns(1)
					leave(bare)
					if !s.inTransaction(t, bare) {
						t.Error("bare: the next caller is not in a transaction: this leak is none")
					}
					bare.Close()

					with := openServer(t, "pooled", dsn, "pool_size=1", "pool_max_overflow=0")
					for range 2 { // a session that was dirty once stays under watch
						leave(with)
						if s.inTransaction(t, with) {
							t.Error("pooled: the next caller is in a transaction")
						}
					}
					if have := pooledtest.ScanOne[int](t, with, "SELECT count(*) FROM leaks"); have != 0 {
						t.Errorf("have %d rows that were never committed", have)
					}
					with.Close()
				})
			}
		})
	}
}

func TestResetCommitKeepsWhatWasDone(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			db := openServer(t, "pooled", pooledtest.WithOptions(s.dsn(t), s.params()...), "pool_size=1",
				"pool_max_overflow=0", "pool_reset_on_return=commit")
			table(t, db, "kept", "a INT")
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pooledtest.MustExec(t, conn, "BEGIN")
			pooledtest.MustExec(t, conn, "INSERT INTO kept VALUES (1)")
			pooledtest.Give(t, conn)
			if s.inTransaction(t, db) {
				t.Error("the next caller is in a transaction")
			}
			if have := pooledtest.ScanOne[int](t, db, "SELECT count(*) FROM kept"); have != 1 {
				t.Errorf("have %d rows, want 1", have)
			}
		})
	}
}

// A lock is released when the conn comes back, not when somebody needs it next.
func TestLocksAreReleasedOnReturn(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			dsn := pooledtest.WithOptions(s.dsn(t), s.params()...)
			db := openServer(t, "pooled", dsn)
			table(t, db, "locked", "a INT")
			pooledtest.MustExec(t, db, "INSERT INTO locked VALUES (1)")
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pooledtest.MustExec(t, conn, "BEGIN")
			pooledtest.MustExec(t, conn, "UPDATE locked SET a = 2")
			pooledtest.Give(t, conn)

			other := openServer(t, s.bare, dsn)
			pooledtest.MustExec(t, other, "UPDATE locked SET a = 3")
			if have := pooledtest.ScanOne[int](t, db, "SELECT a FROM locked"); have != 3 {
				t.Errorf("have %d, want 3", have)
			}
		})
	}
}
