package figures

import (
	"testing"

	"github.com/pooled-go/pooled"
)

// The counters of kept statements, which take a real driver to move.
func TestStmtFigures(t *testing.T) {
	stats := pooled.Stats{StmtHits: 1, StmtPrepared: 2, StmtEvicted: 3}
	want := map[string]int64{"pooled.stmt_hits": 1, "pooled.stmt_prepared": 2, "pooled.stmt_evicted": 3}
	for _, f := range Figures {
		if n, ok := want[f.OTel]; ok {
			if have := f.Read(stats); have != n {
				t.Errorf("%s: have %d, want %d", f.OTel, have, n)
			}
			delete(want, f.OTel)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}
