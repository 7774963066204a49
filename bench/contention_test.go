package bench

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTheLineIsServedInTurn(t *testing.T) {
	var latest []Latency // of database/sql, pooled and puddle
	for i := range 3 {
		synctest.Test(t, func(t *testing.T) {
			run := func() (Load, error) { return ContendPuddle(t.Context(), time.Second) }
			if i < len(ContentionContenders) {
				run = func() (Load, error) { return Contend(t.Context(), ContentionContenders[i], time.Second) }
			}
			l, err := run()
			if err != nil {
				t.Fatal(err)
			}
			latest = append(latest, l.Latency)
			if want := ContentionConnections / ContentionHold.Seconds(); l.PerSecond() < 0.9*want || l.PerSecond() > 1.1*want {
				t.Errorf("requests/s: have %g, want about %g", l.PerSecond(), want)
			}
		})
	}
	turn := float64(ContentionGoroutines/ContentionConnections) * float64(ContentionHold.Milliseconds())
	for _, i := range []int{1, 2} {
		if max := latest[i].Milliseconds(1); max > turn {
			t.Errorf("the longest wait of %d: have %g ms, want at most %g", i, max, turn)
		}
	}
	if max := latest[0].Milliseconds(1); max < 2*turn {
		t.Errorf("the longest wait of database/sql: have %g ms, want far more than %g", max, turn)
	}
}
