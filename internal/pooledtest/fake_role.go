package pooledtest

import (
	"math"
	"strings"
)

// Demote makes a standby of the server: on all connections, and on those that are opened from now on, writes fail with
// err, and the server says that it takes none.
func (f *Fake) Demote(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal, f.refuses = err, math.MaxInt
}

// TakeOver puts a new primary in the place of the server: connections that are opened from now on take writes, those
// that are open stay where they are.
func (f *Fake) TakeOver() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuses = f.lastID
}

// refusesWrites is the error of a write on this connection, nil: it takes them.
func (c *conn) refusesWrites() error {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if c.id > c.f.refuses {
		return nil
	}
	return c.f.refusal
}

// refuseWrite is what a standby says to a write.
func (c *conn) refuseWrite(query string) error {
	switch word, _ := keyword(query); word {
	case "INSERT", "UPDATE", "DELETE":
		return c.refusesWrites()
	}
	return nil
}

// asksRole recognises PostgreSQL's question for the role of the server.
func asksRole(query string) bool { return strings.Contains(query, "pg_is_in_recovery()") }

func (c *conn) role() []resultSet {
	if c.refusesWrites() != nil {
		return single("standby", int64(1))
	}
	return single("standby", int64(0))
}
