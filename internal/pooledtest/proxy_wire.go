package pooledtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// wire cuts the bytes that a client sends into messages.
type wire struct {
	rest []byte // the beginning of a message

	// size is that of the message which data begins with, 0 if it takes more
	// bytes to tell.
	size func(data []byte) int

	// text describes a whole message. Empty: it belongs to the login.
	text func(message []byte) string
}

// read returns the messages that data completes.
func (w *wire) read(data []byte) (messages []string) {
	w.rest = append(w.rest, data...)
	for {
		size := w.size(w.rest)
		if size == 0 || size > len(w.rest) {
			return messages
		}
		if text := w.text(w.rest[:size]); text != "" {
			messages = append(messages, text)
		}
		w.rest = w.rest[size:]
	}
}

var postgresMessages = map[byte]string{
	'B': "Bind", 'C': "Close", 'd': "CopyData", 'c': "CopyDone", 'f': "CopyFail", 'D': "Describe",
	'E': "Execute", 'H': "Flush", 'P': "Parse", 'Q': "Query", 'S': "Sync", 'X': "Terminate",
}

const postgresCancel = 80877102 // the code that stands where others have the protocol's version

// newPostgresWire reads version 3 of PostgreSQL's protocol: a type, a length
// that counts itself, and the rest. The messages before the login's answer have no
// type; none of their lengths reaches 2^24, so they are told by their first byte.
func newPostgresWire() *wire {
	size := func(data []byte) int {
		typed := 0
		if len(data) > 0 && data[0] != 0 {
			typed = 1
		}
		if len(data) < typed+4 {
			return 0
		}
		return typed + int(binary.BigEndian.Uint32(data[typed:]))
	}
	text := func(message []byte) string {
		switch kind := message[0]; kind {
		case 0:
			if len(message) >= 8 && binary.BigEndian.Uint32(message[4:]) == postgresCancel {
				return "CancelRequest"
			}
			return ""
		case 'p': // a password
			return ""
		case 'Q':
			return "Query " + untilZero(message[5:])
		case 'P': // behind the statement's name
			_, query, _ := bytes.Cut(message[5:], []byte{0})
			return "Parse " + untilZero(query)
		default:
			return messageName(postgresMessages, kind)
		}
	}
	return &wire{size: size, text: text}
}

// messageName is a message's name. One that has none here must not go uncounted.
func messageName(names map[byte]string, kind byte) string {
	if name, ok := names[kind]; ok {
		return name
	}
	return fmt.Sprintf("message %#x", kind)
}

func untilZero(data []byte) string {
	text, _, _ := bytes.Cut(data, []byte{0})
	return string(text)
}

var mysqlCommands = map[byte]string{
	0x01: "Quit", 0x02: "InitDB", 0x03: "Query", 0x0e: "Ping", 0x16: "Prepare", 0x17: "Execute",
	0x18: "LongData", 0x19: "CloseStmt", 0x1a: "ResetStmt", 0x1b: "SetOption", 0x1f: "Reset",
}

// newMySQLWire reads MySQL's protocol without TLS and compression: three bytes
// of length, a sequence number, and the rest. Only commands have the number 0; the
// others are answers to what the server asked, as the login is.
func newMySQLWire() *wire {
	size := func(data []byte) int {
		if len(data) < 4 {
			return 0
		}
		return 4 + int(data[0]) + int(data[1])<<8 + int(data[2])<<16
	}
	text := func(packet []byte) string {
		if packet[3] != 0 || len(packet) == 4 {
			return ""
		}
		switch command := packet[4]; command {
		case 0x02, 0x03, 0x16:
			return messageName(mysqlCommands, command) + " " + string(packet[5:])
		default:
			return messageName(mysqlCommands, command)
		}
	}
	return &wire{size: size, text: text}
}
