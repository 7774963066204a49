package bench

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Through each of the contenders, each operation reaches the parent.
func TestNullContenders(t *testing.T) {
	var statements atomic.Int64
	for _, c := range contendersOver(counting{&statements}) {
		for _, operation := range NullOperations {
			db, err := c.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := operation.Run(t.Context(), db); err != nil { // pooled asks a new server connection for its number
				t.Fatal(err)
			}
			statements.Store(0)
			for range 3 {
				if err := operation.Run(t.Context(), db); err != nil {
					t.Errorf("%s, %s: %v", c.Name, operation.Name, err)
				}
			}
			if n := statements.Load(); n != 3 {
				t.Errorf("%s, %s: statements at the parent: have %d, want 3", c.Name, operation.Name, n)
			}
		}
	}
}

// counting is the null parent with a count of its statements.
type counting struct{ statements *atomic.Int64 }

// nullConn are the interfaces that a driver of today has.
type nullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.SessionResetter
	driver.Validator
	driver.ExecerContext
	driver.QueryerContext
}

type countingConn struct {
	nullConn
	statements *atomic.Int64
}

func (c counting) Connect(context.Context) (driver.Conn, error) { return c.Open("") }
func (c counting) Driver() driver.Driver                        { return c }

func (c counting) Open(string) (driver.Conn, error) {
	conn, err := pooledtest.Null{}.Driver().Open("")
	return &countingConn{conn.(nullConn), c.statements}, err
}

func (c *countingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.statements.Add(1)
	return c.nullConn.ExecContext(ctx, query, args)
}

func (c *countingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.statements.Add(1)
	return c.nullConn.QueryContext(ctx, query, args)
}
