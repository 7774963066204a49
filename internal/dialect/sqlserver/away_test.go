package sqlserver_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
)

// numbered is an error as go-mssqldb's.
type numbered int32

func (e numbered) Error() string         { return fmt.Sprintf("mssql: login error: no (%d)", int32(e)) }
func (e numbered) SQLErrorNumber() int32 { return int32(e) }

func TestIsAway(t *testing.T) {
	for err, want := range map[error]bool{
		numbered(6005): true, numbered(17142): true, numbered(18401): true, numbered(983): true, numbered(40613): true,
		fmt.Errorf("connect: %w", numbered(40197)):                                  true,
		fmt.Errorf("unable to open tcp connection with host 'db:1433': %w", io.EOF): true,
		numbered(18456): false, numbered(4060): false, numbered(10928): false, errors.New("no"): false,
	} {
		if have := sqlserver.Dialect.IsAway(err); have != want {
			t.Errorf("%v: have %t, want %t", err, have, want)
		}
	}
}
