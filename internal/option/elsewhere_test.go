package option

import (
	"strings"
	"testing"
)

// A name means one option.
func TestElsewhere(t *testing.T) {
	seen := map[string]string{}
	for option, names := range elsewhere {
		for _, name := range strings.Fields(names) {
			if other, ok := seen[name]; ok {
				t.Errorf("%s: have it for %s and %s, want it for one", name, option, other)
			}
			if strings.ToLower(name) != name || strings.Contains(name, "_") {
				t.Errorf("%s: have a name that meant does not find, want lower case without underscores", name)
			}
			seen[name] = option
		}
	}
	for name := range without {
		if option, ok := seen[name]; ok || bare(name) != name {
			t.Errorf("%s: have a name that is not found, or is that of %s, want neither", name, option)
		}
	}
}
