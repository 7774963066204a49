package observe_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/observe"
)

// masker is a Redactor that knows one secret.
type masker struct {
	mu     sync.Mutex
	secret string
}

func (m *masker) learn(secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secret = secret
}

func (m *masker) Clean(text string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.secret == "" {
		return text
	}
	return strings.ReplaceAll(text, m.secret, "***")
}

func (m *masker) Head(text string, limit int) string {
	text = m.Clean(text)
	return text[:min(len(text), limit)]
}

func (m *masker) Clip(text string, limit int) string {
	if clean := m.Clean(text); len(clean) > limit {
		return clean[:limit] + "…"
	}
	return m.Clean(text)
}

func (m *masker) Log(text string) string { return strings.ReplaceAll(m.Clean(text), "\n", `\n`) }

// shown are the entries of a journal as texts.
func shown(j *observe.Journal) (list []string) {
	for _, e := range j.Read() {
		list = append(list, strings.TrimSpace(fmt.Sprint(e.Name, " ", e.Conn, " ", e.Detail)))
	}
	return list
}

func TestJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j observe.Journal
		j.Init(new(masker))
		if have := j.Read(); len(have) != 0 {
			t.Errorf("at first: have %v", have)
		}
		began := time.Now()
		j.Add("connect", 1, nil)
		time.Sleep(time.Second)
		j.Add("close", 1, errors.New("old"))
		if have, want := shown(&j), []string{"connect 1", "close 1 old"}; !slices.Equal(have, want) {
			t.Errorf("have %q, want %q", have, want)
		}
		for i, want := range []time.Duration{0, time.Second} {
			if have := j.Read()[i].Time.Sub(began); have != want {
				t.Errorf("event %d: have time %v, want %v", i, have, want)
			}
		}
	})
}

// The same in a row is one event, if it is not about one connection. It has the text of the last, but those of one
// moment are not asked for theirs.
func TestJournalCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j observe.Journal
		j.Init(new(masker))
		for n := range 3 {
			j.Add("timeout", 0, fmt.Errorf("after %ds", n))
			j.Add("timeout", 0, errors.New("at the same moment"))
			time.Sleep(time.Second)
		}
		j.Add("dispose", 0, nil)
		j.Add("dispose", 0, nil)
		j.Add("timeout", 0, nil)
		j.Add("connect", 1, nil)
		j.Add("connect", 2, nil)
		want := []string{
			"timeout 0 after 2s (6 times in a row)", "dispose 0 (2 times in a row)", "timeout 0", "connect 1", "connect 2",
		}
		if have := shown(&j); !slices.Equal(have, want) {
			t.Errorf("have %q\nwant %q", have, want)
		}
	})
}

func TestJournalIsARing(t *testing.T) {
	var j observe.Journal
	j.Init(new(masker))
	for n := range uint64(250) {
		j.Add("connect", n+1, nil)
	}
	list := j.Read()
	if len(list) != 100 || list[0].Conn != 151 || list[99].Conn != 250 {
		t.Errorf("have %d, from %d to %d, want 100, from 151 to 250", len(list), list[0].Conn, list[len(list)-1].Conn)
	}
	j.Add("dispose", 0, nil)
	j.Add("dispose", 0, nil) // is that of before, wherever the ring begins
	if have := shown(&j); len(have) != 100 || have[99] != "dispose 0 (2 times in a row)" || have[98] != "connect 250" {
		t.Errorf("have %d, at the end %q", len(have), have[98:])
	}
}

// panicking is an error of others that can't be asked.
type panicking struct{}

func (panicking) Error() string { panic("no text") }

func TestJournalDetails(t *testing.T) {
	mask := new(masker)
	var j observe.Journal
	j.Init(mask)
	j.Add("close", 1, errors.New("it says tiger and lion"))
	mask.learn("tiger")
	j.Add("close", 2, errors.New("it says tiger and lion"))
	mask.learn("lion") // later than the events
	j.Add("close", 3, errors.New(strings.Repeat("x", 2000)))
	j.Add("close", 4, panicking{})
	have := shown(&j)
	for i, want := range []string{"close 1 it says tiger and ***", "close 2 it says *** and ***"} {
		if have[i] != want {
			t.Errorf("have %q, want %q", have[i], want)
		}
	}
	if n := len(have[2]); n < 1000 || n > 1020 {
		t.Errorf("a long cause: have %d bytes, want about 1000", n)
	}
	if !strings.Contains(have[3], "no text") {
		t.Errorf("an error that panics: have %q", have[3])
	}
}

func TestJournalAtOnce(t *testing.T) {
	var j observe.Journal
	j.Init(new(masker))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				j.Add("timeout", 0, nil)
				j.Read()
			}
		})
	}
	wg.Wait()
	if have := shown(&j); len(have) != 1 || have[0] != "timeout 0 (400 times in a row)" {
		t.Errorf("have %q", have)
	}
}
