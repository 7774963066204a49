package pooledtest

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// MySQLServer speaks MySQL's protocol, as far as a driver needs it to connect as anybody, and a pool to ask, to ping and
// to reset. Set its fields before Serve.
type MySQLServer struct {
	TLS *tls.Config // nil: it has no TLS

	// ByHand: its TLS is TLSRecords, so that MySQLSession.Ticket works. Where that can't be had the test is skipped.
	ByHand bool

	// Answer is the row that a query has, as text; none: the statement has no result.
	Answer func(query string) []string

	// Mute commands are not answered.
	Mute []byte

	Full   atomic.Bool  // it lets nobody in
	Dialed atomic.Int32 // how often it was asked to

	tb       testing.TB
	mu       sync.Mutex
	sessions []*MySQLSession
}

// MySQLSession is what the server knows of one connection that it has let in.
type MySQLSession struct {
	Resumed bool // the TLS handshake was a short one

	client  net.Conn
	stream  io.ReadWriter // client, or the TLS above it
	records *TLSRecords   // by hand

	mu  sync.Mutex // guards log, and is held while a packet is written
	log []string
}

// The commands that are told apart.
const (
	MySQLQuit  = 0x01
	MySQLQuery = 0x03
	MySQLPing  = 0x0e
	MySQLReset = 0x1f
)

// TestTLS is a server's TLS configuration with a certificate for 127.0.0.1 that nobody has signed.
func TestTLS() *tls.Config {
	web := httptest.NewTLSServer(nil) // it has one
	defer web.Close()
	return &tls.Config{Certificates: web.TLS.Certificates}
}

// Serve is the server until the test ends. It returns its DSN for go-sql-driver, without parameters.
func (s *MySQLServer) Serve(tb testing.TB) (dsn string) {
	tb.Helper()
	s.tb = tb
	if s.ByHand {
		needAES(tb, s.TLS)
	}
	return "scott:tiger@tcp(" + Serve(tb, s.serve) + ")/shop"
}

// Sessions are those that were let in so far.
func (s *MySQLServer) Sessions() []*MySQLSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sessions)
}

// Log is what the client has sent: "ping", "reset", and the texts of queries.
func (c *MySQLSession) Log() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.log)
}

// Ticket sends a record that is none of MySQL's: a session ticket, which TLS 1.3 allows at any time.
func (c *MySQLSession) Ticket() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.records.ticket()
}

// End says that the session is over, as MySQL does after wait_timeout, and hangs up.
func (c *MySQLSession) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write(0, []byte("\xff\xbf\x0f#HY000The client was disconnected by the server because of inactivity."))
	c.client.Close()
}

const (
	hasSSL = 1 << 11

	// LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH
	capabilities = 1 | 1<<3 | 1<<9 | 1<<13 | 1<<15 | 1<<19
)

var okPacket = []byte{0, 0, 0, 2, 0, 0, 0}

func (s *MySQLServer) serve(client net.Conn) {
	c := &MySQLSession{client: client, stream: client}
	s.Dialed.Add(1)
	if s.Full.Load() {
		c.write(0, []byte("\xff\x10\x04#08004Too many connections"))
		return
	}
	if err := c.write(0, s.greeting()); err != nil {
		return
	}
	number, login, err := c.read()
	if err != nil {
		return
	}
	if len(login) == 32 { // no name in it: the rest comes over TLS
		if err = s.startTLS(c); err != nil {
			return
		}
		if number, _, err = c.read(); err != nil {
			return
		}
	}
	s.mu.Lock()
	s.sessions = append(s.sessions, c)
	s.mu.Unlock()
	for body := []byte(nil); err == nil; number, body, err = c.read() {
		if len(body) > 0 && slices.Contains(s.Mute, body[0]) {
			c.note(body)
			continue
		}
		if !s.answer(c, number, body) {
			return
		}
	}
}

func (s *MySQLServer) greeting() []byte {
	flags := uint32(capabilities)
	if s.TLS != nil {
		flags |= hasSSL
	}
	b := []byte("\x0a9.9.9-test\x00\x07\x00\x00\x0012345678\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(flags))
	b = append(b, 45, 2, 0) // utf8mb4, autocommit
	b = binary.LittleEndian.AppendUint16(b, uint16(flags>>16))
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	return append(b, "901234567890\x00mysql_native_password\x00"...)
}

func (s *MySQLServer) startTLS(c *MySQLSession) error {
	if s.ByHand {
		records, err := newTLSRecords(s.tb, c.client, s.TLS)
		c.stream, c.records = records, records
		return err
	}
	layer := tls.Server(c.client, s.TLS)
	if err := layer.Handshake(); err != nil {
		return err
	}
	c.stream, c.Resumed = layer, layer.ConnectionState().DidResume
	return nil
}

// answer returns false at the end.
func (s *MySQLServer) answer(c *MySQLSession, number byte, body []byte) bool {
	c.note(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(body) > 0 && body[0] == MySQLQuit:
		return false
	case len(body) > 0 && body[0] == MySQLQuery && s.Answer != nil:
		if row := s.Answer(string(body[1:])); row != nil {
			return c.rows(number, row) == nil
		}
	}
	return c.write(number+1, okPacket) == nil
}

func (c *MySQLSession) note(body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(body) == 0:
	case body[0] == MySQLPing:
		c.log = append(c.log, "ping")
	case body[0] == MySQLReset:
		c.log = append(c.log, "reset")
	case body[0] == MySQLQuery:
		c.log = append(c.log, string(body[1:]))
	}
}

// rows answers a query with one row of texts.
func (c *MySQLSession) rows(number byte, row []string) error {
	text := func(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }
	end := []byte{0xfe, 0, 0, 2, 0}
	packets := [][]byte{{byte(len(row))}}
	var values []byte
	for _, value := range row {
		var column []byte
		for _, s := range []string{"def", "", "", "", "c", ""} {
			column = text(column, s)
		}
		column = append(column, 12, 45, 0, 255, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0) // a VARCHAR
		packets = append(packets, column)
		values = text(values, value)
	}
	var all bytes.Buffer
	for _, p := range append(packets, end, values, end) {
		number++
		all.Write(framed(number, p))
	}
	_, err := c.stream.Write(all.Bytes())
	return err
}

func framed(number byte, body []byte) []byte {
	return append([]byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), number}, body...)
}

func (c *MySQLSession) write(number byte, body []byte) error {
	_, err := c.stream.Write(framed(number, body))
	return err
}

func (c *MySQLSession) read() (number byte, body []byte, err error) {
	var head [4]byte
	if _, err = io.ReadFull(c.stream, head[:]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err = io.ReadFull(c.stream, body)
	return head[3], body, err
}

// ticketLife is what a ticket says of itself.
const ticketLife = uint32(2 * time.Hour / time.Second)
