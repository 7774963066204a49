package pooled

import "github.com/pooled-go/pooled/internal/dsn"

// statementLimit is how much of a statement's text is shown.
const statementLimit = 256

// begin is told when a lease may last for a while before there is a statement in it.
func (s *ServerConn) begin() { s.activity.Begin(s.slot.Uses()) }

// trim lets go of a very long text, when the server connection comes back. What is shown of it may be cleaner than the
// text by then, see forget.
func (s *ServerConn) trim(r *dsn.Redactor) {
	s.state.Trim()
	s.activity.Trim(func(shown string) string { return r.Clip(shown, statementLimit) })
}

// forget takes the secrets that the redactor still knows out of what is shown of the last statement.
func (s *ServerConn) forget(r *dsn.Redactor) {
	s.activity.Replace(func(shown string) string {
		if clean := r.Clip(shown, statementLimit); clean != dsn.Cut(shown, statementLimit) {
			return clean
		}
		return shown
	})
}

// look is the last statement, and the stack that leased this, if they are known. Of one in use it is the statement
// of this lease; 0: of whichever.
func (s *ServerConn) look(r *dsn.Redactor, lease uint64) (statement string, stack []uintptr) {
	statement, stack = s.activity.Look(lease, s.slot.Taken)
	return r.Clip(statement, statementLimit), stack
}
