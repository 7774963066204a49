package bench

import "testing"

// All wait at the same time, and all are served.
func TestWait(t *testing.T) {
	for _, c := range WaitContenders {
		w, err := Wait(t.Context(), c, 1000)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if w.Bytes < 100 || w.Drain <= 0 {
			t.Errorf("%s: %g bytes for each, %v until all were served", c.Name, w.Bytes, w.Drain)
		}
	}
}
