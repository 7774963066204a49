package pooledtest

import (
	"net"
	"sync"
	"testing"
)

// Serve is a server on a free port of loopback until the test ends, and returns its address. It calls serve for each
// client on a goroutine of its own, and closes the connection when serve returns or the test ends.
func Serve(tb testing.TB, serve func(net.Conn)) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			served := make(chan struct{})
			all.Go(func() {
				defer close(served)
				serve(client)
			})
			all.Go(func() {
				select {
				case <-served:
				case <-ended:
				}
				client.Close()
			})
		}
	})
	tb.Cleanup(func() {
		close(ended)
		listener.Close()
		all.Wait()
	})
	return listener.Addr().String()
}
