package option

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NoLimit stands for no limit in an integer or a duration. It is the one negative value that is accepted.
const NoLimit = -1

// AtLeast allows numbers from least on, and NoLimit.
func AtLeast(least int) func(int) error {
	return func(n int) error {
		if n < least && n != NoLimit {
			return fmt.Errorf("want at least %d, or -1 for no limit", least)
		}
		return nil
	}
}

// Between allows numbers from least to most, and not NoLimit.
func Between(least, most int) func(int) error {
	return func(n int) error {
		if n < least || n > most {
			return fmt.Errorf("want %d to %d", least, most)
		}
		return nil
	}
}

// Printable allows texts that stay on one line of a log.
func Printable(text string) error {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("want printable characters")
	}
	return nil
}

// intLike reads whole numbers. The error about what is none shows an example.
func intLike(example int) func(v string) (int, error) {
	return func(v string) (int, error) {
		n, err := strconv.Atoi(v)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return 0, errors.New("want a whole number of at most 9 digits")
		case err != nil:
			return 0, fmt.Errorf("want a whole number, such as %d", example)
		}
		return n, nil
	}
}

// ParsePercent reads a number from 0 to 100 without its percent sign.
func ParsePercent(v string) (float64, error) {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !isDecimal(v) || n > 100 {
		return 0, errors.New("want a number from 0 to 100")
	}
	return n, nil
}

// isDecimal reports digits with at most one point: no sign, exponent, hexadecimal, infinity.
func isDecimal(v string) bool {
	whole, fraction, _ := strings.Cut(v, ".")
	digits := whole + fraction
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// parseBool reads true and false in the ways in which they are written in DSNs, in upper or lower case.
func parseBool(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "true", "1", "on", "yes":
		return true, nil
	case "false", "0", "off", "no":
		return false, nil
	}
	return false, errors.New("want true or false (1 or 0, on or off, yes or no)")
}
