//go:build linux

package servertest_test

import (
	"testing"
	"time"
)

// A server crashes and is back after three seconds: only what was under way fails. Nobody else notices more than a
// wait, and what callers were told was written, once.
func TestOutageCrash(t *testing.T) {
	onPairs(t, false, func(t *testing.T, p pair) {
		db, pool := p.open(t, p.primary.Addr())
		l := startLoad(t, db)
		p.primary.Kill()
		<-time.After(3 * time.Second)
		p.primary.Start()
		l.awaitAll(t)
		l.wantFewErrors(t)
		l.wantRowsOf(t, p.primary.Admin())
		if s := pool.Stats(); s.Outages == 0 || s.OutageErrors != 0 {
			t.Errorf("have %d outages and %d errors of them, want one or more, and none", s.Outages, s.OutageErrors)
		}
	})
}
