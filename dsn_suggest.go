package pooled

import (
	"fmt"
	"strings"
)

// maxEdits is how far a key may be from the nearest known one to count as a misspelling of it.
const maxEdits = 3

// errUnknownKey names the nearest known key. The unknown one is shown only if it resembles it: what resembles nothing may
// be part of a password that was not encoded.
func errUnknownKey(key string, show bool) error {
	if len(key) > 40 {
		key, show = key[:40], false
	}
	nearest, distance := nearestKey(key)
	if !show || distance > maxEdits || !plain(key) {
		return fmt.Errorf("pooled: unknown key that begins with pool_: the nearest known key is %s", nearest)
	}
	return fmt.Errorf("pooled: unknown key %s: did you mean %s?", key, nearest)
}

// calledOtherwise are keys of pgxpool's and SQLAlchemy's that are called otherwise here.
var calledOtherwise = map[string]string{
	"pool_min_conns":           "pool_min_idle",
	"pool_health_check_period": "pool_pre_ping",
	"pool_logging_name":        "pool_name",
}

// nearestKey returns the known key with the fewest edits from key, and that number. Case is one edit, however often wrong.
func nearestKey(key string) (nearest string, distance int) {
	folded := strings.ToLower(key)
	if known, ok := calledOtherwise[folded]; ok {
		return known, 1
	}
	for _, o := range options {
		for _, name := range append([]string{o.Key}, o.Aliases...) {
			if len(folded) > len("pool_x") && strings.HasPrefix(name, folded) {
				return name, 1 // its beginning
			}
			if d := editDistance(folded, name); nearest == "" || d < distance {
				nearest, distance = name, d
			}
		}
	}
	return nearest, distance
}

// editDistance is Levenshtein's: insertions, deletions and replacements of one byte.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// plain reports whether a key or value is short and needs no quoting, so that it can stand in an error of one line. No value
// of ours has an @ or a slash in it; the rest of a URL behind a forgotten & has.
func plain(s string) bool { return !strings.Contains(s, "/") && plainName(s) }

// plainName is plain for the name of a driver, such as pgx/v5.
func plainName(s string) bool {
	const special = "_-.,:%+/"
	return len(s) <= 40 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(special, r))
	})
}
