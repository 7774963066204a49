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
// so are all of the same name in a row that are not about one connection: it has the text
// of the last, or of one that came at most 10ms before.
func (j *Journal) Add(name string, conn uint64, cause error) {
	now := time.Now()
	if conn == 0 && j.addSame(name, now) {
		return
	}
	e := counted{Entry: Entry{Time: now, Name: name, Conn: conn}, times: 1}
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

// sameMoment is how long a text stands for those of the same events in a row: when ten
// thousand callers give up at once, to make each text would cost more than all the rest.
const sameMoment = 10 * time.Millisecond

// addSame counts an event that happens as good as at the moment of the last one, which was
// the same.
func (j *Journal) addSame(name string, now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	last := j.lastLocked()
	if last == nil || last.Name != name || now.Sub(last.Time) > sameMoment {
		return false
	}
	last.times++
	return true
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
