package pooledtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"time"
)

// conformOps is everything Conform tries.
var conformOps = slices.Concat(
	argumentOps(),
	about(Statements, resultOps...),
	about(Transactions, txOps...),
	about(Statements|Connections, stmtOps...),
	about(Statements|Connections, contextOps...),
	faultOps(),
	about(Connections, lifeOps...),
)

var resultOps = []conformOp{
	{name: "results", run: func(s *trial) {
		s.each(func(on runner) {
			for _, q := range []string{"SELECT 7", "SELECT n 3", "SELECT n 0", "SELECT sets 2 0 3", "SELECT types",
				"UPDATE", "GET k"} {
				s.query(on, q)
				s.prepared(on, q, func() []any { return nil })
			}
		})
	}},
	{name: "exec results", run: func(s *trial) {
		s.each(func(on runner) {
			for _, q := range []string{"INSERT", "UPDATE", "CREATE TABLE"} {
				s.exec(on, q)
				s.prepared(on, q, func() []any { return nil })
			}
		})
	}},
	{name: "server errors", args: true, run: func(s *trial) {
		s.each(func(on runner) {
			for _, q := range []string{"ERROR when run", "ERROR prepare"} {
				s.exec(on, q)
				s.query(on, q)
				s.exec(on, q, 1)
				s.query(on, q, 1)
				s.prepared(on, q, func() []any { return nil })
			}
		})
	}},
	{name: "one row", run: func(s *trial) {
		for _, q := range []string{"SELECT 7", "SELECT n 0", "SELECT n 3", "SELECT x", "ERROR no", "GET k"} {
			var n int
			err := s.db.QueryRowContext(s.ctx, q).Scan(&n)
			s.note("%s: %d %s", q, n, s.describe(err))
		}
	}},
	{name: "session", run: func(s *trial) {
		s.withConn(func(c *sql.Conn) {
			s.exec(c, "SET k=v")
			s.query(c, "GET k")
		})
		s.withTx(func(tx *sql.Tx) {
			s.exec(tx, "SET k=w")
			s.query(tx, "GET k")
			s.query(tx, "SELECT intx")
		})
		s.query(s.db, "SELECT intx")
	}},
	{name: "rows left early", run: func(s *trial) {
		rows, err := s.db.QueryContext(s.ctx, "SELECT n 5")
		s.err("query", err)
		if err == nil {
			s.note("next %t", rows.Next())
			s.err("close", rows.Close())
			s.err("close again", rows.Close())
		}
		s.query(s.db, "SELECT 1")
	}},
}

var txOps = []conformOp{
	{name: "isolation levels", run: func(s *trial) {
		for level := sql.LevelDefault; level <= sql.LevelLinearizable+1; level++ {
			for _, ro := range []bool{false, true} {
				s.begin(s.db, &sql.TxOptions{Isolation: level, ReadOnly: ro})
			}
		}
		s.begin(s.db, nil)
		s.withConn(func(c *sql.Conn) {
			s.begin(c, nil)
			s.begin(c, &sql.TxOptions{Isolation: sql.LevelSerializable})
			s.begin(c, &sql.TxOptions{ReadOnly: true})
		})
	}},
	{name: "transaction over", about: Statements, run: func(s *trial) {
		tx, err := s.db.BeginTx(s.ctx, nil)
		s.err("begin", err)
		s.err("rollback", tx.Rollback())
		s.err("rollback", tx.Rollback())
		s.err("commit", tx.Commit())
		s.exec(tx, "UPDATE")
		s.query(tx, "SELECT 1")
		s.prepared(tx, "UPDATE", func() []any { return nil })
	}},
	{name: "transaction on a dirty session", run: func(s *trial) {
		s.withConn(func(c *sql.Conn) {
			s.exec(c, "BEGIN")
			s.begin(c, nil)
			s.exec(c, "ROLLBACK")
		})
	}},
	{name: "transaction cancelled", run: func(s *trial) {
		// database/sql closes the connection of a driver that lacks one of these. A wrapper may know that it is clean.
		same := func(_ string, fn func()) { fn() }
		if s.f.profile().Has(HasSessionResetter | HasValidator) {
			same = s.same
		}
		same("cancelled", func() {
			ctx, cancel := context.WithCancel(s.ctx)
			defer cancel()
			tx, err := s.db.BeginTx(ctx, nil)
			s.err("begin", err)
			if err != nil {
				return
			}
			s.exec(tx, "UPDATE")
			id := s.id(tx)
			cancel()
			s.f.Await(s.t, func(Counts) bool { return !s.f.InTx(id) })
			s.exec(tx, "UPDATE")
			s.err("commit", tx.Commit())
			s.err("rollback", tx.Rollback())
		})
	}},
	{name: "transaction kept", run: func(s *trial) {
		s.same("committed", func() { s.begin(s.db, nil) })
		s.same("rolled back", func() {
			tx, err := s.db.BeginTx(s.ctx, nil)
			s.err("begin", err)
			s.err("rollback", tx.Rollback())
		})
	}},
}

