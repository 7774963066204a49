package option

import (
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

// ErrUnknown says what to write in place of a key that is not in the table. The key is shown only if it may be, and
// resembles a known one: what resembles nothing may be part of a password that was not encoded. In its place stands
// which parameter of the DSN it is, counted from 1.
func (t Table[C]) ErrUnknown(key string, show bool, place int) error {
	named := fmt.Sprintf("that begins with pool_, the %s parameter", ordinal(place))
	if len(key) > 40 {
		key, show = key[:40], false
	}
	if show {
		named = key
	}
	if instead, ok := without[bare(key)]; ok {
		return errWithout(named, instead)
	}
	nearest, distance := t.Nearest(key)
	if distance > mostEdits {
		return fmt.Errorf("pooled: unknown key that begins with pool_, the %s parameter: write one of those in "+
			"docs/options.md, such as pool_size, pool_max_overflow or pool_timeout", ordinal(place))
	}
	return fmt.Errorf("pooled: unknown key %s: did you mean %s?", named, nearest)
}

func ordinal(n int) string {
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// ErrTwice says that two keys of a DSN mean the same option.
func ErrTwice(before, key string) error {
	if before == key {
		return fmt.Errorf("pooled: %s is given twice: give it once", key)
	}
	return fmt.Errorf("pooled: %s and %s set the same option: give one of them", before, key)
}
