package option

import (
	"errors"
	"slices"
	"time"
)

// Word is a value that is written as a word.
type Word struct {
	Word  string
	Value time.Duration
}

// Worded is a duration of which some values are written as words. The words on and off may also be written as in
// parseBool. All else, zero if the check refuses it, and what is refused, is answered with want.
func Worded[C any](key string, field func(*C) *time.Duration, check func(time.Duration) error,
	doc, want string, refused []string, words ...Word) Row[C] {
	errWant := errors.New(want)
	parse := func(v string) (time.Duration, error) {
		if slices.Contains(refused, v) {
			return 0, errWant
		}
		name := v
		if on, err := parseBool(v); err == nil && on {
			name = "on"
		} else if err == nil {
			name = "off"
		}
		if i := slices.IndexFunc(words, func(w Word) bool { return w.Word == name }); i >= 0 {
			return words[i].Value, nil
		}
		d, err := parseDuration(v)
		switch {
		case errors.Is(err, errPlain):
			return 0, err
		case err != nil || d == 0 && check(d) != nil:
			return 0, errWant
		}
		return d, nil
	}
	format := func(d time.Duration) string {
		if i := slices.IndexFunc(words, func(w Word) bool { return w.Value == d }); i >= 0 {
			return words[i].Word
		}
		return formatDuration(d)
	}
	return row(key, doc, field, parse, format, check)
}