type beginner interface {
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
}

func (s *trial) begin(on beginner, opts *sql.TxOptions) {
	tx, err := on.BeginTx(s.ctx, opts)
	s.err(fmt.Sprintf("%T begin %+v", on, opts), err)
	if err != nil {
		return
	}
	s.query(tx, "SELECT intx")
	s.err("commit", tx.Commit())
}

var stmtOps = []conformOp{
	{name: "statement used in a transaction", args: true, run: func(s *trial) {
		s.db.SetMaxOpenConns(0)
		stmt, err := s.db.PrepareContext(s.ctx, "VALUES ?")
		s.err("prepare", err)
		s.withTx(func(tx *sql.Tx) {
			used := tx.StmtContext(s.ctx, stmt)
			rows, err := used.QueryContext(s.ctx, 1)
			s.rows("used", rows, err)
			own, err := tx.PrepareContext(s.ctx, "VALUES ? ?")
			s.err("prepare in the transaction", err)
			rows, err = own.QueryContext(s.ctx, 1, 2)
			s.rows("own", rows, err)
		})
		rows, err := stmt.QueryContext(s.ctx, 2)
		s.rows("afterwards", rows, err)
		s.err("close", stmt.Close())
		_, err = stmt.ExecContext(s.ctx, 3)
		s.err("closed", err)
	}},
	{name: "statement on many connections", args: true, how: somewhat, run: func(s *trial) {
		s.db.SetMaxOpenConns(0)
		s.db.SetMaxIdleConns(3)
		stmt, err := s.db.PrepareContext(s.ctx, "VALUES ?")
		s.err("prepare", err)
		if err != nil {
			return
		}
		var held []*sql.Conn
		for i := range 3 {
			rows, err := stmt.QueryContext(s.ctx, i)
			s.rows("query", rows, err)
			conn, err := s.db.Conn(s.ctx)
			s.err("conn", err)
			held = append(held, conn)
			s.query(conn, "SELECT 1")
		}
		for _, conn := range held {
			s.err("conn close", conn.Close())
			rows, err := stmt.QueryContext(s.ctx, "again")
			s.rows("query", rows, err)
		}
		s.err("close", stmt.Close())
	}},
	{name: "statement of a closed connection", run: func(s *trial) {
		conn, err := s.db.Conn(s.ctx)
		s.err("conn", err)
		stmt, err := conn.PrepareContext(s.ctx, "UPDATE")
		s.err("prepare", err)
		s.err("stmt close", stmt.Close())
		s.err("conn close", conn.Close())
		_, err = stmt.ExecContext(s.ctx)
		s.err("exec", err)
		s.exec(conn, "UPDATE")
	}},
	{name: "statement while its Rows are open", run: func(s *trial) {
		s.withTx(func(tx *sql.Tx) {
			stmt, err := tx.PrepareContext(s.ctx, "SELECT n 3")
			s.err("prepare", err)
			rows, err := stmt.QueryContext(s.ctx)
			s.err("query", err)
			s.note("next %t", rows.Next())
			s.exec(tx, "UPDATE")
			s.query(tx, "SELECT 1")
			s.rows("rest", rows, nil)
			s.err("close", stmt.Close())
		})
	}},
}

// heeds reports whether the parent watches the context of a statement without arguments.
func (s *trial) heeds() bool {
	p := s.f.profile()
	return p.Has(HasExecerContext) || !p.Has(HasExecer) && p.Has(HasStmtExecContext)
}

