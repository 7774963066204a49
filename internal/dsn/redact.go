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

// Redactor takes the passwords of a pool's DSNs out of what is logged, kept and shown: a driver may repeat its DSN in
// an error, and a program may write ALTER USER. The zero Redactor knows no secrets. What is kept should be cleaned
// before: a secret that is forgotten is not masked any more.
type Redactor struct {
	state atomic.Pointer[secretSet] // nil: there are no secrets

	mu    sync.Mutex
	own   []string   // kept: never forgotten
	given [][]string // learnt, by DSN, the one that was used last at the end
}

// leastSecret is how long a secret must be to be looked for in a text: shorter ones occur by chance.
const leastSecret = 3

// Remembered is for how many DSNs that were learnt the secrets are remembered.
const Remembered = 100

// Keep adds the secrets of a DSN, and those among arguments that are merged into one. They are never forgotten.
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

// Learn adds the secrets of a DSN. It reports whether there are more now than are remembered: then the caller cleans
// what it has kept and calls Forget.
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

// Forget forgets the secrets that were learnt first, so that as many are left as are remembered.
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
	state := &secretSet{}
	for _, secret := range slices.Compact(secrets) {
		for _, first := range spelling.Begins(secret) {
			state.begin[first] = append(state.begin[first], secret)
		}
	}
	r.state.Store(state)
}

// secretSet holds secrets by the bytes with which their spellings begin.
type secretSet struct{ begin [256][]string }

// replace returns a text without secrets. If that is longer than limit, its end may be missing, but not before limit.
func (s *secretSet) replace(text string, limit int) string {
	var b strings.Builder
	i, shown := 0, 0 // text[:shown] is in b, or masked there
	for ; i < len(text) && i-shown <= limit-b.Len(); i++ {
		end := i + s.length(text[i:])
		if end == i {
			continue
		}
		b.WriteString(text[shown:i] + Masked)
		// A secret that begins within another one and ends behind it is masked with it.
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

// length returns the length of the longest secret with which a text begins.
func (s *secretSet) length(text string) (longest int) {
	for _, secret := range s.begin[text[0]] {
		longest = max(longest, spelling.Length(text, secret))
	}
	return longest
}

// replace is secretSet.replace with those that are known now.
func (r *Redactor) replace(text string, limit int) string {
	if state := r.state.Load(); state != nil {
		return state.replace(text, limit)
	}
	return text
}

// Clean returns a text without secrets.
func (r *Redactor) Clean(text string) string { return r.replace(text, math.MaxInt) }

// Clip returns a text without secrets, cut to limit bytes. It is cut when it is clean: half of a secret would not be
// found.
func (r *Redactor) Clip(text string, limit int) string {
	return visible.Cut(r.replace(text, limit), limit)
}

// Head is Clip for bytes that need not be text.
func (r *Redactor) Head(text string, limit int) string {
	text = r.replace(text, limit)
	return text[:min(len(text), limit)]
}

// Log returns a text for a log: without secrets, and without what does something to a terminal. Line breaks stay, which
// every handler quotes.
func (r *Redactor) Log(text string) string { return visible.Text(r.Clean(text)) }

// Error returns the error itself or, if there is a secret in its text, an error that wraps it and has a clean text.
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
