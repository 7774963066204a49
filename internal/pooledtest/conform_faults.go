package pooledtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// faultOps cross the stages with ways to fail.
func faultOps() []conformOp {
	kinds := []struct {
		name  string
		fault Fault
	}{
		{"error", Fail(errBoom)},
		{"server error once", Fail(&ServerError{Text: "down"}).Times(1)},
		{"wrapped error", Fail(fmt.Errorf("around: %w", errBoom))},
		{"ErrSkip", Fail(driver.ErrSkip)},
		{"ErrSkip once", Fail(driver.ErrSkip).Times(1)},
		{"wrapped ErrSkip", Fail(errors.Join(driver.ErrSkip))},
		{"ErrBadConn once", BadConn().Times(1)},
		{"ErrBadConn always", BadConn()},
		{"wrapped ErrBadConn once", Fail(fmt.Errorf("around: %w", driver.ErrBadConn)).Times(1)},
		{"wrapped ErrBadConn always", Fail(fmt.Errorf("around: %w", driver.ErrBadConn))},
		{"context error", Fail(context.DeadlineExceeded)},
	}
	stages := []struct {
		about        About
		stage, match string
		fresh        bool // on a new connection: an old one that is bad may be replaced without a word
		run          func(*trial)
	}{
		{Connecting, StageConnect, "", true, func(s *trial) {
			s.exec(s.db, "UPDATE")
			s.withConn(func(c *sql.Conn) { s.exec(c, "UPDATE") })
		}},
		{Connecting, StagePing, "", true, func(s *trial) {
			s.ping(s.ctx, s.db)
			s.withConn(func(c *sql.Conn) { s.ping(s.ctx, c) })
		}},
		{Statements, StagePrepare, "FAULT", false, func(s *trial) {
			s.prepared(s.db, "FAULT", func() []any { return nil })
			s.exec(s.db, "FAULT ?", 1)
			s.query(s.db, "FAULT ?", 1)
		}},
		{Statements, StageExec, "FAULT", false, func(s *trial) {
			s.exec(s.db, "FAULT")
			s.exec(s.db, "FAULT ?", 1)
			s.prepared(s.db, "FAULT", func() []any { return nil })
		}},
		{Statements, StageQuery, "FAULT", false, func(s *trial) {
			s.query(s.db, "FAULT")
			s.query(s.db, "FAULT ?", 1)
			s.prepared(s.db, "FAULT", func() []any { return nil })
		}},
		{Statements, StageNext, "SELECT n", false, func(s *trial) { s.query(s.db, "SELECT n 3") }},
		{Transactions, StageBegin, "", false, func(s *trial) { s.begin(s.db, nil) }},
		{Transactions, StageCommit, "", false, func(s *trial) { s.begin(s.db, nil) }},
		{Transactions, StageRollback, "", false, func(s *trial) {
			tx, err := s.db.BeginTx(s.ctx, nil)
			s.err("begin", err)
			s.err("rollback", tx.Rollback())
		}},
	}
	var ops []conformOp
	for _, st := range stages {
		for _, k := range kinds {
			what := st.about
			if strings.Contains(k.name, "ErrBadConn") {
				what |= Connections
			}
			ops = append(ops, conformOp{
				name:  "fault " + st.stage + " " + k.name,
				about: what,
				args:  st.about == Statements,
				how:   looselyIf(strings.HasSuffix(k.name, "ErrBadConn always")), // a pool may try more often
				run: func(s *trial) {
					if !st.fresh {
						s.query(s.db, "SELECT 1")
					}
					s.f.On(st.stage, k.fault.Match(st.match))
					st.run(s)
					s.f.ClearFaults()
					s.query(s.db, "SELECT 1")
				},
			})
		}
	}
	return ops
}