// heedsQuery is heeds for queries.
func (s *trial) heedsQuery() bool {
	p := s.f.profile()
	return p.Has(HasQueryerContext) || !p.Has(HasQueryer) && p.Has(HasStmtQueryContext)
}

// cancelDuring runs fn with a context that ends while the server is busy with fn's WAIT.
func (s *trial) cancelDuring(heeds bool, fn func(context.Context)) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.f.AwaitWaiting(s.t, 1)
		cancel()
		if !heeds {
			s.f.Release()
		}
	}()
	fn(ctx)
	<-done
}

var contextOps = []conformOp{
	{name: "already cancelled", args: true, how: somewhat, run: func(s *trial) {
		done, cancel := context.WithCancel(s.ctx)
		cancel()
		s.inContext(done, s.db)
		s.exec(s.db, "UPDATE")
		s.inContext(done, s.db)
		s.withConn(func(c *sql.Conn) { s.inContext(done, c) })
		s.f.ResetLog() // a wrapper may notice before it has a connection to the server
		s.ping(done, s.db)
		s.withConn(func(c *sql.Conn) {
			s.exec(c, "UPDATE")
			s.inContext(done, c)
			s.ping(done, c)
			s.query(c, "SELECT 1")
		})
	}},
	{name: "cancelled keeps the connection", args: true, how: somewhat, run: func(s *trial) {
		done, cancel := context.WithCancel(s.ctx)
		cancel()
		s.same("cancelled", func() {
			s.inContext(done, s.db)
			s.withConn(func(c *sql.Conn) { s.inContext(done, c) })
			s.f.ResetLog()
		})
	}},
	{name: "past deadline", args: true, how: somewhat, run: func(s *trial) {
		late, cancel := context.WithDeadline(s.ctx, time.Unix(0, 0))
		defer cancel()
		s.inContext(late, s.db)
		s.withConn(func(c *sql.Conn) { s.inContext(late, c) })
		s.f.ResetLog()
	}},
	{name: "cancelled in a transaction", run: func(s *trial) {
		done, cancel := context.WithCancel(s.ctx)
		cancel()
		s.withTx(func(tx *sql.Tx) {
			_, err := tx.ExecContext(done, "UPDATE")
			s.err("exec", err)
			s.exec(tx, "UPDATE")
		})
	}},
	{name: "cancelled during exec", run: func(s *trial) {
		s.same("cancelled", func() {
			s.cancelDuring(s.heeds(), func(ctx context.Context) {
				_, err := s.db.ExecContext(ctx, "WAIT")
				s.err("exec", err)
			})
		})
	}},
	{name: "cancelled during query", run: func(s *trial) {
		s.same("cancelled", func() {
			s.cancelDuring(s.heedsQuery(), func(ctx context.Context) {
				rows, err := s.db.QueryContext(ctx, "WAIT")
				if s.heedsQuery() {
					s.err("query", err)
				}
				if err == nil {
					rows.Close()
				}
			})
		})
	}},
	{name: "cancelled between rows", run: func(s *trial) {
		s.same("cancelled", func() {
			ctx, cancel := context.WithCancel(s.ctx)
			defer cancel()
			rows, err := s.db.QueryContext(ctx, "SELECT n 5")
			s.err("query", err)
			if err != nil {
				return
			}
			s.note("next %t", rows.Next())
			cancel()
			s.f.Await(s.t, func(c Counts) bool { return c.RowsOpen == 0 })
			s.note("next %t", rows.Next())
			s.err("end", rows.Err())
			s.err("close", rows.Close())
		})
	}},
}

// inContext tries everything that takes a context, save Ping, which needs none where the parent has no Pinger.
func (s *trial) inContext(ctx context.Context, on runner) {
	_, err := on.ExecContext(ctx, "UPDATE")
	s.err("exec", err)
	_, err = on.ExecContext(ctx, "UPDATE ?", 1)
	s.err("exec with an argument", err)
	rows, err := on.QueryContext(ctx, "SELECT 1")
	s.rows("query", rows, err)
	rows, err = on.QueryContext(ctx, "SELECT ?", 1)
	s.rows("query with an argument", rows, err)
	stmt, err := on.PrepareContext(ctx, "UPDATE")
	s.err("prepare", err)
	if err == nil {
		s.err("stmt close", stmt.Close())
	}
	tx, err := on.(beginner).BeginTx(ctx, nil)
	s.err("begin", err)
	if err == nil {
		s.err("rollback", tx.Rollback())
	}
}

