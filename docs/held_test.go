package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var heldLongest = regexp.MustCompile(`(?m)^pooled: pool .*held longest: .*$`)

const (
	timeoutShown = `pooled: pool "notes": timeout waiting for a connection: waited 3.001s (pool_timeout=3s): ` +
		`size 2, overflow 0, checked out 2, idle 0, opening 0, waiting 1; held longest: ` +
		`conn 1 (session 24645) for 3.001s: SELECT count(*) FROM notes, ` +
		`conn 2 (session 24646) for 3.001s: SELECT count(*) FROM notes`
	canceledShown = `pooled: pool "notes": context deadline exceeded while waiting for a connection: waited 1s ` +
		`(pool_timeout=3s): size 2, overflow 0, checked out 2, idle 0, opening 0, waiting 1; held longest: ` +
		`conn 1 (session 24645) for 1s: SELECT count(*) FROM notes, ` +
		`conn 2 (session 24646) for 1s: SELECT count(*) FROM notes`
)

// The errors in docs/leaks.md and docs/sizing.md are that of the tutorial, which is done and compared with what it
// prints. A context's error differs from it by its cause and its times, as TestContextErrorText sees.
func TestErrorsAreTheTutorials(t *testing.T) {
	canceled := strings.NewReplacer("timeout waiting", "context deadline exceeded while waiting", "3.001s", "1s")
	if have := canceled.Replace(timeoutShown); have != canceledShown {
		t.Errorf("have %s\nwant %s", have, canceledShown)
	}
	for page, want := range map[string][]string{
		"docs/tutorial-postgres.md": {timeoutShown},
		"docs/sizing.md":            {timeoutShown},
		"docs/leaks.md":             {timeoutShown, canceledShown},
	} {
		if have := heldLongest.FindAllString(readFile(t, page), -1); !slices.Equal(have, want) {
			t.Errorf("%s: have %q\nwant %q", page, have, want)
		}
	}
}
