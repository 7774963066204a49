package option

import (
	"fmt"
	"strings"

	"github.com/pooled-go/pooled/internal/spelling"
)

// Nearest returns the key or alias with the fewest edits from key, and how many they are. Upper case costs one edit,
// however often it is wrong, and so do a name of Elsewhere and the beginning of a key.
func (t Table[C]) Nearest(key string) (nearest string, distance int) {
	folded := strings.ToLower(key)
	for _, r := range t {
		for _, name := range r.elsewhere {
			if name == folded {
				return r.Key, 1
			}
		}
	}
	for _, r := range t {
		for _, name := range r.names() {
			if len(folded) > len("pool_x") && strings.HasPrefix(name, folded) {
				return name, 1
			}
			if d := spelling.Distance(folded, name); nearest == "" || d < distance {
				nearest, distance = name, d
			}
		}
	}
	return nearest, distance
}

// mostEdits is how far a key may be from the nearest known one to count as a misspelling of it.
const mostEdits = 3

// ErrUnknown names the key of the table that is nearest to one that is not in it. That one is shown only if it may be,
// and resembles a known key: what resembles nothing may be part of a password that was not encoded.
func (t Table[C]) ErrUnknown(key string, show bool) error {
	if len(key) > 40 {
		key, show = key[:40], false
	}
	nearest, distance := t.Nearest(key)
	if !show || distance > mostEdits {
		return fmt.Errorf("pooled: unknown key that begins with pool_: the nearest known key is %s", nearest)
	}
	return fmt.Errorf("pooled: unknown key %s: did you mean %s?", key, nearest)
}

// ErrTwice says that two keys of a DSN mean the same option.
func ErrTwice(before, key string) error {
	if before == key {
		return fmt.Errorf("pooled: %s is given twice", key)
	}
	return fmt.Errorf("pooled: %s and %s set the same option: give one of them", before, key)
}
