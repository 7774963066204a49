package generic_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/sqltext"
)

// swapCase turns upper case into lower and back: unlike ToUpper it keeps names
// apart that differ in case only, as the tags of dollar quotes do.
func swapCase(q string) string {
	b := []byte(q)
	for i, c := range b {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

// FuzzLeaves holds what must be true of any text in any dialect.
func FuzzLeaves(f *testing.F) {
	for _, c := range []pooledtest.Corpus{pooledtest.MySQLCorpus, pooledtest.PostgresCorpus, pooledtest.SQLiteCorpus} {
		for _, q := range c.Statements {
			f.Add(q)
		}
	}
	for _, q := range texts {
		f.Add(q.text)
	}
	f.Fuzz(func(t *testing.T, q string) {
		for name, rules := range dialects {
			have := rules.Leaves(q)
			if worst := rules.MostEffect; have > worst {
				t.Errorf("Leaves(%s, %q)\nhave %v\nwant at most %v", name, q, have, worst)
			}
			if other := rules.Leaves(swapCase(q)); other != have {
				t.Errorf("Leaves(%s, %q) in swapped case\nhave %v\nwant %v", name, q, other, have)
			}
			if other := rules.Leaves(" " + q); other != have {
				t.Errorf("Leaves(%s, %q) behind a space\nhave %v\nwant %v", name, q, other, have)
			}
			for _, blank := range []string{"\n", ";", "-- c\n", "/* c */"} {
				if other := rules.Leaves(blank + q); other < have {
					t.Errorf("Leaves(%s, %q)\nhave %v\nwant at least %v, as without the blank",
						name, blank+q, other, have)
				}
			}
			for _, more := range []string{"\n; BEGIN", "\n;x", "\n;;-- c\nBEGIN TRAN;"} {
				if rules.Leaves(q+more) == sqltext.EffectNone {
					t.Errorf("Leaves(%s, %q)\nhave none\nwant more, for the statement at the end", name, q+more)
				}
			}
			if generic.Dialect.Rules.Leaves(q) == sqltext.EffectNone && have != sqltext.EffectNone {
				t.Errorf("Leaves(%s, %q)\nhave %v\nwant none, which the unknown dialect is sure of", name, q, have)
			}
		}
	})
}

// FuzzTouches holds what must be true of any text in any dialect.
func FuzzTouches(f *testing.F) {
	for _, c := range []pooledtest.Corpus{pooledtest.MySQLCorpus, pooledtest.PostgresCorpus, pooledtest.SQLiteCorpus} {
		for _, q := range c.Statements {
			f.Add(q)
		}
	}
	for _, q := range everyday {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		for name, rules := range dialects {
			have := rules.Touches(q)
			if other := rules.Touches(swapCase(q)); other != have {
				t.Errorf("Touches(%s, %q) in swapped case\nhave %v\nwant %v", name, q, other, have)
			}
			for _, blank := range []string{" ", "\n", ";", "-- c\n", "/* c */"} {
				if have && !rules.Touches(blank+q) {
					t.Errorf("Touches(%s, %q)\nhave false\nwant true, as without the blank", name, blank+q)
				}
			}
			if !rules.Touches(q + "\n; SET a.b = 1") {
				t.Errorf("Touches(%s, %q)\nhave false\nwant true, for the statement at the end",
					name, q+"\n; SET a.b = 1")
			}
			if have && !generic.Dialect.Rules.Touches(q) {
				t.Errorf("Touches(unknown, %q)\nhave false\nwant true, as for %s", q, name)
			}
		}
	})
}
