package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
)

// IsAway tells whether the error of a connect means that the server is not there for now, and may be soon: nobody
// listens, the network does not reach it, it hung up or does not answer, or it says by itself that it is going down,
// starting, or without a backend. An error that joins several, as of several addresses, means it only if each of them
// does.
//
// It is about what a driver's Connect and the questions to a new session return. An error of the program's own code,
// such as a hook's, may look the same and means something else.
func (d *Dialect) IsAway(err error) bool {
	switch {
	case err == nil, d.Embedded, errors.Is(err, context.Canceled), d.TooManyConns(err):
		return false
	case errors.As(err, new(*lostError)):
		return true
	}
	if joined := joined(err); joined != nil {
		return !slices.ContainsFunc(joined, func(err error) bool { return !d.IsAway(err) })
	}
	return networkAway(err) || d.Away != nil && d.Away(err)
}

// joined are the errors that one of several causes consists of; nil: it has one cause.
func joined(err error) []error {
	for ; err != nil; err = errors.Unwrap(err) {
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			return several.Unwrap()
		}
	}
	return nil
}

// networkAway tells an outage by what the network says, whatever the server. Drivers say driver.ErrBadConn of a
// connect when the server hangs up before it has said anything.
func networkAway(err error) bool {
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) {
		return !dns.IsNotFound && (dns.IsTemporary || dns.IsTimeout)
	}
	for _, gone := range []error{
		io.EOF, io.ErrUnexpectedEOF, driver.ErrBadConn, os.ErrDeadlineExceeded, context.DeadlineExceeded,
	} {
		if errors.Is(err, gone) {
			return true
		}
	}
	timed := net.Error(nil)
	return hasErrno(err, unreachable) || errors.As(err, &timed) && timed.Timeout() || noSocketFile(err)
}

// hasErrno tells whether an error is one of the system's.
func hasErrno(err error, list []syscall.Errno) bool {
	errno := syscall.Errno(0)
	return errors.As(err, &errno) && slices.Contains(list, errno)
}

// noSocketFile: while a server restarts the file of its Unix socket is missing. Other files that a driver reads, such
// as certificates, are not meant.
func noSocketFile(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial" && strings.HasPrefix(dial.Net, "unix") &&
		errors.Is(dial, syscall.ENOENT)
}

// lostError says that a session was lost before its first use. It does not match driver.ErrBadConn, at which
// database/sql would connect three times.
type lostError struct{ cause error }

func (e *lostError) Error() string {
	return fmt.Sprintf("pooled: open connection: it was lost before its first use: %v", e.cause)
}
