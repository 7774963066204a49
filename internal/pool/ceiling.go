package pool

import "time"

// ceiling is how many slots the server accepted before an error said that there are as many as there can be. It is
// tried from time to time whether one more is possible. It is guarded by Pool.mu.
type ceiling struct {
	most  int   // Unlimited: none is known
	err   error // what said so
	probe chore
}

func newCeiling() ceiling {
	return ceiling{most: Unlimited, probe: chore{pause: backoff{first: time.Second, most: 30 * time.Second}}}
}

// lowerCeilingLocked learns the ceiling from an error.
func (p *Pool[T]) lowerCeilingLocked(err error) {
	p.ceiling.err = err
	if p.ceiling.most = p.establishedLocked() + len(p.openings); p.closed {
		return
	}
	p.ceiling.probe.arm(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ceiling.probe.armed = false
		if p.ceiling.most != Unlimited && !p.closed {
			p.ceiling.most = p.totalLocked() + 1
			p.openLocked(p.ctx)
		}
	})
}

// raiseCeilingLocked is told that one was opened: the server accepts more again.
func (p *Pool[T]) raiseCeilingLocked() {
	if p.ceiling.most != Unlimited {
		p.ceiling.most, p.ceiling.err = Unlimited, nil
		p.ceiling.probe.pause.reset()
	}
}
