package pooled

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/session"
)

// ConnState says whether a server connection is in use.
type ConnState string

const (
	// StateIdle: in the pool, or in class direct in database/sql's pool.
	StateIdle ConnState = "idle"
	// StateInUse: checked out.
	StateInUse ConnState = "in use"
)

// ConnInfo describes one server connection at one moment. Its times may be off by a quarter of a second.
type ConnInfo struct {
	ID uint64
	// Session is the server's number of the session: pg_backend_pid() or CONNECTION_ID(). Empty: not known.
	Session string
	State   ConnState
	Opened  time.Time
	Age     time.Duration // since it was opened
	Idle    time.Duration // since it was returned, 0: it is in use
	Held    time.Duration // since it was checked out, 0: it is idle
	Uses    uint64        // how often it was checked out
	// Statement is the text of the last one sent, cut at 256 bytes, without arguments. While the connection is in use
	// it is the last of this checkout, or empty.
	Statement string
	// Stack is where the checkout was made, as in a panic: while it is in use, if pool_leak_after is set.
	Stack string
	// Leaked: it has been in use for longer than pool_leak_after.
	Leaked bool
	// Retiring: it is in use, and will be closed on return: for its age, by Dispose or by InvalidateConn.
	Retiring bool
}

// Conns returns the pool's open server connections, in the order of their IDs. Those that were detached or invalidated
// are no longer the pool's.
func (p *Pool) Conns() []ConnInfo {
	p = p.current()
	slots := p.core.Snapshot()
	slices.SortFunc(slots, func(a, b slotInfo) int { return cmp.Compare(a.ID, b.ID) })
	list := make([]ConnInfo, len(slots))
	stacks := session.Stacks{} // many are taken in the same place
	for i, slot := range slots {
		list[i] = p.connInfo(slot, stacks)
	}
	return list
}

type slotInfo = pool.Info[*ServerConn]

func (p *Pool) connInfo(slot slotInfo, stacks session.Stacks) ConnInfo {
	s := slot.Value
	info := ConnInfo{
		ID: slot.ID, Session: s.conn.SessionID, State: StateInUse, Opened: s.born, Age: slot.Age, Idle: slot.IdleFor,
		Held: slot.Held, Uses: slot.Uses, Leaked: slot.Overdue, Retiring: slot.Leaving,
	}
	if slot.Idle {
		info.State = StateIdle
		info.Statement, _ = s.conn.Look(p.secrets, 0, s.slot.Taken)
		return info
	}
	statement, stack := s.conn.Look(p.secrets, slot.Uses, s.slot.Taken)
	info.Statement, info.Stack = statement, stacks.Format(stack)
	return info
}

// InvalidateConn closes the server connection with this ID: at once if it is idle, otherwise when it is returned, or in
// class direct at its next use. It reports whether there is one with this ID. cause may be nil. The hooks Invalidate
// and Close get it, or only Close if the connection is in use.
func (p *Pool) InvalidateConn(id uint64, cause error) bool {
	p = p.current()
	given := orInvalidated(cause)
	as := &retirement{text: "pooled: invalidated: " + p.secrets.Clean(textOf(given)), of: cause}
	inUse, found := p.core.InvalidateID(id, given, as)
	if inUse {
		p.tally.softInvalidated.Add(1)
		p.journal.Add(observe.EventSoftInvalidate, id, given)
	}
	return found
}

// Setting is one option in effect.
type Setting struct {
	Key, Value string
	// Origin is who set it: "default", "DSN", "program", or "pool" if the pool chose another value to suit the wrapped
	// driver.
	Origin string
}

// Settings returns the driver's DSN, then the options in effect that the pool's class uses. Secrets in the DSN are
// masked, and so is pool_init_sql.
func (p *Pool) Settings() []Setting {
	list := []Setting{{Key: "dsn", Value: p.shownDSN(), Origin: p.asked.set}}
	for _, s := range options.Settings(p.cfg, &p.asked.cfg, string(p.cfg.Class), p.asked.set) {
		if s.Key == "pool_init_sql" && s.Value != "" {
			s.Value = dsn.Masked
		}
		list = append(list, Setting(s))
	}
	return list
}

// origin is who set the options of a pool, and what they were before the pool made them suit the wrapped driver.
type origin struct {
	cfg Config
	set string
}

// shownDSN is the driver's DSN without its secrets, or what the driver is.
func (p *Pool) shownDSN() string {
	if !p.driver.HasDSN() && p.asked.cfg.DSN == "" {
		return fmt.Sprintf("(a connector of the program's: %T)", p.driver.Connector())
	}
	shown := NewConfig()
	shown.Driver, shown.DSN = p.cfg.Driver, p.asked.cfg.DSN
	return shown.String()
}
