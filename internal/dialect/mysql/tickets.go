package mysql

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"
)

// tickets are what the server has given to a connector's connections, so that the TLS handshake of the next one is a
// short one. crypto/tls offers a ticket only for the server that gave it, while that server's certificate is valid,
// and, where certificates are verified at all, for the right host and signed by a root that is trusted now.
//
// A server need not take a ticket, and then the handshake is a full one. But some fail: ProxySQL gave tickets until
// 2024 that it could not take (github.com/sysown/proxysql/pull/4537). So such a handshake is tried again without a
// ticket, and where that helps no ticket is offered any more.
type tickets struct {
	cache tls.ClientSessionCache
	off   atomic.Bool
}

func newTickets() *tickets { return &tickets{cache: tls.NewLRUClientSessionCache(0)} }

// connect opens a connection of cfg, which is left as it is.
func (t *tickets) connect(ctx context.Context, cfg *mysql.Config) (driver.Conn, error) {
	conn, refused, err := t.try(ctx, cfg)
	if !refused || err == nil || ctx.Err() != nil {
		return conn, err
	}
	conn, _, err = t.try(ctx, cfg) // the ticket is gone
	if err == nil {
		t.off.Store(true)
	}
	return conn, err
}

// try opens a connection. refused: the handshake may have failed for its ticket.
func (t *tickets) try(ctx context.Context, cfg *mysql.Config) (conn driver.Conn, refused bool, err error) {
	cfg = cfg.Clone()
	offer := &offer{tickets: t}
	cfg.TLS.ClientSessionCache = offer
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, false, err
	}
	conn, err = connector.Connect(ctx)
	return conn, offer.dropped.Load(), err
}

// offer is the tickets as one connection sees them.
type offer struct {
	*tickets
	dropped atomic.Bool // crypto/tls has dropped a ticket: the handshake failed, or it was too old
}

func (o *offer) Get(key string) (*tls.ClientSessionState, bool) {
	if o.off.Load() {
		return nil, false
	}
	return o.cache.Get(key)
}

func (o *offer) Put(key string, ticket *tls.ClientSessionState) {
	if ticket == nil {
		o.dropped.Store(true)
	}
	o.cache.Put(key, ticket)
}
