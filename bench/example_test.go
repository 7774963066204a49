package bench

import (
	"fmt"
	"log"

	"github.com/XSAM/otelsql"

	"github.com/pooled-go/pooled"
)

// The figures of a pool behind a library that wraps the driver.
func Example_poolBehindOtelsql() {
	if err := behindOtelsql(); err != nil {
		log.Fatal(err)
	}
	// Output: shop 0 in use
}

func behindOtelsql() error {
	db, err := otelsql.Open("pooled", "postgres://scott:tiger@localhost/shop?pool_name=shop")
	if err != nil {
		return err
	}
	defer db.Close()
	if pool, ok := pooled.PoolNamed("shop"); ok {
		fmt.Println(pool.Name(), pool.Stats().CheckedOut, "in use")
	}
	return nil
}
