package dsn

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func isPgx(driver string) bool { return driver == "pgx" || driver == "pgx/v5" }

// kvKeys are the keys of which a PostgreSQL keyword/value DSN holds at least one.
var kvKeys = []string{"host", "hostaddr", "port", "user", "password", "dbname", "database", "service", "sslmode",
	"passfile",
	"application_name", "fallback_application_name", "connect_timeout", "options"}

func fitsKV(dsn string) bool {
	l, ok := kvSyntax.scan(dsn)
	known := false
	for _, p := range l.params {
		if strings.Trim(p.key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
			return false
		}
		known = known || slices.Contains(kvKeys, p.key)
	}
	return ok && known
}

// looksBroken reports a keyword/value DSN that its driver would refuse.
func looksBroken(dsn string) bool {
	l, ok := kvSyntax.scan(dsn)
	return !ok && len(l.params) > 0 && slices.Contains(kvKeys, l.params[0].key)
}

func asciiSpace(r rune) bool { return r < utf8.RuneSelf && unicode.IsSpace(r) }

func scanLibpqURL(dsn string) (layout, bool) {
	start := strings.Index(dsn, "://") + len("://")
	if i := strings.IndexAny(dsn[start:], "@/"); i >= 0 && dsn[start+i] == '@' {
		start += i
	}
	q := strings.IndexByte(dsn[start:], '?')
	if q >= 0 {
		q += start
	}
	// Blanks around a key are dropped, encoded ones too.
	return scanQuery(dsn, q, len(dsn), func(k string) string { return strings.Trim(decodeKey(k), " ") }), true
}

// scanKV reads keyword = value pairs: white space around the '=' is allowed, a value may stand in single quotes, and a
// backslash makes the next character literal, in quotes and outside.
func scanKV(dsn string, space func(rune) bool) (layout, bool) {
	l := layout{dsn: dsn, to: len(dsn)}
	skip := func(i int) int {
		return len(dsn) - len(strings.TrimLeftFunc(dsn[i:], space))
	}
	for i := skip(0); i < len(dsn); i = skip(i) {
		start := i
		for i < len(dsn) && dsn[i] != '=' {
			r, n := utf8.DecodeRuneInString(dsn[i:])
			if space(r) {
				break
			}
			i += n
		}
		key := dsn[start:i]
		i = skip(i)
		if i == len(dsn) || dsn[i] != '=' {
			return l, false
		}
		end := i + 1
		value, ok := "", true
		if i = skip(end); i < len(dsn) {
			value, i, ok = scanKVValue(dsn, i, space)
			end = i
		}
		if !ok {
			return l, false
		}
		l.params = append(l.params, param{start, end, key, value})
	}
	return l, true
}

// scanKVValue reads the value that begins at i and returns where it ends.
func scanKVValue(dsn string, i int, space func(rune) bool) (value string, end int, ok bool) {
	quoted := dsn[i] == '\''
	if quoted {
		i++
	}
	var b strings.Builder
	for i < len(dsn) {
		r, n := utf8.DecodeRuneInString(dsn[i:])
		switch {
		case quoted && r == '\'':
			return b.String(), i + 1, true
		case !quoted && space(r):
			return b.String(), i, true
		case r == '\\' && i+1 < len(dsn):
			i++
			_, n = utf8.DecodeRuneInString(dsn[i:])
		}
		b.WriteString(dsn[i : i+n])
		i += n
	}
	return b.String(), i, !quoted
}

func quoteKV(v string) string {
	if v != "" && IsPlain(v) {
		return v
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}

// dropReplaced takes away the parts of a PostgreSQL URL that arguments in its query replace.
func dropReplaced(host, tail string, args map[string]string) (string, string) {
	bare := withoutPort(host)
	if _, ok := args["port"]; ok {
		host = bare
	}
	if _, ok := args["host"]; ok {
		host = host[len(bare):]
	}
	_, dbname := args["dbname"]
	_, database := args["database"]
	if strings.HasPrefix(tail, "/") && (dbname || database) {
		if i := strings.IndexAny(tail, "?#"); i >= 0 {
			tail = tail[i:]
		} else {
			tail = ""
		}
	}
	return host, tail
}
