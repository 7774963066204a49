package docs_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Errors of a certificate that nobody vouches for.
var tlsTroubles = troubles{
	`failed to verify certificate`: func(t *testing.T) error { return pingSelfSigned(t) },
	`x509: …`:                      func(t *testing.T) error { return pingSelfSigned(t) },
}

func pingSelfSigned(t *testing.T) error {
	t.Helper()
	return ping(t, "postgres://scott:tiger@"+selfSigned(t)+"/shop?sslmode=verify-full")
}

// selfSigned is the address of a server that does TLS as PostgreSQL does, with a certificate of its own making.
func selfSigned(t *testing.T) string {
	t.Helper()
	web := httptest.NewTLSServer(nil) // it has a certificate for 127.0.0.1
	web.Close()
	return pooledtest.Serve(t, func(c net.Conn) {
		io.ReadFull(c, make([]byte, 8)) // the client asks whether there is TLS
		io.WriteString(c, "S")
		tls.Server(c, web.TLS).Handshake()
	})
}
