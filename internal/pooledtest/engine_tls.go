package pooledtest

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
)

// engineTLS makes the TLS above a client's connection.
type engineTLS func(client net.Conn) (stream io.ReadWriter, resumed bool, err error)

// engineLink is a connection of which a test may send something by itself.
type engineLink struct {
	client  net.Conn
	resumed bool

	mu     sync.Mutex // held while a packet is written
	stream io.ReadWriter
}

func (l *engineLink) write(packets []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.stream.Write(packets)
	return err
}

// TestTLS is a server's TLS configuration with a certificate for 127.0.0.1 that nobody has signed.
func TestTLS() *tls.Config {
	web := httptest.NewTLSServer(nil) // it has one
	defer web.Close()
	return &tls.Config{Certificates: web.TLS.Certificates}
}

// ServeMySQLTLS is ServeMySQL with TLS, for clients that want it.
func ServeMySQLTLS(tb testing.TB, cfg *tls.Config, answer func(session int, message string) Answer) *Engine {
	tb.Helper()
	e := &Engine{answer: answer, tls: func(client net.Conn) (io.ReadWriter, bool, error) {
		layer := tls.Server(client, cfg)
		err := layer.Handshake()
		return layer, layer.ConnectionState().DidResume, err
	}}
	e.Address = Serve(tb, e.serveMySQL)
	return e
}

// ServeMySQLRecords is ServeMySQLTLS by TLSRecords, so that Ticket works. Where they can't be had the test is skipped.
func ServeMySQLRecords(tb testing.TB, cfg *tls.Config, answer func(session int, message string) Answer) *Engine {
	tb.Helper()
	needAES(tb, cfg)
	e := &Engine{answer: answer, tls: func(client net.Conn) (io.ReadWriter, bool, error) {
		records, err := newTLSRecords(tb, client, cfg)
		return records, false, err
	}}
	e.Address = Serve(tb, e.serveMySQL)
	return e
}

// login reads a client's login and returns the number of its last packet. One of 32 bytes has no name in it: it asks
// for TLS, and the rest comes over that.
func (e *Engine) login(link *engineLink) (number byte, err error) {
	number, length, err := skipMySQLPacket(link.stream)
	if err != nil || length != 32 || e.tls == nil {
		return number, err
	}
	stream, resumed, err := e.tls(link.client)
	if err != nil {
		return 0, err
	}
	link.stream, link.resumed = stream, resumed
	number, _, err = skipMySQLPacket(stream)
	return number, err
}

func skipMySQLPacket(r io.Reader) (number byte, length int64, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, 0, err
	}
	length = int64(head[0]) | int64(head[1])<<8 | int64(head[2])<<16
	_, err = io.CopyN(io.Discard, r, length)
	return head[3], length, err
}

func (e *Engine) letIn(session int, link *engineLink) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.links == nil {
		e.links = make(map[int]*engineLink)
	}
	e.links[session] = link
}

func (e *Engine) link(session int) *engineLink {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.links[session]
}

// Resumed tells of the sessions that were let in, in order, whether the TLS handshake was a short one.
func (e *Engine) Resumed() (all []bool) {
	for session := 1; session <= e.Sessions(); session++ {
		if link := e.link(session); link != nil {
			all = append(all, link.resumed)
		}
	}
	return all
}

// Ticket sends a record that is none of MySQL's: a session ticket, which TLS 1.3 allows at any time.
func (e *Engine) Ticket(session int) error {
	link := e.link(session)
	link.mu.Lock()
	defer link.mu.Unlock()
	return link.stream.(*TLSRecords).ticket()
}

// End says that a session is over, as MySQL does after wait_timeout, and leaves the connection open.
func (e *Engine) End(session int) {
	e.link(session).write(mysqlPacket(0, Answer{Number: 4031, State: "HY000",
		Text: "The client was disconnected by the server because of inactivity."}.mysqlError()))
}
