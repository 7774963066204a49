package postgres

import (
	"strings"

	"github.com/pooled-go/pooled/internal/sqltext"
)

// namesMoment looks for a literal such as 'now' or 'today': PostgreSQL turns it into a moment when it reads the text,
// so in a prepared statement it stands still (its documentation, "Special Values" of date/time types). now() by
// itself, a function, does not. Where it is not plain what is a literal, everything is, and what may hide a word is
// taken for one.
func namesMoment(query string) bool {
	if hidesWords(query) {
		return true
	}
	plain := plainLiterals(query)
	inside := !plain
	for at := range len(query) {
		if query[at] == '\'' && plain {
			inside = !inside
		}
		if inside && momentAt(query, at) {
			return true
		}
	}
	return false
}

// hidesWords tells whether a literal may say a word otherwise than by its letters in a row: E'…' and U&'…' with
// escapes, and one that goes on on another line.
func hidesWords(query string) bool {
	escapes := strings.IndexByte(query, '\\') >= 0
	for at := range len(query) {
		if query[at] != '\'' {
			continue
		}
		escaped := escapes && at > 0 && (sqltext.Lower(query[at-1]) == 'e' || query[at-1] == '&')
		if escaped || goesOn(query[at+1:]) {
			return true
		}
	}
	return false
}

// plainLiterals tells whether quotes alone say where literals begin and end: no comments, and no $$…$$.
func plainLiterals(query string) bool {
	for at := range len(query) {
		if query[at] == '$' && (at+1 == len(query) || query[at+1] < '0' || query[at+1] > '9') {
			return false
		}
	}
	return !strings.Contains(query, "--") && !strings.Contains(query, "/*") && strings.Count(query, "'")%2 == 0
}

// goesOn tells whether a literal that ends here goes on on another line.
func goesOn(rest string) bool {
	trimmed := strings.TrimLeft(rest, " \t\r\n\f\v")
	return trimmed != "" && trimmed[0] == '\'' && strings.ContainsAny(rest[:len(rest)-len(trimmed)], "\r\n")
}

// momentAt tells whether one of the words stands here. All but letters and digits goes for a blank in such a literal.
func momentAt(query string, at int) bool {
	if at > 0 && isLetter(query[at-1]) {
		return false
	}
	for _, name := range [...]string{"now", "today", "tomorrow", "yesterday"} {
		if sqltext.HasPrefixFold(query[at:], name) && (at+len(name) == len(query) || !isLetter(query[at+len(name)])) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return sqltext.IsWord(c) && c != '_' && c != '$' }
