//go:build linux

package cluster

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Names is a DNS server of the test, with the names that the test gives it. All its methods may be called at any time.
type Names struct {
	tb   testing.TB
	conn net.PacketConn

	mu        sync.Mutex
	addresses map[string][]net.IP
	broken    bool
	asked     map[string]int
}

// DNS starts a server without names.
func DNS(tb testing.TB) *Names {
	tb.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	n := &Names{tb: tb, conn: conn, addresses: map[string][]net.IP{}, asked: map[string]int{}}
	var serving sync.WaitGroup
	serving.Go(n.serve)
	tb.Cleanup(func() {
		conn.Close()
		serving.Wait()
	})
	return n
}

// Set gives a name these addresses, in place of others. An address may have a port, which is of no importance. They are
// good for no time, so that each look-up asks anew.
func (n *Names) Set(name string, addresses ...string) {
	n.tb.Helper()
	var ips []net.IP
	for _, address := range addresses {
		if host, _, err := net.SplitHostPort(address); err == nil {
			address = host
		}
		ip := net.ParseIP(address).To4()
		if ip == nil {
			n.tb.Fatalf("%s is no IPv4 address", address)
		}
		ips = append(ips, ip)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses[name] = ips
}

// Break makes the server answer that it can't tell at the moment (SERVFAIL), until it is told otherwise.
func (n *Names) Break(broken bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = broken
}

// Asked is how often a name was asked for.
func (n *Names) Asked(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[name]
}

// Resolver asks this server, and no other.
func (n *Names) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return n.dial(ctx)
	}}
}

func (n *Names) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "udp", n.conn.LocalAddr().String())
}

// byDefault is the server that all of this process ask; nil: the system's.
var byDefault atomic.Pointer[Names]

// The resolver of the process is replaced once, before anybody uses it: drivers have goroutines that outlive their
// test.
func init() {
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if n := byDefault.Load(); n != nil {
				return n.dial(ctx)
			}
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, address)
		},
	}
}

// UseByDefault makes all of this process ask this server until the test ends.
func (n *Names) UseByDefault() {
	byDefault.Store(n)
	n.tb.Cleanup(func() { byDefault.Store(nil) })
}

func (n *Names) serve() {
	buf := make([]byte, 512)
	for {
		size, client, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := n.answer(buf[:size]); answer != nil {
			n.conn.WriteTo(answer, client)
		}
	}
}

// What a DNS message says.
const (
	headerSize = 12
	typeA      = 1
	classIN    = 1
	isAnswer   = 0x8180 // with recursion, which was asked for
	serverFail = 2
	noSuchName = 3
)

// answer has the addresses of the name in a question; nil for what is none.
func (n *Names) answer(question []byte) []byte {
	name, end := questionName(question)
	if name == "" || len(question) < end+4 {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[name]++
	ips, known := n.addresses[name]
	flags := uint16(isAnswer)
	switch {
	case n.broken:
		flags, ips = flags|serverFail, nil
	case !known:
		flags |= noSuchName
	case binary.BigEndian.Uint16(question[end:]) != typeA:
		ips = nil
	}
	out := append([]byte{}, question[:2]...) // its number
	for _, field := range []uint16{flags, 1, uint16(len(ips)), 0, 0} {
		out = binary.BigEndian.AppendUint16(out, field)
	}
	out = append(out, question[headerSize:end+4]...)
	for _, ip := range ips {
		out = append(out, 0xc0, headerSize, 0, typeA, 0, classIN, 0, 0, 0, 0, 0, net.IPv4len) // 0xc0: the name of there
		out = append(out, ip...)
	}
	return out
}

// questionName is the name in lower case, and where it ends.
func questionName(question []byte) (name string, end int) {
	var labels []string
	for i := headerSize; i < len(question); {
		size := int(question[i])
		i++
		if size == 0 {
			return strings.ToLower(strings.Join(labels, ".")), i
		}
		if i+size > len(question) {
			break
		}
		labels = append(labels, string(question[i:i+size]))
		i += size
	}
	return "", 0
}
