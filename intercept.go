package pooled

import (
	"context"
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/intercept"
)

// ConnID is the ID of the server connection that an Interceptor's context belongs to, as ServerConn.ID, in
// all its functions but ConnectorConnect; elsewhere 0.
func ConnID(ctx context.Context) uint64 { return intercept.ConnID(ctx) }

// interceptGuard is a ServerConn as it stands between the interceptors and the driver.
type interceptGuard ServerConn

var _ intercept.Guard = (*interceptGuard)(nil)

func (g *interceptGuard) server() *ServerConn { return (*ServerConn)(g) }

func (g *interceptGuard) Allow(query string, args []driver.NamedValue) error {
	if g.pool.refuses == nil {
		return nil
	}
	return g.pool.refuses(query, args)
}

func (g *interceptGuard) Sending(query string) { g.server().sending(query) }

func (g *interceptGuard) Beginning() {
	if !g.state.OpenTx() { // not the program's, whose end would be known
		g.server().sendingAnything()
	}
}

func (g *interceptGuard) TrueErr(err error) error { return g.server().trueErr(err) }
