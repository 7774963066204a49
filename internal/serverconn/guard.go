package serverconn

import (
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/intercept"
)

// guard is a Conn as it stands between the interceptors and the driver.
type guard struct{ c *Conn }

var _ intercept.Guard = guard{}

func (g guard) Allow(query string, args []driver.NamedValue) error {
	return g.c.shared.Allow(query, args)
}

func (g guard) Sending(query string)    { g.c.Sending(query) }
func (g guard) TrueErr(err error) error { return g.c.TrueErr(err) }

func (g guard) Beginning() {
	if !g.c.State.OpenTx() { // not the program's, whose end would be known
		g.c.SendingAnything()
	}
}
