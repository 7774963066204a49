package dsn

import (
	"slices"
	"strings"

	"github.com/pooled-go/pooled/internal/spelling"
)

// Masked stands for what is not shown.
const Masked = "xxxxx"

// secretWords are in the keys whose values are masked. Some too many are masked, such as the name of a key's file, but
// none too few.
var secretWords = []string{"pass", "pwd", "secret", "token", "key", "cred", "auth"}

func isSecret(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(key, w) }) || isMisspelt(key)
}

// isMisspelt reports a key that was probably meant to be password.
func isMisspelt(key string) bool {
	const slips = 2
	return len(key) >= len("passwd") && spelling.Distance(key, "password") <= slips
}

// holdsSecret reports a parameter whose value is masked: one with a secret's name, or SQL, in which a secret may stand
// (SET PASSWORD, PRAGMA key).
func holdsSecret(p param, value string) bool {
	switch {
	case p.key == "pool_init_sql":
		return true
	case IsOption(p.key):
		return false
	}
	return isSecret(p.key) || p.key == "_pragma" && isSecret(value)
}

// span is a secret's place in a DSN: dsn[start:end].
type span struct{ start, end int }

// secretSpans returns the parts of a DSN that must not be shown. If it is not understood, secrets may be anywhere in
// it.
func secretSpans(dsn string) (spans []span, understood bool) {
	f, err := Detect(dsn)
	if err != nil {
		return nil, false
	}
	l, ok := f.syntax.scan(dsn)
	spans = swallowed(dsn, l)
	secret := false
	for _, p := range l.params {
		eq := strings.IndexByte(dsn[p.start:p.end], '=')
		switch {
		case eq >= 0:
			if secret = holdsSecret(p, dsn[p.start+eq+1:p.end]); secret {
				spans = append(spans, span{p.start + eq + 1, p.end})
			}
		case secret:
			// A word without = behind a password is the rest of it: a separator in the password was not encoded.
			spans = append(spans, span{p.start, p.end})
		}
	}
	switch at := strings.LastIndexByte(dsn, '@'); {
	case f.scheme != "":
		if l.to < len(dsn) {
			// A fragment means nothing to a database, so a # in a password was not encoded.
			spans = append(spans, span{l.to + 1, len(dsn)})
		}
		// The last @ of all, not that of the authority, which ends early if the password was not encoded.
		start := strings.Index(dsn, "://") + len("://")
		colon := strings.IndexByte(dsn[start:], ':')
		switch {
		case start >= at:
		case f.family == otherFamily && (imports[f.scheme] == "" || colon < 0 || start+colon > at):
			// Some drivers take a token in the place of the user, and what looks like a scheme may be none.
			spans = append(spans, span{start, at})
		case colon >= 0 && start+colon < at:
			spans = append(spans, span{start + colon + 1, at})
		}
	case f.family == mysqlFamily:
		colon := strings.IndexByte(dsn, ':')
		switch {
		case at >= 0 && strings.Contains(mysqlParts(dsn).user, "="): // it may be a key, and what follows its value
			spans = append(spans, span{0, at})
		case colon >= 0 && colon < at:
			spans = append(spans, span{colon + 1, at})
		}
	}
	if f.scheme != "" {
		// A scheme that nobody knows may be a user whose password begins with two slashes.
		known := schemes[f.scheme].family != otherFamily || imports[f.scheme] != ""
		return spans, strings.Contains(dsn, "@") || known && hasPlainHost(dsn)
	}
	if f.family == sqliteFamily && strings.Contains(dsn, "@") {
		// user/password@host/name passes for a path unless it begins like one, and so does a URL without its scheme.
		path := dsn[0] == '/' && !strings.HasPrefix(dsn, "//") || dsn[0] == '.'
		return spans, strings.HasPrefix(dsn, "file:") || path
	}
	return spans, ok && f.family != otherFamily
}

// swallowed returns the secrets within the values of other parameters, where another separator was meant: for lib/pq,
// user=scott;password=tiger is one parameter.
func swallowed(dsn string, l layout) (spans []span) {
	for _, p := range l.params {
		_, value, ok := strings.Cut(dsn[p.start:p.end], "=")
		for start := p.end - len(value); ok && !IsOption(p.key); {
			var before string
			if before, value, ok = strings.Cut(value, "="); !ok {
				break
			}
			start += len(before) + 1
			if key := before[strings.LastIndexAny(before, ";&?, \t\r\n")+1:]; isSecret(key) {
				spans = append(spans, span{start, p.end})
				break
			}
		}
	}
	return spans
}

// hasPlainHost reports a URL without a user whose host and port can't be a user and a password with the @ left out.
func hasPlainHost(dsn string) bool {
	_, rest, _ := cutScheme(dsn)
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	host := withoutPort(rest)
	if strings.Contains(host, ":") && host[0] != '[' {
		return false
	}
	port := strings.TrimPrefix(rest[len(host):], ":")
	return host == rest || port != "" && strings.Trim(port, "0123456789,") == ""
}

// Mask returns a DSN with its secrets masked. Of one that is not understood, all but the options is masked.
func Mask(dsn string) string {
	if dsn == "" {
		return ""
	}
	spans, understood := secretSpans(dsn)
	if !understood {
		f, err := Detect(dsn)
		if err != nil {
			return Masked
		}
		own := Masked
		f.syntax.remove(f.layout, func(p param) bool {
			if IsOption(p.key) {
				own += " " + strings.TrimSpace(dsn[p.start:p.end])
			}
			return false
		})
		return own
	}
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	var b strings.Builder
	done := 0
	for _, s := range spans {
		if s.end <= done {
			continue
		}
		b.WriteString(dsn[done:max(s.start, done)])
		b.WriteString(Masked)
		done = s.end
	}
	b.WriteString(dsn[done:])
	return b.String()
}
