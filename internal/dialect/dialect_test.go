package dialect_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect"
)

// A question that went without an answer matters only if the connection was lost, and then database/sql does not try
// again.
func TestUnanswered(t *testing.T) {
	gone := errors.New("gone")
	isGone := func(err error) bool { return errors.Is(err, gone) }
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		ctx  context.Context
		err  error
		want string
	}{
		{t.Context(), nil, "<nil>"},
		{t.Context(), errors.New("no such variable"), "<nil>"},
		{canceled, nil, "context canceled"},
		{t.Context(), driver.ErrBadConn, "pooled: open connection: it was lost before its first use: driver: bad connection"},
		{t.Context(), fmt.Errorf("read: %w", io.EOF), "pooled: open connection: it was lost before its first use: read: EOF"},
		{t.Context(), syscall.EPIPE, "pooled: open connection: it was lost before its first use: broken pipe"},
		{t.Context(), gone, "pooled: open connection: it was lost before its first use: gone"},
	} {
		err := dialect.Unanswered(test.ctx, test.err, isGone)
		if have := fmt.Sprint(err); have != test.want || errors.Is(err, driver.ErrBadConn) {
			t.Errorf("%v: have %q, want %q, not ErrBadConn", test.err, have, test.want)
		}
	}
}

// A connection is lost when the system says that nothing reaches the server any more, as it does of a machine that has
// vanished. What only took too long says nothing of the connection.
func TestIsLost(t *testing.T) {
	for err, want := range map[error]bool{
		io.EOF: true, io.ErrUnexpectedEOF: true,
		syscall.ECONNRESET: true, syscall.ECONNABORTED: true, syscall.EPIPE: true,
		syscall.ETIMEDOUT: true, syscall.EHOSTUNREACH: true, syscall.ENETUNREACH: true,
		os.ErrDeadlineExceeded: false, context.DeadlineExceeded: false, syscall.ENOENT: false, errors.New("no"): false,
	} {
		read := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", err)}
		for _, err := range []error{err, read, fmt.Errorf("driver: %w", read)} {
			if have := anyServer.IsLost(err); have != want {
				t.Errorf("%v: have lost %t, want %t", err, have, want)
			}
		}
	}
}
