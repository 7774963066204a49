package bench

import (
	"testing"
	"testing/synctest"
	"time"
)

// In a bubble nothing takes time but what waits, and the wait is the figure.
func TestNobodyWaitsForARenewedConnection(t *testing.T) {
	for i, c := range RecycleContenders {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, err := Recycle(t.Context(), c, 5*time.Second, 1)
				if err != nil {
					t.Fatal(err)
				}
				if want := int(5 * RecycleRate); l.Requests < want*9/10 || l.Failed > 0 {
					t.Errorf("requests: have %d, of which %d failed, want about %d", l.Requests, l.Failed, want)
				}
				if renews := i > 0; renews && l.Replaced < RecycleConnections || !renews && l.Replaced > 0 {
					t.Errorf("connections renewed: have %d", l.Replaced)
				}
				most, waits := l.Latency.Milliseconds(1), i == RecycleBare
				if took := float64(RecycleTakes.Milliseconds()); waits != (most > took) {
					t.Errorf("the longest request: have %g ms, with one of %g ms and %v for a connect", most, took, RecycleConnect)
				}
			})
		})
	}
}
