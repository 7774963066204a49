package integration

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// tdsServer speaks as much of SQL Server's protocol (MS-TDS) as a client without TLS needs: it logs everybody in, and
// answers each statement with one row of one column, the number 1.
type tdsServer struct {
	address string

	mu    sync.Mutex
	conns map[net.Conn]bool // whether the server answers there no more
	busy  net.Conn          // on which it was last asked for what takes long
	texts []string
}

// Types of packets, and tokens of answers.
const (
	tdsBatch, tdsRPC, tdsAnswer, tdsAttention, tdsLogin, tdsPrelogin = 1, 3, 4, 6, 16, 18

	tdsLoginAck, tdsColumns, tdsRow, tdsDone = 0xad, 0x81, 0xd1, 0xfd
)

func newTDSServer(t *testing.T) *tdsServer {
	t.Helper()
	s := &tdsServer{conns: make(map[net.Conn]bool)}
	s.address = pooledtest.Serve(t, s.serve)
	return s
}

// dsn leads to the server.
func (s *tdsServer) dsn() string {
	return "sqlserver://sa:hunter2@" + s.address + "?database=master&encrypt=disable"
}

func (s *tdsServer) serve(conn net.Conn) {
	s.mu.Lock()
	s.conns[conn] = false
	s.mu.Unlock()
	for {
		kind, data, err := readTDS(conn)
		if err != nil {
			return
		}
		if answer := s.answer(conn, kind, data); answer != nil && !s.hangs(conn) {
			if _, err := conn.Write(tdsPacket(answer)); err != nil {
				return
			}
		}
	}
}

// readTDS reads a message, which may be several packets.
func readTDS(from io.Reader) (kind byte, data []byte, err error) {
	for {
		var header [8]byte
		if _, err := io.ReadFull(from, header[:]); err != nil {
			return 0, nil, err
		}
		part := make([]byte, binary.BigEndian.Uint16(header[2:])-8)
		if _, err := io.ReadFull(from, part); err != nil {
			return 0, nil, err
		}
		data = append(data, part...)
		if last := header[1]&1 == 1; last {
			return header[0], data, nil
		}
	}
}

func tdsPacket(data []byte) []byte {
	header := []byte{tdsAnswer, 1, 0, 0, 0, 0, 1, 0}
	binary.BigEndian.PutUint16(header[2:], uint16(8+len(data)))
	return append(header, data...)
}

// answer is that to a message; nil: there is none.
func (s *tdsServer) answer(conn net.Conn, kind byte, data []byte) []byte {
	done := []byte{tdsDone, 0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0} // with a count of rows: 1
	switch kind {
	case tdsPrelogin: // options with their places: the version, and that there is no TLS
		return []byte{0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2}
	case tdsLogin:
		name := []byte{'f', 0, 'a', 0, 'k', 0, 'e', 0}
		ack := append([]byte{1, 0x74, 0, 0, 4, byte(len(name) / 2)}, name...)
		ack = append(ack, 16, 0, 0, 0)
		token := append([]byte{tdsLoginAck, byte(len(ack)), 0}, ack...)
		return append(token, done...)
	case tdsAttention: // the statement is over
		done[1] = 0x20
		return done
	case tdsBatch, tdsRPC:
		s.mu.Lock()
		defer s.mu.Unlock()
		text := tdsText(data)
		s.texts = append(s.texts, text)
		if strings.Contains(text, "WAITFOR") {
			s.busy = conn
			return nil
		}
		const int4 = 0x38
		columns := []byte{tdsColumns, 1, 0, 0, 0, 0, 0, 0, 0, int4, 0}
		return append(append(columns, tdsRow, 1, 0, 0, 0), done...)
	}
	return nil
}

// tdsText is a statement, behind the headers that a message begins with.
func tdsText(data []byte) string {
	if n := binary.LittleEndian.Uint32(data); int(n) <= len(data) {
		data = data[n:]
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}

// sent counts the statements that contain a text.
func (s *tdsServer) sent(text string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.texts {
		if strings.Contains(t, text) {
			n++
		}
	}
	return n
}

func (s *tdsServer) hangs(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[conn]
}

// hang leaves all clients there are without an answer. New ones get theirs.
func (s *tdsServer) hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		s.conns[conn] = true
	}
}

// closeBusy hangs up on the client that waits.
func (s *tdsServer) closeBusy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy.Close()
	delete(s.conns, s.busy)
}
