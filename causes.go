package pooled

import "errors"

// Causes that Hooks.Close is given when nothing was wrong with the server connection.
var (
	// ErrRecycled: it was older than pool_recycle, or idle for almost as long as its server allows.
	ErrRecycled = errors.New("pooled: recycled")
	// ErrDisposed: Pool.Dispose retired it.
	ErrDisposed = errors.New("pooled: disposed of")
)

// retirement is why a server connection with which nothing is wrong leaves the pool. To a checkout that meets it, it
// is ErrDisconnect.
type retirement struct {
	text string
	of   error // what it is an instance of, or the program's cause; or nil
}

func (r *retirement) Error() string { return r.text }

func (r *retirement) Unwrap() error { return r.of }

func (r *retirement) Is(target error) bool { return target == ErrDisconnect }

var (
	errRecycled  = &retirement{text: "pooled: recycled: older than pool_recycle", of: ErrRecycled}
	errIdledOut  = &retirement{text: "pooled: recycled: idle for almost as long as the server allows", of: ErrRecycled}
	errDisposed  = &retirement{text: "pooled: disposed of", of: ErrDisposed}
	errReopening = &retirement{text: "pooled: closed to reset its session"}
)

// invalidates tells whether a server connection that is closed for this cause was of no use.
func invalidates(cause error) bool {
	var r *retirement
	return cause != nil && !errors.As(cause, &r)
}
