package pooledtest

import (
	"bytes"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy is a TCP proxy before a server: a network that a test can break, and
// that writes down what a client sends. All its methods may be called at any time.
type Proxy struct {
	dsn      string // leads through the proxy
	sealed   bool   // clients speak TLS, so that nothing of what they send can be read
	target   string
	listener net.Listener
	parser   func() *wire

	work sync.WaitGroup // accept, and two goroutines for each link

	mu       sync.Mutex // guards all below
	closed   bool
	accepted int
	links    map[*link]struct{}
	messages []string
	awaited  map[string]func() // see On
	sent     int64
	received int64
	replace  [2][]byte // a text, and the one that servers get in its place
}

// link is one client's connection and the one to the server behind it.
type link struct {
	client, server net.Conn
	hung           atomic.Bool
	directions     int // that still forward; guarded by Proxy.mu
}

func (l *link) close() {
	l.client.Close()
	l.server.Close()
}

// The address in a lib/pq URL and in a go-sql-driver DSN.
var (
	postgresAddress = regexp.MustCompile(`^postgres(?:ql)?://(?:[^/?]*@)?([^/?]+:\d+)/`)
	mysqlAddress    = regexp.MustCompile(`^(?:.*@)?tcp\(([^)]+:\d+)\)/`)
	asksForTLS      = regexp.MustCompile(`[?&](sslmode=verify-full|tls=true)(&|$)`)
)

// NewProxy is StartProxy for a test: the proxy ends, with all its connections,
// when the test does. A sql.DB that was opened later is closed earlier.
func NewProxy(tb testing.TB, dsn string) *Proxy {
	tb.Helper()
	p, err := StartProxy(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

// StartProxy starts a proxy before the server of a lib/pq URL or a go-sql-driver
// DSN, on a free port of the loopback interface.
func StartProxy(dsn string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return startProxy(dsn, listener)
}

// startProxy starts a proxy that accepts from a listener, which it closes in any case.
func startProxy(dsn string, listener net.Listener) (*Proxy, error) {
	at, parser := postgresAddress.FindStringSubmatchIndex(dsn), newPostgresWire
	if at == nil {
		at, parser = mysqlAddress.FindStringSubmatchIndex(dsn), newMySQLWire
	}
	if at == nil {
		listener.Close()
		return nil, errors.New("pooledtest: start proxy: the DSN has no host:port where one could be put")
	}
	p := &Proxy{
		dsn:      dsn[:at[2]] + listener.Addr().String() + dsn[at[3]:],
		sealed:   asksForTLS.MatchString(dsn),
		target:   dsn[at[2]:at[3]],
		listener: listener,
		parser:   parser,
		links:    make(map[*link]struct{}),
		awaited:  make(map[string]func()),
	}
	p.work.Go(p.accept)
	return p, nil
}

// Close ends the proxy and all its connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.listener.Close()
	p.CloseAll()
	p.work.Wait()
}

// DSN is the DSN that leads through the proxy.
func (p *Proxy) DSN() string { return p.dsn }

// Accepted is how many connections were made through the proxy.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Open is how many of them are there now. Those that hang count.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Bytes is how many bytes clients have sent and received.
func (p *Proxy) Bytes() (sent, received int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, p.received
}

// Messages are those that clients have sent since they had logged in, in the
// order in which they came. Each begins with what PostgreSQL's protocol calls it or,
// for MySQL's, the command's name: "Query SELECT 1", "Sync", "Reset".
func (p *Proxy) Messages() []string {
	p.mustRead()
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

// On calls f once, when a client has sent a message that contains the text and before that is forwarded. It must not
// wait for the proxy.
func (p *Proxy) On(text string, f func()) {
	p.mustRead()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.awaited[text] = f
}

// Hang forwards nothing any more, in either direction, on the connections there
// are, and does not close them: as a firewall that silently dropped its state.
// New connections work.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.hung.Store(true)
	}
}

// CloseAll closes the connections there are. New ones work.
func (p *Proxy) CloseAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.close()
	}
}

// Replace lets servers get another text in the place of one that clients send in one piece, until it is called again.
// It must be of the same length, since the protocols say how long a message is.
func (p *Proxy) Replace(text, by string) {
	p.mustRead()
	if len(text) != len(by) {
		panic("pooledtest: replace by a text of another length")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replace = [2][]byte{[]byte(text), []byte(by)}
}

// mustRead keeps a test of what clients send from finding nothing, and passing for that.
func (p *Proxy) mustRead() {
	if p.sealed {
		panic("pooledtest: a proxy can't read what is sent by TLS: give it the DSN of PostgresPlain or MySQLPlain")
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil { // the client sees what it would have seen, more or less
			client.Close()
			continue
		}
		p.connect(&link{client: client, server: server})
	}
}

func (p *Proxy) connect(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		l.close()
		return
	}
	p.accepted++
	p.links[l] = struct{}{}
	wire := p.parser()
	l.directions = 2
	p.work.Go(func() {
		p.forward(l, l.server, l.client, func(data []byte) []func() {
			p.sent += int64(len(data))
			messages := wire.read(data)
			p.messages = append(p.messages, messages...)
			if len(p.replace[0]) > 0 {
				copy(data, bytes.ReplaceAll(data, p.replace[0], p.replace[1]))
			}
			return p.awaitedLocked(messages)
		})
	})
	p.work.Go(func() {
		p.forward(l, l.client, l.server, func(data []byte) []func() { p.received += int64(len(data)); return nil })
	})
}

// awaitedLocked is what is to be called for these messages.
func (p *Proxy) awaitedLocked(messages []string) (calls []func()) {
	for text, f := range p.awaited {
		if slices.ContainsFunc(messages, func(m string) bool { return strings.Contains(m, text) }) {
			delete(p.awaited, text)
			calls = append(calls, f)
		}
	}
	return calls
}

// forward copies until one side ends, and then closes both. Of a link that hangs
// the other side must not learn of the end: it stays open until the proxy ends.
func (p *Proxy) forward(l *link, to, from net.Conn, count func([]byte) []func()) {
	defer p.forwarded(l)
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if l.hung.Load() {
			if err != nil {
				return
			}
			continue
		}
		p.mu.Lock()
		calls := count(buf[:n])
		p.mu.Unlock()
		for _, f := range calls {
			f()
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			l.close()
			return
		}
	}
}

// forwarded ends one direction of l. With the second one it is gone.
func (p *Proxy) forwarded(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.directions--; l.directions == 0 {
		l.close()
		delete(p.links, l)
	}
}
