package dsn

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pooled-go/pooled/internal/spelling"
	"github.com/pooled-go/pooled/internal/visible"
)

// Redactor takes the passwords of a pool's DSNs out of what is logged, kept and shown. They should not get there, but a
// driver may repeat its DSN in an error, and a program may write ALTER USER. Every text is cleaned before it is kept;
// the one exception are the statements of server connections, see Pool.learn.
type Redactor struct {
	state atomic.Pointer[redacting] // nil: there are no secrets

	mu    sync.Mutex
	own   []string   // of the pool's own DSN: never forgotten
	given [][]string // of the DSNs that BeforeConnect hooks made, the one that was used last at the end
}

// secretLeast is how long a secret must be to be looked for in a text: shorter ones are in every text.
const leastSecret = 3

// givenMost is for how many DSNs of BeforeConnect hooks the secrets are remembered.
const Remembered = 100

// Keep adds the secrets of a DSN that are never forgotten, and those among the arguments that were merged into it: they
// may be in no DSN that can be seen.
func (r *Redactor) Keep(dsn string, args map[string]string) {
	secrets := passwordsOf(dsn)
	for key, value := range args {
		if namesPassword(key) {
			secrets = append(secrets, value)
		}
	}
	secrets = searchable(secrets)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own = append(r.own, secrets...)
	r.changedLocked()
}

// Learn adds the secrets of a DSN that a hook made, and reports whether they are more than are remembered.
func (r *Redactor) Learn(dsn string) (tooMany bool) {
	secrets := passwordsOf(dsn)
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(known []string) bool { return slices.Equal(known, secrets) }
	if n := len(r.given); n > 0 && same(r.given[n-1]) || len(secrets) == 0 {
		return false
	}
	known := slices.ContainsFunc(r.given, same)
	r.given = append(slices.DeleteFunc(r.given, same), secrets)
	if !known {
		r.changedLocked()
	}
	return len(r.given) > Remembered
}

// Forget leaves as many as are remembered.
func (r *Redactor) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if over := len(r.given) - Remembered; over > 0 {
		r.given = slices.Delete(r.given, 0, over)
		r.changedLocked()
	}
}

func (r *Redactor) changedLocked() {
	secrets := slices.Sorted(slices.Values(append(slices.Concat(r.given...), r.own...)))
	if len(secrets) == 0 {
		return // there never were any
	}
	state := &redacting{}
	for _, secret := range slices.Compact(secrets) {
		for _, first := range spelling.Begins(secret) {
			state.begin[first] = append(state.begin[first], secret)
		}
	}
	r.state.Store(state)
}

// redacting are the secrets, by the bytes with which their spellings begin.
type redacting struct{ begin [256][]string }

// replace is a text without secrets, or where that is longer than limit the beginning of it, which is longer too.
func (s *redacting) replace(text string, limit int) string {
	var b strings.Builder
	i, shown := 0, 0 // text[:shown] is in b, or masked there
	for ; i < len(text) && i-shown <= limit-b.Len(); i++ {
		end := i + s.length(text[i:])
		if end == i {
			continue
		}
		b.WriteString(text[shown:i] + Masked)
		// What begins within a secret and ends behind it goes with it.
		for i++; i < end; i++ {
			end = max(end, i+s.length(text[i:]))
		}
		i, shown = end-1, end
	}
	if shown == 0 {
		return text[:i]
	}
	return b.String() + text[shown:i]
}

// length is that of the longest secret with which a text begins.
func (s *redacting) length(text string) (longest int) {
	for _, secret := range s.begin[text[0]] {
		longest = max(longest, spelling.Length(text, secret))
	}
	return longest
}

// replace is redacting.replace with the secrets of now.
func (r *Redactor) replace(text string, limit int) string {
	if state := r.state.Load(); state != nil {
		return state.replace(text, limit)
	}
	return text
}

// Clean is a text without secrets.
func (r *Redactor) Clean(text string) string { return r.replace(text, math.MaxInt) }

// Clip is a text without secrets, cut: in this order, or half of a secret would be left.
func (r *Redactor) Clip(text string, limit int) string { return Cut(r.replace(text, limit), limit) }

// Head is clip for bytes that need not be text.
func (r *Redactor) Head(text string, limit int) string {
	text = r.replace(text, limit)
	return text[:min(len(text), limit)]
}

// Log is a text as it goes into a log: handlers quote line breaks, and not all of them all that does something to a
// terminal.
func (r *Redactor) Log(text string) string { return visible.Text(r.Clean(text)) }

// Error is the error itself or, if there is a secret in its text, one without it that wraps it.
func (r *Redactor) Error(err error) error {
	if err == nil {
		return nil
	}
	text := fmt.Sprint(err) // if its method panics, fmt says so
	if clean := r.Clean(text); clean != text {
		return &cleanedError{clean, err}
	}
	return err
}

// Cut is a copy of what fits of a text.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:limit-len("…")]), "") + "…"
}

// cleanedError has the text of another error, without the secrets in it.
type cleanedError struct {
	text string
	of   error
}

func (e *cleanedError) Error() string { return e.text }

// Unwrap is for errors.Is and errors.As. What they find is as the driver made it.
func (e *cleanedError) Unwrap() error { return e.of }

// Format shows nothing but the text, whatever the verb.
func (e *cleanedError) Format(f fmt.State, verb rune) {
	io.WriteString(f, fmt.Sprintf(fmt.FormatString(f, verb), e.text))
}
