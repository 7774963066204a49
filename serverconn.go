package pooled

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/process"
	"github.com/pooled-go/pooled/internal/serverconn"
	"github.com/pooled-go/pooled/internal/socket"
	"github.com/pooled-go/pooled/internal/sqltext"
)

// ServerConn is one connection of the wrapped driver, as hooks get it. Use its methods only within the hook that got
// it: after that it belongs to the caller that has checked it out, or to the pool.
type ServerConn struct {
	slot pool.Slot[*ServerConn]
	conn serverconn.Conn

	address hosts.Address // what it was opened to
	born    time.Time
	process uint64 // in which it was opened; zero: no fork guard

	// The fields below belong to the holder.

	checkingOut bool        // the Checkout hooks are running
	invalid     bool        // the Invalidate hooks were told
	roleInDoubt bool        // a statement was refused as if the server took no writes any more
	timed       bool        // somebody measures how long it is used:
	took        time.Time   // when it was leased, if timed
	values      map[any]any // the hooks' own
}

func (p *Pool) newServerConn(
	o opening, opened driver.Conn, connector driver.Connector, dialed *socket.Socket,
) *ServerConn {
	s := &ServerConn{born: time.Now(), process: p.process}
	s.slot.Init(o, s)
	s.conn.Init(p.shared, o.ID, opened, connector, dialed)
	return s
}

// ID numbers the server connections of a pool, from 1, in the order in which they were requested.
func (s *ServerConn) ID() uint64 { return s.slot.ID() }

// Opened is when the wrapped driver connected.
func (s *ServerConn) Opened() time.Time { return s.born }

// Idle is how long this was idle before it was checked out, exact to a quarter of a second; 0 for a new one.
func (s *ServerConn) Idle() time.Duration { return s.slot.IdleFor() }

// Session is the server's number of this session: pg_backend_pid() or CONNECTION_ID(). It is empty if it is not known,
// as with SQLite and some drivers.
func (s *ServerConn) Session() string { return s.conn.SessionID }

// Raw is the wrapped driver's connection. The pool does not see what a hook does with it. So after Raw in a Checkout
// hook the pool assumes that a transaction may be open and the session changed, and resets both on return. With
// [ServerConn.Exec] it knows what it has to undo.
func (s *ServerConn) Raw() driver.Conn {
	if s.checkingOut {
		s.conn.SendingAnything()
	} else {
		s.conn.Cache.Invalidate(sqltext.InvalidatesSessions)
	}
	return s.conn.Driver.Conn
}

// Exec runs a statement on the wrapped driver's connection, for hooks. In a Checkout hook, it counts as if the program
// had run it. In a Connect hook, what it sets remains until a session reset; use pool_init_sql for what must remain
// longer.
func (s *ServerConn) Exec(ctx context.Context, query string) error {
	if s.checkingOut {
		s.conn.Sending(query)
	} else {
		s.conn.SendingUnused(query)
	}
	return s.conn.Exec(ctx, query)
}

// String is the number and the session of the server connection, for a log.
func (s *ServerConn) String() string {
	return fmt.Sprintf("pooled.ServerConn(%d, session %q)", s.ID(), s.conn.SessionID)
}

// Format prints String for every verb, so that none shows the last statement, which may contain a password.
func (s *ServerConn) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// SetValue stores a value with the server connection until that is closed; nil removes it. Use a key of your own type,
// as with context.WithValue. In SQLAlchemy this is ConnectionRecord.info.
func (s *ServerConn) SetValue(key, value any) {
	if value == nil {
		delete(s.values, key)
		return
	}
	if s.values == nil {
		s.values = make(map[any]any)
	}
	s.values[key] = value
}

// Value is what SetValue last set for the key, or nil.
func (s *ServerConn) Value(key any) any { return s.values[key] }

// close closes this, unless it is another process's. Nothing else in the pool closes a connection of the driver's.
func (s *ServerConn) close() error {
	if s.foreign() {
		process.KeepAlive(s)
		return nil
	}
	return s.conn.Close()
}

// dead is ErrDisconnect, and why; nil for nil.
func dead(why error) error {
	if why == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrDisconnect, why)
}
