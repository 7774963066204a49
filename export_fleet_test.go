package pooled

import "time"

// DueAfter gives the ages at which new server connections of a pool are due to be replaced, one by one.
func DueAfter(cfg Config) func() time.Duration {
	p := &Pool{cfg: &cfg}
	return func() time.Duration {
		due, _ := p.leftLocked(&ServerConn{maxAge: ageLimit(p.cfg)}, moment{})
		return due
	}
}
