package hosts

// Connected reports whether there ever was a connection.
func (s *Set) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected
}
