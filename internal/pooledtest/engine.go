package pooledtest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// Engine is a server that speaks MySQL's or PostgreSQL's protocol and gives the answers that a test has for it. With
// it a test shows what a pool makes of a server that can't be had here.
type Engine struct {
	// Address is where it listens.
	Address string

	answer func(session int, message string) Answer
	tls    engineTLS // MySQL's; nil: it has none

	mu       sync.Mutex // guards all below
	sessions int
	log      []string
	links    map[int]*engineLink // MySQL's, of those that were let in
}

// Answer is what an Engine says to a message. The zero Answer is success without rows.
type Answer struct {
	Row []any // the only row: nil is NULL, and all else is sent as text

	// An error: its number (MySQL) or "", its SQLSTATE, and its text.
	Number uint16
	State  string
	Text   string

	HangUp bool   // ends the session instead
	Silent bool   // says nothing
	Raw    []byte // is sent as it is
}

func (a Answer) fails() bool { return a.State != "" }

// Log returns what the sessions were sent since the last call, each message with the session's number before it.
// Messages are named as Proxy names them, such as "Query SELECT 1" or "Ping"; a login is not among them.
func (e *Engine) Log() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	log := e.log
	e.log = nil
	return log
}

// Sessions is how many there were so far.
func (e *Engine) Sessions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sessions
}

// begin counts a session.
func (e *Engine) begin() (session int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sessions++
	return e.sessions
}

// ask writes a message down, and is the answer to it.
func (e *Engine) ask(session int, message string) Answer {
	e.mu.Lock()
	e.log = append(e.log, fmt.Sprint(session, " ", message))
	e.mu.Unlock()
	return e.answer(session, message)
}

// engineMessages passes on a client's messages, one after the other, until it hangs up or do says no.
func engineMessages(client io.Reader, w *wire, do func(message string) bool) {
	buf := make([]byte, 4096)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		for _, message := range w.read(buf[:n]) {
			if !do(message) {
				return
			}
		}
	}
}

// ServeMySQL is an Engine that speaks MySQL's protocol: text statements, pings and resets. It lets anyone in.
func ServeMySQL(tb testing.TB, answer func(session int, message string) Answer) *Engine {
	tb.Helper()
	e := &Engine{answer: answer}
	e.Address = Serve(tb, e.serveMySQL)
	return e
}

func (e *Engine) serveMySQL(client net.Conn) {
	session := e.begin()
	link := &engineLink{client: client, stream: client}
	if link.write(mysqlPacket(0, mysqlGreeting(session, e.tls != nil))) != nil {
		return
	}
	number, err := e.login(link)
	if err != nil {
		return
	}
	e.letIn(session, link)
	link.write(mysqlPacket(number+1, mysqlOK))
	engineMessages(link.stream, newMySQLWire(), func(message string) bool {
		if message == "Quit" {
			return false
		}
		a := e.ask(session, message)
		if a.HangUp || a.Silent {
			return a.Silent
		}
		return link.write(a.mysql()) == nil
	})
}

// mysqlOK says that autocommit is on.
var mysqlOK = []byte{0, 0, 0, 2, 0, 0, 0}

func mysqlPacket(number byte, body []byte) []byte {
	return append([]byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), number}, body...)
}

