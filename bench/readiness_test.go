//go:build linux

package bench

import (
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// A ping stands in line, so that it is not answered while all connections are in use. What becomes of the others is the
// report's to say.
func TestReadinessIsMeasured(t *testing.T) {
	server := cluster.Postgres(t)
	s, _ := PostgreSQL()
	plan := ReadinessPlan{Every: 200 * time.Millisecond, Busy: 3, Stopped: 100}
	for i, p := range Probers() {
		r, err := RunReadiness(t.Context(), server, s, p, plan)
		if err != nil {
			t.Fatal(p.Name, err)
		}
		t.Logf("%s: %+v", p.Name, r)
		if i == 0 && r.BusyUnready != plan.Busy || r.NoticedAt == 0 {
			t.Errorf("%s: have %+v", p.Name, r)
		}
	}
}