func (s *trial) ping(ctx context.Context, on interface{ PingContext(context.Context) error }) {
	s.err(fmt.Sprintf("%T ping", on), on.PingContext(ctx))
}

var lifeOps = []conformOp{
	{name: "ping", about: Connecting, run: func(s *trial) {
		s.ping(s.ctx, s.db)
		s.ping(s.ctx, s.db)
		s.withConn(func(c *sql.Conn) { s.ping(s.ctx, c) })
	}},
	{name: "not valid", run: func(s *trial) {
		s.same("not valid", func() {
			s.f.On(StageIsValid, Fail(errBoom).Times(1))
			s.exec(s.db, "UPDATE")
		})
	}},
	{name: "ResetSession refuses", run: func(s *trial) {
		s.same("refused", func() { s.f.On(StageResetSession, BadConn().Times(1)) })
	}},
	{name: "killed", about: Statements, run: func(s *trial) {
		s.exec(s.db, "UPDATE")
		s.f.Kill(nil)
		s.exec(s.db, "UPDATE")
	}},
	{name: "killed with an error", about: Statements, how: somewhat, run: func(s *trial) {
		s.withConn(func(c *sql.Conn) {
			s.exec(c, "UPDATE")
			s.f.Kill(&ServerError{Text: "gone"})
			s.exec(c, "UPDATE")
			s.query(c, "SELECT 1")
		})
	}},
	{name: "raw", run: func(s *trial) {
		s.withConn(func(c *sql.Conn) {
			s.err("raw", c.Raw(func(any) error { return nil }))
			s.err("raw", c.Raw(func(any) error { return errBoom }))
			s.exec(c, "UPDATE")
		})
	}},
	{name: "raw bad connection", run: func(s *trial) {
		s.same("raw", func() {
			s.withConn(func(c *sql.Conn) {
				s.exec(c, "UPDATE")
				s.err("raw", c.Raw(func(any) error { return driver.ErrBadConn }))
				s.exec(c, "UPDATE")
			})
		})
	}},
	{name: "raw panics", run: func(s *trial) {
		s.same("raw", func() {
			s.withConn(func(c *sql.Conn) {
				s.exec(c, "UPDATE")
				s.guard("recovered", func() { _ = c.Raw(func(any) error { panic("in raw") }) })
				s.exec(c, "UPDATE")
			})
		})
	}},
	{name: "exec panics", about: Statements, run: func(s *trial) {
		s.f.On(StageExec, Panic("in exec").Match("FAULT").Times(1))
		s.guard("recovered", func() { s.exec(s.db, "FAULT") })
		s.exec(s.db, "UPDATE")
	}},
	{name: "statistics", about: Connecting, run: func(s *trial) {
		s.db.SetMaxOpenConns(0)
		s.db.SetMaxIdleConns(5)
		s.stats()
		s.exec(s.db, "UPDATE")
		s.stats()
		s.two(s.stats)
		s.stats()
		s.f.On(StageConnect, Fail(errBoom))
		s.two(func() {
			s.withConn(func(*sql.Conn) { s.stats() })
			s.stats()
		})
		s.stats()
	}},
	{name: "connection over", run: func(s *trial) {
		conn, err := s.db.Conn(s.ctx)
		s.err("conn", err)
		s.err("close", conn.Close())
		s.err("close", conn.Close())
		s.exec(conn, "UPDATE")
		s.ping(s.ctx, conn)
	}},
	{name: "database over", run: func(s *trial) {
		s.exec(s.db, "UPDATE")
		s.err("close", s.db.Close())
		s.err("close", s.db.Close())
		s.exec(s.db, "UPDATE")
		s.query(s.db, "SELECT 1")
		s.ping(s.ctx, s.db)
	}},
}

func (s *trial) stats() {
	st := s.db.Stats()
	s.note("open %d, in use %d, idle %d", st.OpenConnections, st.InUse, st.Idle)
}

// two runs fn while two connections are in use.
func (s *trial) two(fn func()) {
	s.withConn(func(a *sql.Conn) {
		s.exec(a, "UPDATE")
		s.withConn(func(b *sql.Conn) {
			s.exec(b, "UPDATE")
			fn()
		})
	})
}
