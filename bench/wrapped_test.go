package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/XSAM/otelsql"

	"github.com/pooled-go/pooled"
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

// Behind otelsql a pool is found by its name.
func TestPoolBehindOtelsql(t *testing.T) {
	db, err := otelsql.Open("pooled", "x?pool_driver=bench-null&pool_name=behind-otelsql")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, ok := pooled.PoolOf(db); ok {
		t.Error("PoolOf finds the pool behind otelsql: its doc comment and docs/metrics.md say that it doesn't")
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE"); err != nil {
		t.Fatal(err)
	}
	pool, ok := pooled.PoolNamed("behind-otelsql")
	if !ok || pool.Stats().Checkouts != 1 {
		t.Errorf("have %v, want the pool that was used", pool)
	}
}
