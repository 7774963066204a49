package hosts

// lock and unlock are around all changes. Probes are planned by what is known then, and when the lock is free others
// are told. Whoever waits for a change is told first: what a program does at an event may take long.
func (s *Set) lock() { s.mu.Lock() }

func (s *Set) unlock() {
	s.plan()
	changed, starts := s.changed, s.starts
	if changed {
		close(s.change)
		s.change = make(chan struct{})
	}
	s.changed, s.starts = false, nil
	events := len(s.events) > 0
	s.mu.Unlock()
	if changed {
		s.cfg.Changed()
	}
	for _, start := range starts {
		start()
	}
	if events {
		s.tellEvents()
	}
}

// tell is for events, which are told in their order.
func (s *Set) tell(f func()) {
	if s.ctx.Err() == nil {
		s.events = append(s.events, f)
	}
}

// tellEvents tells what there is to tell, unless somebody else does.
func (s *Set) tellEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.events) > 0 && !s.telling {
		event := s.events[0]
		s.events, s.telling = s.events[1:], true
		s.tellOne(event)
	}
}

// tellOne is called with the lock, and frees it meanwhile.
func (s *Set) tellOne(event func()) {
	s.mu.Unlock()
	defer func() { // also if it panics
		s.mu.Lock()
		s.telling = false
	}()
	event()
}
