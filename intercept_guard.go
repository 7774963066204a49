package pooled

import "database/sql/driver"

// interceptGuard is a ServerConn as it stands between the interceptors and the driver.
type interceptGuard ServerConn

func (g *interceptGuard) server() *ServerConn { return (*ServerConn)(g) }

func (g *interceptGuard) allow(query string, args []driver.NamedValue) error {
	if g.pool.refuses == nil {
		return nil
	}
	return g.pool.refuses(query, args)
}

func (g *interceptGuard) sending(query string) { g.server().noteText(query) }

func (g *interceptGuard) beginning() {
	if !g.openTx { // not the program's, whose end would be known
		g.server().noteAnything()
	}
}

func (g *interceptGuard) trueErr(err error) error { return g.server().honest(err) }
