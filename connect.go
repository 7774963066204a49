package pooled

import (
	"context"
	"net"

	"github.com/pooled-go/pooled/internal/socket"
)

// DialContext dials as a zero [net.Dialer] does, and if the pool called, it
// remembers the connection for its liveness check. The drivers for PostgreSQL and
// MySQL that the pool opens by DSN dial with it already. It is for programs that open
// their connections themselves, to be given to the driver as it is or called by
// the program's own dial function, with the context that came from the driver:
//
//	cfg.DialFunc = pooled.DialContext // a mysql.Config or a pgconn.Config
//
//	mysql.RegisterDialContext("tunnel", func(ctx context.Context, addr string) (net.Conn, error) {
//		return pooled.DialContext(ctx, "tcp", tunnelTo(addr))
//	})
//
// What it returns is the *net.TCPConn or *net.UnixConn itself. It may be wrapped, as
// by TLS: the pool looks at the socket below, where it sees all the same that the
// server has hung up. Under any other context it is a plain dial.
//
// Without it nothing breaks: the pool then knows of such a connection only by
// pool_pre_ping's round trips whether it is alive.
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return socket.Dial(ctx, network, address)
}
