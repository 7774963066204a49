package serverconn

import "github.com/pooled-go/pooled/internal/visible"

// statementLimit is how much of a statement's text is shown.
const statementLimit = 256

// Clipper cuts a text, and takes the secrets out of it that it knows.
type Clipper interface {
	Clip(text string, limit int) string
}

// Look is the last statement as it is shown, and the stack that leased the connection, if they are known. Of one in use
// it is the statement of this lease; 0: of whichever.
func (c *Conn) Look(r Clipper, lease uint64, leased func() bool) (statement string, stack []uintptr) {
	statement, stack = c.Activity.Look(lease, leased)
	return r.Clip(statement, statementLimit), stack
}

// Trim lets go of a very long text, when the connection comes back. What is shown of it may be cleaner than the text by
// then, see Forget.
func (c *Conn) Trim(r Clipper) {
	if c.Activity.Long() {
		c.State.Forget()
		c.Activity.Trim(func(shown string) string { return r.Clip(shown, statementLimit) })
	}
}

// Forget takes the secrets that r still knows out of what is shown of the last statement.
func (c *Conn) Forget(r Clipper) {
	c.Activity.Replace(func(shown string) string {
		if clean := r.Clip(shown, statementLimit); clean != visible.Cut(shown, statementLimit) {
			return clean
		}
		return shown
	})
}
