package pooled_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
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
	for _, c := range []classifyCorpus{mysqlCorpus, postgresCorpus, sqliteCorpus} {
		for _, q := range c.statements {
			f.Add(q)
		}
	}
	for _, q := range classifyTexts {
		f.Add(q.text)
	}
	f.Fuzz(func(t *testing.T, q string) {
		for d, name := range dialectNames {
			have := pooled.Classify(d, q)
			if worst := worstOf(d); have > worst {
				t.Errorf("classify(%s, %q)\nhave %v\nwant at most %v", name, q, have, worst)
			}
			if other := pooled.Classify(d, swapCase(q)); other != have {
				t.Errorf("classify(%s, %q) in swapped case\nhave %v\nwant %v", name, q, other, have)
			}
			if other := pooled.Classify(d, " "+q); other != have {
				t.Errorf("classify(%s, %q) behind a space\nhave %v\nwant %v", name, q, other, have)
			}
			for _, blank := range []string{"\n", ";", "-- c\n", "/* c */"} {
				if other := pooled.Classify(d, blank+q); other < have {
					t.Errorf("classify(%s, %q)\nhave %v\nwant at least %v, as without the blank", name, blank+q, other, have)
				}
			}
			for _, more := range []string{"\n; BEGIN", "\n;x", "\n;;-- c\nBEGIN TRAN;"} {
				if pooled.Classify(d, q+more) == leavesNone {
					t.Errorf("classify(%s, %q)\nhave none\nwant more, for the statement at the end", name, q+more)
				}
			}
			if pooled.Classify(unknownSQL, q) == leavesNone && have != leavesNone {
				t.Errorf("classify(%s, %q)\nhave %v\nwant none, which the unknown dialect is sure of", name, q, have)
			}
		}
	})
}

// worstOf: a server without a switch for autocommit can't have it off.
func worstOf(d pooled.DialectKind) pooled.Effect {
	if d == pgSQL || d == sqliteSQL {
		return leavesTx
	}
	return leavesAny
}

// FuzzClassifySQLite runs what classify calls clean on a real SQLite.
func FuzzClassifySQLite(f *testing.F) {
	for _, q := range sqliteCorpus.statements {
		f.Add(q)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	f.Cleanup(cancel)
	f.Fuzz(func(t *testing.T, q string) {
		if pooled.Classify(sqliteSQL, q) != leavesNone || strings.Contains(strings.ToLower(q), "into") && strings.Contains(strings.ToLower(q), "vacuum") {
			return // VACUUM INTO writes a file of a name the fuzzer made up
		}
		s := openClassifySQLite(t)
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		conn := s.session(ctx, t, nil)
		defer func() { _ = conn.Close() }()
		_, _ = conn.ExecContext(ctx, q)
		if left, err := s.probe(context.Background(), conn); err == nil && left.tx {
			t.Errorf("classify(SQLite, %q)\nhave none\nwant tx: a transaction is open", q)
		}
	})
}
