package dialect_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/dialect"
)

// anyServer is a dialect without a word of its own about outages.
var anyServer = &dialect.Dialect{TooManyConns: isFull, ConnLost: dialect.Never}

var (
	errFull     = errors.New("full")
	errStarting = errors.New("starting")
)

func isFull(err error) bool { return errors.Is(err, errFull) }

func dialed(network string, err error) error {
	return &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", err)}
}

// timedOut is a net.Error as drivers make them.
type timedOut struct{ error }

func (timedOut) Timeout() bool   { return true }
func (timedOut) Temporary() bool { return true }

// What the network says of a server that is not there for now, whatever the driver has written around it.
func TestIsAway(t *testing.T) {
	for _, err := range []error{
		io.EOF, io.ErrUnexpectedEOF, driver.ErrBadConn, os.ErrDeadlineExceeded, context.DeadlineExceeded,
		dialed("tcp", syscall.ECONNREFUSED), dialed("tcp", syscall.ECONNRESET), dialed("tcp", syscall.ECONNABORTED),
		dialed("tcp", syscall.EPIPE), dialed("tcp", syscall.ETIMEDOUT), dialed("tcp", syscall.EHOSTUNREACH),
		dialed("tcp", syscall.ENETUNREACH), dialed("tcp", syscall.EHOSTDOWN), dialed("tcp", syscall.ENETDOWN),
		dialed("unix", syscall.ENOENT), dialed("unix", syscall.ECONNREFUSED),
		timedOut{errors.New("slow")},
		&net.DNSError{Err: "server misbehaving", Name: "db", IsTemporary: true},
		&net.DNSError{Err: "i/o timeout", Name: "db", IsTimeout: true},
		errors.Join(dialed("tcp", syscall.ECONNREFUSED), dialed("tcp", syscall.EHOSTUNREACH)),
		dialect.Unanswered(t.Context(), errors.New("gone"), func(error) bool { return true }),
		dialect.Unanswered(t.Context(), driver.ErrBadConn, dialect.Never),
	} {
		for _, err := range []error{err, fmt.Errorf("connect to db: %w", err)} {
			if !anyServer.IsAway(err) {
				t.Errorf("%v: have not away", err)
			}
		}
	}
}

func TestIsNotAway(t *testing.T) {
	canceled := &net.OpError{Op: "dial", Net: "tcp", Err: context.Canceled}
	for _, err := range []error{
		nil, errors.New("no"), context.Canceled, canceled, errFull, errStarting,
		&net.DNSError{Err: "no such host", Name: "db", IsNotFound: true},
		&net.DNSError{Err: "no such host", Name: "db", IsNotFound: true, IsTemporary: true},
		dialed("tcp", syscall.EACCES), dialed("unix", syscall.EACCES), dialed("tcp", syscall.ENOENT),
		&net.OpError{Op: "dial", Net: "tcp", Err: net.UnknownNetworkError("tcpx")},
		&fs.PathError{Op: "open", Path: "root.crt", Err: syscall.ENOENT},
		x509.UnknownAuthorityError{}, x509.HostnameError{Certificate: &x509.Certificate{}, Host: "db"},
		&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}},
		&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, // bad certificate
		tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
		errors.Join(dialed("tcp", syscall.ECONNREFUSED), errors.New("password authentication failed")),
		errors.Join(dialed("tcp", syscall.ECONNREFUSED), context.Canceled),
		errors.Join(io.EOF, errFull),
		dialect.Unanswered(canceledContext(t), io.EOF, dialect.Never),
	} {
		if anyServer.IsAway(err) || err != nil && anyServer.IsAway(fmt.Errorf("connect to db: %w", err)) {
			t.Errorf("%v: have away", err)
		}
	}
}

func canceledContext(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// The server has its own words.
func TestIsAwayAsks(t *testing.T) {
	d := *anyServer
	d.Away = func(err error) bool { return errors.Is(err, errStarting) }
	for err, want := range map[error]bool{
		errStarting: true, fmt.Errorf("connect: %w", errStarting): true, errFull: false, errors.New("no"): false,
		errors.Join(io.EOF, errStarting): true, fmt.Errorf("%w: %w", errFull, errStarting): false,
	} {
		if have := d.IsAway(err); have != want {
			t.Errorf("%v: have %t, want %t", err, have, want)
		}
	}
}

// What is a part of the process has no server that could be away.
func TestIsAwayEmbedded(t *testing.T) {
	d := *anyServer
	d.Embedded = true
	for _, err := range []error{io.EOF, driver.ErrBadConn, context.DeadlineExceeded} {
		if d.IsAway(err) {
			t.Errorf("%v: have away", err)
		}
	}
}

// These are the errors that this system returns.
func TestIsAwayFromNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	path := filepath.Join(t.TempDir(), "s")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Skip(err) // a system without them
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for _, test := range []struct {
		ctx              context.Context
		network, address string
		want             bool
	}{
		{t.Context(), "tcp", address, true},
		{t.Context(), "unix", path, true},
		{t.Context(), "unix", path + "2", true},
		{expired, "tcp", address, true},
		{canceledContext(t), "tcp", address, false},
	} {
		var dialer net.Dialer
		conn, err := dialer.DialContext(test.ctx, test.network, test.address)
		if err == nil {
			conn.Close()
			t.Fatalf("%s: somebody is there", test.address)
		}
		if have := anyServer.IsAway(err); have != test.want {
			t.Errorf("%v: have %t, want %t", err, have, test.want)
		}
	}
}
