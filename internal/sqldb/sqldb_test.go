package sqldb_test

import (
	"database/sql"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/sqldb"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// The sql.DB's limit is compared with the pool's each time, and told once.
func TestLook(t *testing.T) {
	for name, test := range map[string]struct {
		maxOpen, limit int
		crowded        bool
	}{
		"no limit of the sql.DB's": {0, 5, false},
		"above the pool's":         {6, 5, false},
		"at the pool's":            {5, 5, true},
		"below the pool's":         {1, 5, true},
		"no limit of the pool's":   {5, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			db := sql.OpenDB(pooledtest.Null{})
			defer db.Close()
			db.SetMaxOpenConns(test.maxOpen)
			var a sqldb.Above
			a.Show(db)
			for i, want := range []bool{test.crowded, false} {
				if have := a.Look(test.limit); have != want {
					t.Errorf("look %d: have %t, want %t", i+1, have, want)
				}
			}
			if have := a.MaxOpen(); have != test.maxOpen {
				t.Errorf("have a limit of %d, want %d", have, test.maxOpen)
			}
		})
	}
}

// A program that shows its sql.DB all the time makes the pool look once a second.
func TestShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := sql.OpenDB(pooledtest.Null{})
		defer db.Close()
		var a sqldb.Above
		if a.Pending() {
			t.Error("have it pending before it was shown")
		}
		for i, want := range []bool{true, false, true} {
			if have := a.Show(db); have != want {
				t.Errorf("show %d: have %t, want %t", i+1, have, want)
			}
			if first, second := a.Pending(), a.Pending(); !first || second {
				t.Errorf("show %d: have it pending %t and %t, want once", i+1, first, second)
			}
			if i == 1 {
				time.Sleep(time.Second)
			}
		}
	})
}
