package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// All run; one that fails makes the whole fail, and one that cannot be done is neither ok nor a failure.
func TestRunChecks(t *testing.T) {
	says := func(said string, err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return said, err }
	}
	checks := []check{
		{"one", says("a line\n", nil)},
		{"two", says("before\n", errors.New("broken\nin two lines"))},
		{"three", says("", fmt.Errorf("%w: no network", errNotDone))},
	}
	var out strings.Builder
	err := runChecks(t.Context(), &out, checks)
	if err == nil || err.Error() != "1 of the checks failed, see above" {
		t.Errorf("have %v, want that one failed", err)
	}
	have := regexp.MustCompile(` \(.*?s\)`).ReplaceAllString(out.String(), "")
	want := "ok        one\n          a line\n" +
		"FAIL      two\n          before\n          broken\n          in two lines\n" +
		"NOT DONE  three\n          not done: no network\n"
	if have != want {
		t.Errorf("have\n%s\nwant\n%s", have, want)
	}
	if err := runChecks(t.Context(), &out, []check{checks[0], checks[2]}); err != nil {
		t.Errorf("have %v, want nil", err)
	}
}
