package option

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pooled-go/pooled/internal/spelling"
)

// Nearest returns the key or alias that was probably meant by another one, and how many edits they are apart. What has
// that name elsewhere is one edit away, and so is upper case, however often it is wrong, and the beginning of a key.
func (t Table[C]) Nearest(key string) (nearest string, distance int) {
	if option, ok := t.meant(key); ok {
		return option, 1
	}
	folded := strings.ToLower(key)
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

// ErrUnknown names the option that was probably meant by a key that is not in the table. That one is shown only if it
// may be, and resembles a known key: what resembles nothing may be part of a password that was not encoded.
func (t Table[C]) ErrUnknown(key string, show bool) error {
	if len(key) > 40 {
		key, show = key[:40], false
	}
	nearest, distance := t.Nearest(key)
	switch {
	case distance > mostEdits:
		return errors.New("pooled: unknown key that begins with pool_: write one of those in docs/options.md, such as " +
			"pool_size, pool_max_overflow or pool_timeout")
	case !show:
		return fmt.Errorf("pooled: unknown key that begins with pool_: did you mean %s?", nearest)
	}
	return fmt.Errorf("pooled: unknown key %s: did you mean %s?", key, nearest)
}

// ErrTwice says that two keys of a DSN mean the same option.
func ErrTwice(before, key string) error {
	if before == key {
		return fmt.Errorf("pooled: %s is given twice: give it once", key)
	}
	return fmt.Errorf("pooled: %s and %s set the same option: give one of them", before, key)
}
