package sqltext_test

import (
	"testing"

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

// FuzzClassify holds what must be true of any text in any dialect.
func FuzzClassify(f *testing.F) {
	for _, c := range []pooledtest.Corpus{pooledtest.MySQLCorpus, pooledtest.PostgresCorpus, pooledtest.SQLiteCorpus} {
		for _, q := range c.Statements {
			f.Add(q)
		}
	}
	for _, q := range classifyTexts {
		f.Add(q.text)
	}
	f.Fuzz(func(t *testing.T, q string) {
		for d, name := range dialectNames {
			have := sqltext.Classify(d, q)
			if worst := worstOf(d); have > worst {
				t.Errorf("classify(%s, %q)\nhave %v\nwant at most %v", name, q, have, worst)
			}
			if other := sqltext.Classify(d, swapCase(q)); other != have {
				t.Errorf("classify(%s, %q) in swapped case\nhave %v\nwant %v", name, q, other, have)
			}
			if other := sqltext.Classify(d, " "+q); other != have {
				t.Errorf("classify(%s, %q) behind a space\nhave %v\nwant %v", name, q, other, have)
			}
			for _, blank := range []string{"\n", ";", "-- c\n", "/* c */"} {
				if other := sqltext.Classify(d, blank+q); other < have {
					t.Errorf("classify(%s, %q)\nhave %v\nwant at least %v, as without the blank", name, blank+q, other, have)
				}
			}
			for _, more := range []string{"\n; BEGIN", "\n;x", "\n;;-- c\nBEGIN TRAN;"} {
				if sqltext.Classify(d, q+more) == leavesNone {
					t.Errorf("classify(%s, %q)\nhave none\nwant more, for the statement at the end", name, q+more)
				}
			}
			if sqltext.Classify(unknownSQL, q) == leavesNone && have != leavesNone {
				t.Errorf("classify(%s, %q)\nhave %v\nwant none, which the unknown dialect is sure of", name, q, have)
			}
		}
	})
}

// worstOf: a server without a switch for autocommit can't have it off.
func worstOf(d sqltext.Kind) sqltext.Effect {
	if d == pgSQL || d == sqliteSQL {
		return leavesTx
	}
	return leavesAny
}
