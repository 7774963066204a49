package postgres

import (
	"bufio"
	"bytes"
	"cmp"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"sync/atomic"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/pooled-go/pooled/internal/dialect"
)

// fatal reads, in a connection of lib/pq's, the error with which the server ended the session. lib/pq makes
// driver.ErrBadConn of it. The bytes of it are in the reader before lib/pq has read them, TLS or not, and in scratch
// afterwards. Nothing is written there, and nothing taken.
type fatal struct {
	buf     *bufio.Reader
	busy    *atomic.Bool // the answer to a statement is not read to its end
	scratch []byte       // the last message, without its first five bytes, if it is not longer
}

// fatalOf finds lib/pq's fields by their names and types. Nil: another driver, or another version.
func fatalOf(conn driver.Conn) dialect.Fatal {
	v := reflect.ValueOf(conn)
	if v.Kind() != reflect.Pointer || v.Type().Elem().PkgPath() != "github.com/lib/pq" {
		return nil
	}
	v = v.Elem()
	buf, busy, scratch := v.FieldByName("buf"), v.FieldByName("inProgress"), v.FieldByName("scratch")
	switch {
	case !buf.IsValid() || buf.Type() != reflect.TypeFor[*bufio.Reader]() || buf.IsNil(),
		!busy.IsValid() || busy.Type() != reflect.TypeFor[atomic.Bool](),
		!scratch.IsValid() || scratch.Kind() != reflect.Array || scratch.Type().Elem().Kind() != reflect.Uint8:
		return nil
	}
	return &fatal{
		(*bufio.Reader)(buf.UnsafePointer()), (*atomic.Bool)(busy.Addr().UnsafePointer()), scratch.Bytes(),
	}
}

// header is the length of what stands before the fields of a message: its type, and its length without that.
const header = 5

func (f *fatal) Busy() bool { return f.busy.Load() }

// Unread looks at the messages that have arrived: before the error there may be notices and notifications. Between two
// statements the reader stands at the beginning of a message.
func (f *fatal) Unread(arrived func()) error {
	for at := 0; ; arrived() {
		seen, err := f.buf.Peek(at + header)
		switch {
		case errors.Is(err, io.EOF):
			return io.EOF
		case err != nil:
			return nil
		}
		kind, length := seen[at], int(binary.BigEndian.Uint32(seen[at+1:]))-4
		if length < 0 || length > f.buf.Size() {
			return nil
		}
		at += header + length
		switch kind {
		case 'E':
			seen, _ = f.buf.Peek(at)
			return parseFatal(seen[at-length:])
		case 'N', 'A', 'S': // NoticeResponse, NotificationResponse, ParameterStatus
		default:
			return nil
		}
	}
}

func (f *fatal) Read() error { return parseFatal(f.scratch) }

// parseFatal reads the fields of an ErrorResponse that ends the session; nil: they are not those of one. The field V is
// the severity untranslated, which older proxies don't send.
func parseFatal(fields []byte) error {
	e := new(pq.Error)
	code, untranslated := "", ""
	known := map[byte]*string{
		'S': &e.Severity, 'V': &untranslated, 'C': &code, 'M': &e.Message, 'D': &e.Detail, 'H': &e.Hint, 'W': &e.Where,
		'F': &e.File, 'L': &e.Line, 'R': &e.Routine,
	}
	for len(fields) > 0 && fields[0] != 0 {
		text, rest, complete := bytes.Cut(fields[1:], []byte{0})
		if !complete {
			return nil
		}
		if field := known[fields[0]]; field != nil {
			*field = string(text)
		}
		fields = rest
	}
	severity := cmp.Or(untranslated, e.Severity)
	if len(fields) == 0 || severity != pqerror.SeverityFatal && severity != pqerror.SeverityPanic {
		return nil
	}
	e.Code = pqerror.Code(code)
	return e
}
