package servertest_test

import (
	"errors"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Each connection to a memory database would have one of its own.
func TestMemoryIsOneDatabaseUnderThePool(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassStatic, pooled.ClassDirect} {
		cfg := pooled.NewConfig()
		cfg.Driver, cfg.DSN, cfg.Class = "sqlite", ":memory:", class
		db, pool := openFrom(t, cfg)
		errs, rows := pooledtest.InsertAndCount(t, db)
		if len(errs) != 0 || rows != 400 {
			t.Errorf("%+v: have %d rows and %d errors (%v), want 400 and none",
				pool.Stats(), rows, len(errs), errors.Join(errs...))
		}
	}
}