// mysqlGreeting is the server's first packet.
func mysqlGreeting(session int, hasTLS bool) []byte {
	capabilities := uint32(0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x80000)
	if hasTLS {
		capabilities |= 0x800
	}
	b := append([]byte{10}, "8.0.30-engine\x00"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(session))
	b = append(b, "12345678\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities))
	b = append(b, 45, 2, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(capabilities>>16))
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	return append(b, "123456789012\x00mysql_native_password\x00"...)
}

// mysql is an answer's packets.
func (a Answer) mysql() (all []byte) {
	switch {
	case a.Raw != nil:
		return a.Raw
	case a.fails():
		return mysqlPacket(1, a.mysqlError())
	case a.Row == nil:
		return mysqlPacket(1, mysqlOK)
	}
	number := byte(0)
	add := func(body []byte) {
		number++
		all = append(all, mysqlPacket(number, body)...)
	}
	end := []byte{0xfe, 0, 0, 2, 0}
	add([]byte{byte(len(a.Row))})
	for range a.Row {
		add(append([]byte("\x03def\x00\x00\x00\x01c\x00"), 0x0c, 45, 0, 255, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0))
	}
	add(end)
	var row []byte
	for _, value := range a.Row {
		row = appendMySQLText(row, value)
	}
	add(row)
	add(end)
	return all
}

func (a Answer) mysqlError() []byte {
	body := binary.LittleEndian.AppendUint16([]byte{0xff}, a.Number)
	return append(body, "#"+a.State+a.Text...)
}

// appendMySQLText appends a value of a row: its length, which fits into two bytes, and the text.
func appendMySQLText(row []byte, value any) []byte {
	text := fmt.Sprint(value)
	switch {
	case value == nil:
		return append(row, 0xfb)
	case len(text) < 0xfb:
		row = append(row, byte(len(text)))
	default:
		row = binary.LittleEndian.AppendUint16(append(row, 0xfc), uint16(len(text)))
	}
	return append(row, text...)
}

// ServePostgres is an Engine that speaks PostgreSQL's protocol: statements without arguments. It lets anyone in, and
// tells each session its number as the process number. A request to cancel is a message of session 0. The answer to a
// login, "login", counts if it is an error.
func ServePostgres(tb testing.TB, answer func(session int, message string) Answer) *Engine {
	tb.Helper()
	e := &Engine{answer: answer}
	e.Address = Serve(tb, e.servePostgres)
	return e
}

func (e *Engine) servePostgres(client net.Conn) {
	session := 0
	w := newPostgresWire()
	text := w.text
	w.text = func(message []byte) string { // its first message has no name
		if session == 0 && message[0] == 0 && text(message) == "" {
			return "login"
		}
		return text(message)
	}
	status := byte('I')
	engineMessages(client, w, func(message string) bool {
		switch message {
		case "login":
			session = e.begin()
			greeting := postgresGreeting(session)
			if a := e.answer(session, message); a.fails() {
				greeting = a.postgres(message)
			}
			_, err := client.Write(greeting)
			return err == nil
		case "Terminate":
			return false
		case "CancelRequest":
			e.ask(session, message)
			return false
		}
		a := e.ask(session, message)
		if a.HangUp || a.Silent {
			return a.Silent
		}
		status = postgresStatus(status, message, a.fails())
		_, err := client.Write(append(a.postgres(message), PostgresMessage('Z', string(status))...))
		return err == nil
	})
}

// postgresGreeting lets a client in.
func postgresGreeting(session int) []byte {
	all := PostgresMessage('R', "\x00\x00\x00\x00")
	for _, setting := range []string{"server_version\x0013.0.0\x00", "client_encoding\x00UTF8\x00",
		"standard_conforming_strings\x00on\x00"} {
		all = append(all, PostgresMessage('S', setting)...)
	}
	all = append(all, PostgresMessage('K', string(binary.BigEndian.AppendUint64(nil, uint64(session)<<32|7)))...)
	return append(all, PostgresMessage('Z', "I")...)
}

// postgresStatus is the state of the transaction after a statement.
func postgresStatus(before byte, message string, failed bool) byte {
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimPrefix(message, "Query ")), " ")
	switch {
	case failed && before == 'T':
		return 'E'
	case failed:
		return before
	case word == "BEGIN", word == "START":
		return 'T'
	case word == "COMMIT", word == "ROLLBACK":
		return 'I'
	}
	return before
}

// postgres is an answer's messages before the last.
func (a Answer) postgres(message string) (all []byte) {
	switch {
	case a.Raw != nil:
		return a.Raw
	case a.fails():
		return PostgresMessage('E', "SERROR\x00VERROR\x00C", a.State, "\x00M", a.Text, "\x00\x00")
	case a.Row != nil:
		all = append(all, a.postgresRow()...)
	}
	word, _, _ := strings.Cut(strings.TrimPrefix(message, "Query "), " ")
	return append(all, PostgresMessage('C', word, "\x00")...)
}

func (a Answer) postgresRow() []byte {
	columns := binary.BigEndian.AppendUint16(nil, uint16(len(a.Row)))
	values := columns[:len(columns):len(columns)]
	for _, value := range a.Row {
		columns = append(columns, "c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x19\xff\xff\xff\xff\xff\xff\x00\x00"...)
		if value == nil {
			values = binary.BigEndian.AppendUint32(values, ^uint32(0))
			continue
		}
		text := fmt.Sprint(value)
		values = append(binary.BigEndian.AppendUint32(values, uint32(len(text))), text...)
	}
	return append(PostgresMessage('T', string(columns)), PostgresMessage('D', string(values))...)
}
