package spelling_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/spelling"
)

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ac", 1}, {"ab", "ba", 2},
		{"kitten", "sitting", 3},
	} {
		if have := spelling.Distance(test.a, test.b); have != test.want {
			t.Errorf("%s to %s: have %d, want %d", test.a, test.b, have, test.want)
		}
		if have := spelling.Distance(test.b, test.a); have != test.want {
			t.Errorf("%s to %s: have %d, want %d", test.b, test.a, have, test.want)
		}
	}
}
