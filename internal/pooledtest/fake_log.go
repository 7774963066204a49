package pooledtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

type markKey struct{}

// WithMark returns a context whose mark shows up in the log of whatever is called with it: "c1 exec UPDATE {mark}". It
// tells whether a wrapper hands on the context it got.
func WithMark(ctx context.Context, mark string) context.Context {
	return context.WithValue(ctx, markKey{}, mark)
}

func markOf(ctx context.Context) string {
	mark, _ := ctx.Value(markKey{}).(string)
	return mark
}

// Call is one thing that reached the server.
type Call struct {
	Conn int // 0 for a Connect that failed
	// connect, resetSession, prepare, exec, query, stmt exec, stmt query, stmt close, begin, commit, rollback, ping, close
	Op    string
	Query string              // the statement's text; for begin the options
	Args  []driver.NamedValue // as the driver received them
	Mark  string              // of the context, see WithMark
	Err   error               // how it failed; nil while it runs
}

// String is the call as Log shows it: "c1 exec INSERT ? [1 name=x] -> the error".
func (c Call) String() string {
	var b strings.Builder
	if c.Conn > 0 {
		b.WriteString("c" + strconv.Itoa(c.Conn) + " ")
	}
	b.WriteString(c.Op)
	if c.Query != "" {
		b.WriteString(" " + c.Query)
	}
	if len(c.Args) > 0 {
		b.WriteString(" [" + argsText(c.Args) + "]")
	}
	if c.Mark != "" {
		b.WriteString(" {" + c.Mark + "}")
	}
	if c.Err != nil {
		b.WriteString(" -> " + c.Err.Error())
	}
	return b.String()
}

func argsText(args []driver.NamedValue) string {
	texts := make([]string, len(args))
	for i, a := range args {
		switch v := a.Value.(type) {
		case []byte:
			texts[i] = string(v)
		case sql.Out:
			texts[i] = "out"
		case string:
			texts[i] = v
		default:
			texts[i] = fmt.Sprint(v)
		}
		if a.Name != "" {
			texts[i] = a.Name + "=" + texts[i]
		}
	}
	return strings.Join(texts, " ")
}

// Log returns everything that reached the server, in order: "c1 connect", "c1 exec ROLLBACK", "c1 prepare SELECT ?",
// "c1 stmt query SELECT ? [1]", "c1 stmt close SELECT ?", "c1 begin serializable read-only", "c1 commit",
// "c1 resetSession", "c1 close". An operation is logged when it begins, a Connect when it ends. What failed says so:
// "c1 exec INSERT -> driver: bad connection". Next and Close of Rows are not logged, and neither is what the driver
// refuses before it sends anything: a context that has already ended, ErrSkip.
func (f *Fake) Log() []string {
	return logLines(f.Calls())
}

func logLines(calls []Call) []string {
	lines := make([]string, len(calls))
	for i, c := range calls {
		lines[i] = c.String()
	}
	return lines
}

// Calls returns the log in parts.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := make([]Call, len(f.calls))
	for i, c := range f.calls {
		calls[i] = *c
	}
	return calls
}

// ResetLog empties the log.
func (f *Fake) ResetLog() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = nil
}

// begun logs a call that begins now.
func (f *Fake) begun(call Call) *Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	call.Args = slices.Clone(call.Args) // the caller may use its slice again
	f.calls = append(f.calls, &call)
	return &call
}

// failed adds to the log how call ended.
func (f *Fake) failed(call *Call, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	call.Err = err
}
