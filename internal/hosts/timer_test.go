package hosts

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A timer that is stopped when it has just fired starts no probe beside the one that is planned since.
func TestTimerIsStoppedTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		var probes atomic.Int32
		s := New(Config{
			Entries: []Entry{{Name: "a"}}, Wait: -1,
			Check:   func(context.Context, Address) (Role, error) { probes.Add(1); return RoleUnknown, away },
			Away:    func(error) bool { return true },
			Go:      func(f func()) { go f() },
			Changed: func() {},
		})
		defer s.Close()
		s.lock()
		s.begin(away)
		s.unlock()
		h := s.hosts[0]
		old := h.probe
		for range 5 {
			s.lock()
			h.calm()
			s.unlock() // plans another
			s.lock()
			s.startProbe(h, old)
			probing, timer := h.probing, h.probe
			s.unlock()
			if probing || timer == nil || timer == old {
				t.Fatalf("have probing %t and timer %p, want that the new timer runs on", probing, timer)
			}
		}
		time.Sleep(firstPause)
		synctest.Wait()
		if probes.Load() == 0 {
			t.Error("have no probe when the new timer fires")
		}
	})
}
