package option

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The longest durations that are read from a plain number. More seconds than these are probably milliseconds.
const (
	mostPlain = 24 * time.Hour
	mostShort = time.Hour // of those of Short
)

var errDuration = errors.New("want a duration such as 30s or 1.5 (seconds), or -1 for no limit")

// errNegative is for durations that a program has set: parseDuration refuses them.
var errNegative = errors.New("want no negative duration: for no limit write NoLimit")

// FromZero allows durations that are not negative, and NoLimit.
func FromZero(d time.Duration) error {
	if d < 0 && d != NoLimit {
		return errNegative
	}
	return nil
}

// AboveZero allows durations above zero, and NoLimit.
func AboveZero(d time.Duration) error {
	switch {
	case d < 0 && d != NoLimit:
		return errNegative
	case d == 0:
		return errors.New("want a duration above 0, or -1 for no limit")
	}
	return nil
}

// BetweenOrNone allows durations from least to most, and NoLimit.
func BetweenOrNone(least, most time.Duration) func(time.Duration) error {
	return func(d time.Duration) error {
		if d != NoLimit && (d < least || d > most) {
			return fmt.Errorf("want a duration from %s to %s, or -1 (NoLimit)", formatDuration(least), formatDuration(most))
		}
		return nil
	}
}

// plainError is for a plain number of seconds that is too large to be meant. It shows the value, unlike what it wraps.
type plainError struct{ text string }

var errPlain = errors.New("want a unit, such as 30s or 500ms: a plain number is seconds, and that many are probably " +
	"not meant")

func (e plainError) Error() string { return e.text }
func (e plainError) Unwrap() error { return errPlain }

// checkPlain refuses a plain number of more seconds than most, and says what to write in its place.
func checkPlain(v string, most time.Duration) error {
	if !isDecimal(v) {
		return nil
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil && n <= most.Seconds() {
		return nil
	}
	seconds, tooLong := time.ParseDuration(v + "s")
	millis, err := time.ParseDuration(v + "ms")
	if err != nil || tooLong != nil {
		return errPlain
	}
	return plainError{fmt.Sprintf("a plain number is seconds, which would be %s: write %s if milliseconds were meant, "+
		"else %[1]s", formatDuration(seconds), formatDuration(millis))}
}

// Short says that a duration is seldom longer than an hour: a plain number of more seconds is refused then. For other
// durations that begins at a day.
func (r Row[C]) Short() Row[C] {
	parse := r.Parse
	r.Parse = func(c *C, v string) error {
		if err := checkPlain(v, mostShort); err != nil {
			return err
		}
		return parse(c, v)
	}
	return r
}

// parseDuration reads Go's durations and, as in SQLAlchemy, plain seconds. "-1" is NoLimit; other negative values are
// refused.
func parseDuration(v string) (time.Duration, error) {
	if v == "-1" {
		return NoLimit, nil
	}
	if err := checkPlain(v, mostPlain); err != nil {
		return 0, err
	}
	s := v
	if isDecimal(v) {
		s += "s"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errDuration
	}
	return d, nil
}

// formatDuration is the reverse of parseDuration. It drops the zero parts that time.Duration.String writes: 1m0s is
// 1m.
func formatDuration(d time.Duration) string {
	if d == NoLimit {
		return "-1"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-len("0s")]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-len("0m")]
	}
	return s
}
