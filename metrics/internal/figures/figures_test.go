package figures

import (
	"reflect"
	"slices"
	"testing"

	"github.com/pooled-go/pooled"
)

// Each number in pooled.Stats is exported.
func TestAllFigures(t *testing.T) {
	const mark = 7
	for i := range reflect.TypeFor[pooled.Stats]().NumField() {
		var s pooled.Stats
		switch f := reflect.ValueOf(&s).Elem().Field(i); f.Kind() {
		case reflect.Int:
			f.SetInt(mark)
		case reflect.Uint64:
			f.SetUint(mark)
		default: // a name
			continue
		}
		if !slices.ContainsFunc(Figures, func(f Figure) bool { return f.Read(Look{Stats: s}) == mark }) {
			t.Errorf("Stats.%s is not exported", reflect.TypeFor[pooled.Stats]().Field(i).Name)
		}
	}
}

// The counters of kept statements, which take a real driver to move.
func TestStmtFigures(t *testing.T) {
	look := Look{Stats: pooled.Stats{StmtHits: 1, StmtPrepared: 2, StmtEvicted: 3}}
	want := map[string]int64{"pooled.stmt_hits": 1, "pooled.stmt_prepared": 2, "pooled.stmt_evicted": 3}
	for _, f := range Figures {
		if n, ok := want[f.OTel]; ok {
			if have := f.Read(look); have != n {
				t.Errorf("%s: have %d, want %d", f.OTel, have, n)
			}
			delete(want, f.OTel)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}
