// Package dialecttest provides a session for tests of dialects: it gives the answers that the test sets, and needs no
// server.
package dialecttest

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/socket"
)

// Session is a dialect.Session. The zero value knows no answers, and succeeds at all that Exec is given.
type Session struct {
	Rows map[string][]driver.Value // the answers to queries
	Errs map[string]error          // what queries and statements fail with

	Conn   driver.Conn      // the driver's connection
	From   driver.Connector // what opened it
	Dialed *socket.Socket
	Tx     bool // a transaction may be open

	// Log is what was sent, in order; ForgetStatements is in it as "forget".
	Log []string
}

var _ dialect.Session = (*Session)(nil)

// Exec notes a statement.
func (s *Session) Exec(_ context.Context, query string) error {
	s.Log = append(s.Log, query)
	return s.Errs[query]
}

// Sent notes what is sent otherwise.
func (s *Session) Sent(what string) { s.Log = append(s.Log, what) }

// QueryRow notes a query and answers it.
func (s *Session) QueryRow(_ context.Context, query string) ([]driver.Value, error) {
	s.Log = append(s.Log, query)
	if err := s.Errs[query]; err != nil {
		return nil, err
	}
	row, known := s.Rows[query]
	if !known {
		return nil, fmt.Errorf("the test has no answer to %q", query)
	}
	return append([]driver.Value(nil), row...), nil
}

// Driver is Conn with what it can do.
func (s *Session) Driver() *driverconn.Conn {
	c := driverconn.Of(s.Conn)
	return &c
}

// Connector is From.
func (s *Session) Connector() driver.Connector { return s.From }

// Socket is Dialed.
func (s *Session) Socket() *socket.Socket { return s.Dialed }

// MayHoldTx is Tx.
func (s *Session) MayHoldTx() bool { return s.Tx }

// ForgetStatements notes that it was called.
func (s *Session) ForgetStatements() { s.Log = append(s.Log, "forget") }
