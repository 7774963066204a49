package observe

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Entry is an event in a [Journal].
type Entry struct {
	Time   time.Time
	Name   string
	Conn   uint64 // the connection's number, 0: none
	Detail string
}

const (
	// journalSize is how many of the last events are remembered.
	journalSize = 100
	// detailLimit bounds what is kept of a cause.
	detailLimit = 1000
)

// Journal remembers the last 100 events, in a ring.
type Journal struct {
	redact Redactor

	mu    sync.Mutex
	ring  []counted
	first int
}

// counted is an event, and how often the same happened in a row.
type counted struct {
	Entry
	times int
}

// Init is called once, before all else.
func (j *Journal) Init(redact Redactor) { j.redact = redact }

// Add keeps an event, with the text of its cause, if there is one, without the secrets
// that are known now. A thousand callers that run into their timeouts are one event, and
// so are all of the same name in a row that are not about one connection.
func (j *Journal) Add(name string, conn uint64, cause error) {
	e := counted{Entry: Entry{Time: time.Now(), Name: name, Conn: conn}, times: 1}
	if cause != nil {
		e.Detail = j.redact.Clip(textOf(cause), detailLimit)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if last := j.lastLocked(); last != nil && conn == 0 && last.Name == name {
		e.times += last.times
		*last = e
		return
	}
	if len(j.ring) < journalSize {
		j.ring = append(j.ring, e)
		return
	}
	j.ring[j.first] = e
	j.first = (j.first + 1) % journalSize
}

func (j *Journal) lastLocked() *counted {
	if len(j.ring) == 0 {
		return nil
	}
	return &j.ring[(j.first+len(j.ring)-1)%len(j.ring)]
}

// Read returns the events that are remembered, oldest first.
func (j *Journal) Read() []Entry {
	j.mu.Lock()
	entries := slices.Concat(j.ring[j.first:], j.ring[:j.first])
	j.mu.Unlock()
	list := make([]Entry, len(entries))
	for i, e := range entries {
		// A statement may have set a password that became known later.
		e.Detail = j.redact.Clean(e.Detail)
		if e.times > 1 {
			e.Detail = strings.TrimSpace(fmt.Sprintf("%s (%d times in a row)", e.Detail, e.times))
		}
		list[i] = e.Entry
	}
	return list
}

// textOf is the text of an error of others: if its method panics, fmt says so.
func textOf(err error) string { return fmt.Sprint(err) }
