package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
)

// tx is the transaction of a connection. It tells the server connection when the transaction is known to be over,
// which saves a ROLLBACK on return.
type tx struct {
	conn   *pooledConn
	server *ServerConn // nil: it was closed under the transaction
	begun  driver.Tx
	ctx    context.Context // BeginTx's
	open   bool            // neither Commit nor Rollback was called
}

var _ driver.Tx = (*tx)(nil)

// Commit of a transaction whose connection was invalidated is refused: it is rolled back instead. So is one whose
// session has ended. A Commit that was sent and not answered is ErrConnLost.
func (t *tx) Commit() error {
	if t.server != nil && t.server.invalid {
		return errors.Join(errTxInvalidated, t.end(t.begun.Rollback))
	}
	return t.end(func() error {
		if err := t.server.conn.Over(context.Background(), t.server.slot.LeasedBefore()); err != nil {
			t.begun.Rollback() // else the driver holds on to the transaction
			return err
		}
		return t.server.conn.TrueErr(t.begun.Commit())
	})
}

// Rollback is called by the program, and by database/sql itself when the context of the transaction has ended; which
// of the two it is can't be told. After its own rollback database/sql closes the connection of a driver that lacks
// SessionResetter or Validator: nobody would find out that the transaction is still open. Here reset on return finds
// out, so the connection is kept.
func (t *tx) Rollback() error {
	s := t.server
	err := t.end(t.begun.Rollback)
	if s != nil && t.ctx.Err() != nil && !s.conn.Driver.KeptOnRollback() {
		s.conn.State.DoubtTx() // so it is rolled back once more
		if err != nil && t.conn.pool.cfg.ResetOnReturn == ResetNone {
			s.conn.Broken = true // no, it is not
		}
	}
	if s != nil && err != nil && t.conn.pool.cfg.ResetOnReturn == ResetCommit {
		s.conn.Broken = true // or it would be committed on return
	}
	return err
}

func (t *tx) end(how func() error) error {
	s := t.server
	t.open = false
	switch {
	case s == nil:
		return errTxLost
	case s.foreign():
		return errForked
	case s.conn.Cut:
		return driver.ErrBadConn
	}
	defer t.conn.lostToPanic()
	s.conn.Start()
	err := how()
	s.conn.Busy = false
	s.conn.State.EndTx(err == nil)
	s.conn.Cache.Publish()
	if err != nil {
		t.conn.noteError(s, err)
		s.roleInDoubt = s.roleInDoubt || t.conn.pool.refusesWrites(err) // MySQL may refuse a COMMIT
	}
	return err
}
