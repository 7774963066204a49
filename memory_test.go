package pooled_test

import (
	"errors"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMemoryIsOneDatabaseUnderThePool(t *testing.T) {
	for _, class := range []func(*pooled.Config){
		class(pooled.ClassQueue), class(pooled.ClassStatic), class(pooled.ClassDirect),
	} {
		cfg := pooled.NewConfig()
		cfg.Driver, cfg.DSN = "sqlite", ":memory:"
		db, pool := openFrom(t, cfg, class)
		errs, rows := pooledtest.InsertAndCount(t, db)
		if len(errs) != 0 || rows != 400 {
			t.Errorf("%+v: have %d rows and %d errors (%v), want 400 and none",
				pool.Stats(), rows, len(errs), errors.Join(errs...))
		}
	}
}
