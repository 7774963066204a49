package pooledtest

import (
	"testing"

	"github.com/pooled-go/pooled/internal/sqltext"
)

// Leaving is one rule's statements and what each must be taken to leave.
type Leaving = struct {
	Rule    string
	Want    sqltext.Effect
	Queries []string
}

// CheckLeaves holds a dialect's rules against a table.
func CheckLeaves(t *testing.T, rules *sqltext.Rules, table []Leaving) {
	t.Helper()
	for _, c := range table {
		t.Run(c.Rule, func(t *testing.T) {
			for _, q := range c.Queries {
				if have := rules.Leaves(q); have != c.Want {
					t.Errorf("Leaves(%q)\nhave %v\nwant %v", q, have, c.Want)
				}
			}
		})
	}
}

// Touching is one rule's statements and whether each touches the session.
type Touching = struct {
	Rule    string
	Want    bool
	Queries []string
}

// CheckTouches holds a dialect's rules against a table.
func CheckTouches(t *testing.T, rules *sqltext.Rules, table []Touching) {
	t.Helper()
	for _, c := range table {
		t.Run(c.Rule, func(t *testing.T) {
			for _, q := range c.Queries {
				if have := rules.Touches(q); have != c.Want {
					t.Errorf("Touches(%q)\nhave %v\nwant %v", q, have, c.Want)
				}
			}
		})
	}
}

// CheckRepeatable holds a dialect's rules against the statements that may be sent again elsewhere, and those that may
// not.
func CheckRepeatable(t *testing.T, rules *sqltext.Rules, may, mayNot []string) {
	t.Helper()
	for want, queries := range map[bool][]string{true: may, false: mayNot} {
		for _, q := range queries {
			if have := rules.Repeatable(q); have != want {
				t.Errorf("Repeatable(%q)\nhave %t\nwant %t", q, have, want)
			}
		}
	}
}
