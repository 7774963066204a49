package dsn

import (
	"strconv"
	"strings"
	"unicode"
)

// IsPlain reports whether a key or value is short and needs no quotes, so that it can stand in an error of one line.
// One with an @ or a slash is not: no option has a value like that, but the rest of a URL behind a forgotten & has.
func IsPlain(s string) bool { return !strings.Contains(s, "/") && isPlainName(s) }

// Shown is a value as it can stand in an error of one line: also one that is plain but for quotes or white space around
// it. White space within it is given as the reason why it is not shown: that is where a password may begin.
func Shown(value string) string {
	switch trimmed := strings.TrimSpace(value); {
	case IsPlain(strings.Trim(trimmed, "'\"")) && trimmed == value:
		return value
	case IsPlain(trimmed) && trimmed != "":
		return strconv.Quote(value)
	case strings.ContainsFunc(trimmed, unicode.IsSpace):
		return "(not shown: there is white space in it, and what follows it may be a password)"
	}
	return "(not shown)"
}

// IsDriverName reports whether a name can be that of a driver and stand in an error.
func IsDriverName(s string) bool { return s != "" && isPlainName(s) }

// isPlainName is IsPlain for the name of a driver, such as pgx/v5.
func isPlainName(s string) bool {
	const special = "_-.,:%+/"
	return len(s) <= 40 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
			strings.ContainsRune(special, r))
	})
}
