package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/XSAM/otelsql"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// nullDriver is the null parent by name.
type nullDriver struct{}

func (nullDriver) Open(string) (driver.Conn, error) {
	return pooledtest.Null{}.Connect(context.Background())
}

func init() { sql.Register("bench-null", nullDriver{}) }

// otelsql opens the driver that it is to wrap by its name, without a DSN.
func TestOtelsqlWrapsPooled(t *testing.T) {
	name, err := otelsql.Register("pooled")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(name, "x?pool_driver=bench-null")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "UPDATE"); err != nil {
		t.Error(err)
	}
}
