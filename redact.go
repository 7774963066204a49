package pooled

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// redactor takes the passwords of a pool's DSNs out of what is logged, kept and shown. They should not get there, but a
// driver may repeat its DSN in an error, and a program may write ALTER USER.
type redactor struct {
	state atomic.Pointer[redacting] // nil: there are no secrets

	mu   sync.Mutex
	dsns []string // the last few
}

type redacting struct {
	replacer *strings.Replacer
	longest  int // of the secrets, in bytes
}

// secretLeast is how long a secret must be to be looked for in a text: shorter ones are in every text.
const secretLeast = 3

// learn adds the passwords of a DSN.
func (r *redactor) learn(dsn string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if dsn == "" || slices.Contains(r.dsns, dsn) {
		return
	}
	r.dsns = append(r.dsns[max(0, len(r.dsns)+1-recentMost):], dsn)
	var secrets []string
	for _, dsn := range r.dsns {
		for _, secret := range passwordsOf(dsn) {
			if len(secret) >= secretLeast {
				secrets = append(secrets, spellings(secret)...)
			}
		}
	}
	if len(secrets) == 0 {
		return
	}
	// Of two at the same place the longer one has to go.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, secret := range secrets {
		pairs = append(pairs, secret, masked)
	}
	r.state.Store(&redacting{replacer: strings.NewReplacer(pairs...), longest: len(secrets[0])})
}

// spellings are a secret as it may stand in a text: as it is, in SQL, and in a URL.
func spellings(secret string) []string {
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	return []string{secret, strings.ReplaceAll(secret, "'", "''"), query, path, lowerHex(query), lowerHex(path)}
}

var hexByte = regexp.MustCompile("%[0-9A-F]{2}")

func lowerHex(escaped string) string { return hexByte.ReplaceAllStringFunc(escaped, strings.ToLower) }

// passwordsOf are the passwords of a DSN as they are written, and as a driver may have decoded them. They are fewer than what is
// masked where a DSN is shown: there, too much does no harm; here it would make other texts unreadable. Of one
// that is not understood, it is all of it.
func passwordsOf(dsn string) []string {
	spans, understood := secretSpans(dsn)
	if !understood {
		return []string{dsn}
	}
	other := map[int]bool{} // where values begin that are no passwords, whatever their key looks like
	f, _ := tellForm(dsn)
	l, _ := f.syntax.scan(dsn)
	for _, p := range l.params {
		if eq := strings.IndexByte(dsn[p.start:p.end], '='); eq >= 0 && !namesPassword(p.key) {
			other[p.start+eq+1] = true
		}
	}
	var list []string
	for _, s := range spans {
		if !other[s.start] {
			list = append(list, variants(dsn[s.start:s.end])...)
		}
	}
	return list
}

// namesPassword: password, sslpassword, _auth_pass, pwd, token; not allowNativePasswords, passfile, sslkey.
func namesPassword(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc([]string{"password", "passwd", "pass", "pwd", "secret", "token"}, func(end string) bool {
		return strings.HasSuffix(key, end)
	})
}

// clean is a text without secrets.
func (r *redactor) clean(text string) string {
	if state := r.state.Load(); state != nil && text != "" {
		return state.replacer.Replace(text)
	}
	return text
}

// clip is a text without secrets, cut: in this order, or half of a secret would be left.
func (r *redactor) clip(text string, limit int) string {
	return cut(r.clean(text[:min(len(text), r.kept(limit))]), limit)
}

// kept is how much of a text has to be kept for clip.
func (r *redactor) kept(limit int) int {
	if state := r.state.Load(); state != nil {
		return limit + state.longest + 1
	}
	return limit + 1
}
