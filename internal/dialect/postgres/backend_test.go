package postgres_test

import (
	"crypto/tls"
	"database/sql/driver"
	"io"
	"net"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// pgxConn is as pgx's stdlib.Conn, pgxInner as its pgx.Conn, and pgConn as its pgconn.PgConn.
type (
	pgxConn struct {
		plainConn
		conn   net.Conn
		closed *bool
	}
	pgxInner struct{ pgxConn }
	pgConn   struct{ pgxConn }

	plainConn interface{ driver.Conn }
)

func (c pgxConn) Conn() *pgxInner   { return &pgxInner{c} }
func (c *pgxInner) PgConn() *pgConn { return &pgConn{c.pgxConn} }
func (*pgConn) PID() uint32         { return 42 }
func (c *pgConn) Conn() net.Conn    { return c.conn }
func (c *pgConn) IsClosed() bool    { return *c.closed }

// These look like pgx's, and are not.
type (
	oddConn  struct{ plainConn }
	oddInner int
	lostConn struct{ plainConn }
	nullConn struct{ plainConn }
	nullPgx  struct{}
	asksConn struct{ plainConn }
)

func (oddConn) Conn() *oddInner          { return nil }
func (i *oddInner) PgConn() oddInner     { return *i }
func (lostConn) Conn() *pgxInner         { return nil }
func (nullConn) Conn() nullPgx           { return nullPgx{} }
func (nullPgx) PgConn() *pgConn          { return nil }
func (asksConn) Conn(string) *pgxInner   { panic("it was asked") }
func others() []driver.Conn              { return []driver.Conn{nil, oddConn{}, lostConn{}, nullConn{}, asksConn{}} }
func (asksConn) PgConn() (*pgConn, bool) { panic("it was asked") }

// TestSessionID: a connection of somebody's own that looks like one of these, and is not, is no reason to fail.
func TestSessionID(t *testing.T) {
	if have := postgres.Dialect.SessionID(&pqConn{pid: 41}); have != "41" {
		t.Errorf("lib/pq: have %q, want 41", have)
	}
	if have := postgres.Dialect.SessionID(pgxConn{}); have != "42" {
		t.Errorf("pgx: have %q, want 42", have)
	}
	for _, conn := range others() {
		if have := postgres.Dialect.SessionID(conn); have != "" {
			t.Errorf("%T: have %q, want none", conn, have)
		}
	}
}

// What pgx shows of a connection: the socket, also below TLS, and whether pgx has closed it.
func TestInside(t *testing.T) {
	ours, theirs, _ := pooledtest.SocketPair(t, "tcp")
	for name, conn := range map[string]net.Conn{"plain": ours, "TLS": tls.Client(ours, &tls.Config{ServerName: "x"})} {
		closed := false
		inside := postgres.Dialect.Inside(pgxConn{conn: conn, closed: &closed})
		if inside == nil {
			t.Fatalf("%s: have nothing", name)
		}
		if have := inside.Socket.Conn(); have != ours {
			t.Errorf("%s: have the socket of a %T, want that of the TCP connection", name, have)
		}
		pooledtest.PeekSees(t, inside.Socket, socket.Quiet)
		for _, closed = range []bool{false, true} {
			if have := inside.Closed(); have != closed {
				t.Errorf("%s: have closed %t, want %t", name, have, closed)
			}
		}
		if !inside.Answered(pgError("57P01")) || inside.Answered(io.ErrUnexpectedEOF) {
			t.Errorf("%s: what the server said is not told from what it did not say", name)
		}
	}
	theirs.Close()
	for _, conn := range append(others(), &pqConn{pid: 1}) {
		if have := postgres.Dialect.Inside(conn); have != nil {
			t.Errorf("%T: have %+v, want nothing", conn, have)
		}
	}
}
