package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"
)

// ServerConn is one connection of the parent driver, with what the pool knows
// of it. Hooks are given it. It belongs to whoever has checked it out, and to
// the pool while it is idle; its methods must not be used outside the hook
// that was given it.
type ServerConn struct {
	parent parentConn
	id     uint64
	born   time.Time

	// The fields below belong to the holder.

	used    bool // has been checked in at least once
	busy    bool // an operation is under way; still true at checkin if it panicked
	broken  bool // must not go back into the pool
	openTx  bool // a transaction begun through the driver is not known to have ended
	textTx  bool // a statement was seen that may have opened a transaction
	autoOff bool // autocommit may be off: every statement may open a transaction

	memoText string // the last text that was classified
	memo     effect // and what it leaves

	parked     map[string]driver.Stmt // statements by text, left here by Conns that moved on
	parkedSeen uint64                 // textCount's generation when parked was last swept

	// holder is the Conn this was lent to by Connector.Connect, for the pool
	// to find borrows that were never used.
	holder atomic.Pointer[Conn]

	// idleSince is the pool's tick when this was last laid down; guarded by Pool.mu.
	idleSince uint64
}

func newServerConn(id uint64, parent driver.Conn) *ServerConn {
	return &ServerConn{parent: inspect(parent), id: id, born: time.Now()}
}

// ID numbers the server connections of a pool from 1 in the order they were
// asked for.
func (s *ServerConn) ID() uint64 { return s.id }

// Opened is when the parent driver had connected.
func (s *ServerConn) Opened() time.Time { return s.born }

// Raw is the parent driver's connection.
func (s *ServerConn) Raw() driver.Conn { return s.parent.conn }

// memoLimit keeps a server connection from holding on to long texts.
const memoLimit = 256

// leaves is classify with a memory of one: programs send the same text over and
// over, and to compare it with itself takes no time.
func (s *ServerConn) leaves(d dialectKind, query string) effect {
	if query == s.memoText && query != "" {
		return s.memo
	}
	leaves := classify(d, query)
	if len(query) <= memoLimit {
		s.memoText, s.memo = query, leaves
	}
	return leaves
}

// note records, before it is sent, what a statement may leave behind.
func (s *ServerConn) note(leaves effect) {
	switch leaves {
	case effectAny:
		s.autoOff = true
		s.textTx = true
	case effectTx:
		s.textTx = true
	}
}

// mayHoldTx reports whether a transaction may be open on the server.
func (s *ServerConn) mayHoldTx() bool { return s.openTx || s.textTx || s.autoOff }

// usable reports whether this may go back into the pool.
func (s *ServerConn) usable() bool {
	if s.broken || s.busy {
		return false
	}
	return s.parent.validator == nil || s.parent.validator.IsValid()
}

// park keeps a prepared statement here for the next Conn that needs its text.
// A statement of the same text that was here before makes room for it.
func (s *ServerConn) park(text string, stmt driver.Stmt) {
	if old, ok := s.parked[text]; ok {
		s.closeStmt(old)
	}
	if s.parked == nil {
		s.parked = make(map[string]driver.Stmt)
	}
	s.parked[text] = stmt
}

// unpark takes a statement of this text, or nil.
func (s *ServerConn) unpark(text string) driver.Stmt {
	stmt, ok := s.parked[text]
	if ok {
		delete(s.parked, text)
	}
	return stmt
}

// sweep closes the parked statements whose text no Conn keeps any more. Only
// the holder calls it: a Stmt's own Close can come while another Conn uses the
// server connection it was prepared on. It is ErrDisconnect if that shows that the
// server connection is dead.
func (s *ServerConn) sweep(texts *textCount) error {
	generation := texts.dropped.Load()
	if generation == s.parkedSeen {
		return nil
	}
	s.parkedSeen = generation
	for text, stmt := range s.parked {
		if !texts.alive(text) {
			delete(s.parked, text)
			s.closeStmt(stmt)
		}
	}
	if s.broken {
		return ErrDisconnect
	}
	return nil
}

func (s *ServerConn) closeStmt(stmt driver.Stmt) {
	if err := stmt.Close(); errors.Is(err, driver.ErrBadConn) {
		s.broken = true
	}
}

// exec runs a statement of the pool's own.
func (s *ServerConn) exec(ctx context.Context, query string) error {
	_, err := s.parent.exec(ctx, query, nil)
	if err != driver.ErrSkip {
		return err
	}
	stmt, err := s.parent.prepare(ctx, query)
	if err != nil {
		return err
	}
	_, err = stmtExec(ctx, stmt, nil)
	return errors.Join(err, stmt.Close())
}

// queryValue runs a query of the pool's own that has one row of one column.
func (s *ServerConn) queryValue(ctx context.Context, query string) (driver.Value, error) {
	rows, err := s.parent.query(ctx, query, nil)
	if err == driver.ErrSkip {
		var stmt driver.Stmt
		if stmt, err = s.parent.prepare(ctx, query); err != nil {
			return nil, err
		}
		defer stmt.Close()
		rows, err = stmtQuery(ctx, stmt, nil)
	}
	if err != nil {
		return nil, err
	}
	row := make([]driver.Value, len(rows.Columns()))
	if err = rows.Next(row); err == nil && len(row) == 0 {
		err = errors.New("no column")
	}
	if err = errors.Join(err, rows.Close()); err != nil {
		return nil, err
	}
	if b, ok := row[0].([]byte); ok { // may be reused by the driver
		return string(b), nil
	}
	return row[0], nil
}
