package pooledtest

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// FakePostgres is a server that speaks as much of PostgreSQL's protocol as lib/pq needs to run statements without
// results, and writes them down. All of them succeed. It says what a test wants it to say, at the moment that the test
// wants. All its methods may be called at any time.
type FakePostgres struct {
	DSN string // a URL for lib/pq

	tls *tls.Config // nil: it has none

	mu   sync.Mutex
	conn net.Conn // the last client's
	log  []string
	inTx bool
	last []byte // for the next statement, in place of its answer
}

// NewFakePostgres starts one. overTLS: it has TLS, with a certificate that nobody knows.
func NewFakePostgres(tb testing.TB, overTLS bool) *FakePostgres {
	tb.Helper()
	f := new(FakePostgres)
	mode := "disable"
	if overTLS {
		f.tls, mode = TestTLS(), "require"
	}
	f.DSN = "postgres://fake@" + Serve(tb, f.serve) + "/fake?sslmode=" + mode
	return f
}

// Log is the statements that have arrived since the last call.
func (f *FakePostgres) Log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.log = nil }()
	return slices.Clone(f.log)
}

// Say sends a message to the last client.
func (f *FakePostgres) Say(kind byte, fields ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn.Write(PostgresMessage(kind, fields...))
}

// End ends the last client's session with an error, as PostgreSQL does: FATAL, with an SQLSTATE. It reads on, to write
// down what comes after it.
func (f *FakePostgres) End(code, text string) {
	f.Say('E', fatalFields(code, text)...)
	f.HangUp()
}

// EndAt ends the session with the answer to the next statement.
func (f *FakePostgres) EndAt(code, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = PostgresMessage('E', fatalFields(code, text)...)
}

// HangUp ends the last client's session without a word.
func (f *FakePostgres) HangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn.(interface{ CloseWrite() error }).CloseWrite()
}

func fatalFields(code, text string) []string {
	const where = "\x00Fpostgres.c\x00L1\x00RProcessInterrupts\x00\x00"
	return []string{"SFATAL\x00VFATAL\x00C" + code + "\x00M" + text + where}
}

// PostgresMessage is a message of PostgreSQL's protocol.
func PostgresMessage(kind byte, fields ...string) []byte {
	var body bytes.Buffer
	for _, field := range fields {
		body.WriteString(field)
	}
	message := binary.BigEndian.AppendUint32([]byte{kind}, uint32(body.Len()+4))
	return append(message, body.Bytes()...)
}

func (f *FakePostgres) serve(conn net.Conn) {
	if conn = f.startUp(conn); conn == nil {
		return
	}
	f.mu.Lock()
	f.conn, f.inTx = conn, false
	f.mu.Unlock()
	conn.Write(slices.Concat(PostgresMessage('R', "\x00\x00\x00\x00"), PostgresMessage('Z', "I")))
	for {
		kind, body, err := readPostgres(conn, 5)
		if err != nil || kind == 'X' {
			return
		}
		if !f.answer(conn, kind, body) {
			f.HangUp()
		}
	}
}

// startUp reads what comes before all messages.
func (f *FakePostgres) startUp(conn net.Conn) net.Conn {
	for {
		_, body, err := readPostgres(conn, 4)
		switch {
		case err != nil:
			return nil
		case binary.BigEndian.Uint32(body) != 80877103: // SSLRequest
			return conn
		case f.tls == nil:
			conn.Write([]byte{'N'})
		default:
			conn.Write([]byte{'S'})
			conn = tls.Server(conn, f.tls)
		}
	}
}

// readPostgres reads a message, whose header is 5 bytes with its type or 4 without one.
func readPostgres(conn net.Conn, size int) (kind byte, body []byte, err error) {
	header := make([]byte, size)
	if _, err := io.ReadFull(conn, header); err != nil {
		return 0, nil, err
	}
	body = make([]byte, binary.BigEndian.Uint32(header[size-4:])-4)
	_, err = io.ReadFull(conn, body)
	return header[0], body, err
}

func (f *FakePostgres) ready() []byte {
	if f.inTx {
		return PostgresMessage('Z', "T")
	}
	return PostgresMessage('Z', "I")
}

// answer reports false if the session ends with it.
func (f *FakePostgres) answer(conn net.Conn, kind byte, body []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch kind {
	case 'Q':
		query := string(body[:len(body)-1])
		f.log = append(f.log, query)
		if f.last != nil {
			conn.Write(f.last)
			f.last = nil
			return false
		}
		tag := "UPDATE 1"
		switch word, _, _ := strings.Cut(query, " "); word {
		case "BEGIN", "COMMIT", "ROLLBACK":
			tag, f.inTx = word, word == "BEGIN"
		}
		conn.Write(slices.Concat(PostgresMessage('C', tag, "\x00"), f.ready()))
	case 'P':
		f.log = append(f.log, "prepare "+string(bytes.Split(body, []byte{0})[1]))
		conn.Write(PostgresMessage('1'))
	case 'D':
		conn.Write(slices.Concat(PostgresMessage('t', "\x00\x00"), PostgresMessage('n')))
	case 'B':
		conn.Write(PostgresMessage('2'))
	case 'E':
		f.log = append(f.log, "execute")
		conn.Write(PostgresMessage('C', "UPDATE 1\x00"))
	case 'C':
		conn.Write(PostgresMessage('3'))
	case 'S':
		conn.Write(f.ready())
	}
	return true
}
