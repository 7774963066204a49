package pooled

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// redactor takes the passwords of a pool's DSNs out of what is logged, kept and shown. They should not get there, but a
// driver may repeat its DSN in an error, and a program may write ALTER USER.
type redactor struct {
	replacer atomic.Pointer[strings.Replacer] // nil: there are no secrets

	mu   sync.Mutex
	dsns []string // the last few
}

// secretLeast is how long a secret must be to be looked for in a text: shorter ones are in every text.
const secretLeast = 3

// learn adds the secrets of a DSN.
func (r *redactor) learn(dsn string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if dsn == "" || slices.Contains(r.dsns, dsn) {
		return
	}
	r.dsns = append(r.dsns[max(0, len(r.dsns)+1-recentMost):], dsn)
	var secrets []string
	for _, dsn := range r.dsns {
		secrets = append(secrets, secretsOf(dsn)...)
	}
	// Of two at the same place the longer one has to go.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, secret := range secrets {
		if len(secret) >= secretLeast {
			pairs = append(pairs, secret, masked, url.QueryEscape(secret), masked)
		}
	}
	if len(pairs) > 0 {
		r.replacer.Store(strings.NewReplacer(pairs...))
	}
}

// secretsOf are the secrets of a DSN as they are written, and as a driver may have decoded them. Of one
// that is not understood, that is all of it.
func secretsOf(dsn string) []string {
	spans, understood := secretSpans(dsn)
	if !understood {
		return []string{dsn}
	}
	var secrets []string
	for _, s := range spans {
		secrets = append(secrets, variants(dsn[s.start:s.end])...)
	}
	return secrets
}

// clean is a text without secrets.
func (r *redactor) clean(text string) string {
	if replacer := r.replacer.Load(); replacer != nil && text != "" {
		return replacer.Replace(text)
	}
	return text
}
