package socket

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// Watch makes a context under which the address that is being dialed is kept in address: the host while its name is
// looked up, then host:port with the number that was found, or the path of a socket. Of several it is the last. It
// sees each dial by a [net.Dialer], also by that of a driver that does not use [Dial].
func Watch(ctx context.Context, address *atomic.Pointer[string]) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:     func(lookup httptrace.DNSStartInfo) { address.Store(&lookup.Host) },
		ConnectStart: func(_, dialed string) { address.Store(&dialed) },
	})
}
