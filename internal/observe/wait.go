package observe

import (
	"fmt"
	"strings"
	"time"
)

// Wait is a wait for a connection that ended without one, and the state of the pool at that moment.
type Wait struct {
	For           string // what it waited for
	To            string // the address of what it waited for; empty: there is none, or it is not known
	Waited, Limit time.Duration

	Size, Overflow                     int // overflow -1: no limit
	CheckedOut, Idle, Opening, Waiting int

	Refused error  // the server's last refusal of another one; nil: there was none
	Hosts   string // what is known of the hosts; empty: nothing
	Holders []Holder
}

// Line is all of it on one line, as far as the texts in it are one.
func (w Wait) Line() string {
	var b strings.Builder
	if w.To != "" {
		w.For += " to " + w.To
	}
	overflow := "no limit"
	if w.Overflow >= 0 {
		overflow = fmt.Sprint(w.Overflow)
	}
	limit := "-1"
	if w.Limit >= 0 {
		limit = w.Limit.String()
	}
	fmt.Fprintf(&b, "%s: waited %v (pool_timeout=%s): size %d, overflow %s, checked out %d, idle %d, opening %d, "+
		"waiting %d",
		w.For, w.Waited.Round(time.Millisecond), limit, w.Size, overflow, w.CheckedOut, w.Idle, w.Opening, w.Waiting)
	if w.Refused != nil {
		fmt.Fprintf(&b, ": the server refused more: %v", w.Refused)
	}
	if w.Hosts != "" {
		b.WriteString("; hosts: " + w.Hosts)
	}
	for i, h := range w.Holders {
		between := ", "
		if i == 0 {
			between = "; held longest: "
		}
		b.WriteString(between + h.Line())
	}
	return b.String()
}

// FormatError prints the text of an error about it, and by the verb %+v the holders' stacks, too.
func (w Wait) FormatError(f fmt.State, verb rune, text string) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), text)
	if verb != 'v' || !f.Flag('+') {
		return
	}
	for _, h := range w.Holders {
		if h.Stack != "" {
			fmt.Fprintf(f, "\nconn %d was taken at\n%s", h.Conn, h.Stack)
		}
	}
}
