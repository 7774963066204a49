package option

import (
	"errors"
	"time"
)

// OneOrMore allows numbers from 1 on, and NoLimit. The error says what NoLimit does, and for 0, which means one thing
// here and another there, what to write instead.
func OneOrMore(noLimit, insteadOfZero string) func(int) error {
	return func(n int) error {
		want := "want at least 1, or -1 to " + noLimit
		switch {
		case n == 0:
			return errors.New(want + "; " + insteadOfZero)
		case n < NoLimit:
			return errors.New(want)
		}
		return nil
	}
}

// AboveZeroOr is AboveZero with an error of its own for each duration that is refused, or for 0 alone.
func AboveZeroOr(refused string, zeroAlone bool) func(time.Duration) error {
	return func(d time.Duration) error {
		err := AboveZero(d)
		if err != nil && (d == 0 || !zeroAlone) {
			return errors.New(refused)
		}
		return err
	}
}
