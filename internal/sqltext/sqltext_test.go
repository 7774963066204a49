package sqltext_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/sqltext"
)

// plain is a server without anything special.
var plain = sqltext.NewLexis(sqltext.Lexis{Quotes: `'"`})

// split are the statements of a text by first keyword, and "?" where it is not certain where the next begins.
func split(l *sqltext.Lexis, q string) (words []string) {
	statements := l.Statements(q)
	for statements.Next() {
		words = append(words, strings.ToLower(string(statements.Word)))
	}
	if statements.Ambiguous() {
		words = append(words, "?")
	}
	return words
}

// What stands in a Lexis decides where the statements of a text begin.
func TestStatements(t *testing.T) {
	lexis := func(change func(*sqltext.Lexis)) *sqltext.Lexis {
		l := *plain
		change(&l)
		return sqltext.NewLexis(l)
	}
	escapes := lexis(func(l *sqltext.Lexis) { l.Escapes = "'" })
	brackets := lexis(func(l *sqltext.Lexis) { l.Quotes += "[" })
	dollars := lexis(func(l *sqltext.Lexis) { l.DollarQuotes = true })
	hashes := lexis(func(l *sqltext.Lexis) { l.HashComments = true })
	blanks := lexis(func(l *sqltext.Lexis) { l.DashesNeedBlank = sqltext.Yes })
	returns := lexis(func(l *sqltext.Lexis) { l.ReturnEndsLine = sqltext.Yes })
	maybeReturns := lexis(func(l *sqltext.Lexis) { l.ReturnEndsLine = sqltext.Unsure })
	nested := lexis(func(l *sqltext.Lexis) { l.NestedComments = sqltext.Yes })
	maybeNested := lexis(func(l *sqltext.Lexis) { l.NestedComments = sqltext.Unsure })
	unclear := lexis(func(l *sqltext.Lexis) { l.Unclear = "@" })
	seconds := lexis(func(l *sqltext.Lexis) { l.SecondBytes = "|" })
	counted := lexis(func(l *sqltext.Lexis) { l.CountedNames = true })
	for _, test := range []struct {
		lexis *sqltext.Lexis
		text  string
		want  []string
	}{
		{plain, "", nil},
		{plain, " ; -- c\n /* c */ ;", nil},
		{plain, "SELECT 1", []string{"select"}},
		{plain, ";;Select 1;; -- c\n insert ;", []string{"select", "insert"}},
		{plain, "SELECT ';' ; UPDATE \";\" ; DELETE", []string{"select", "update", "delete"}},
		{plain, "SELECT 'it''s; x'; UPDATE", []string{"select", "update"}},
		{plain, "SELECT '; UPDATE", []string{"select", "?"}},
		{plain, "SELECT 1 /* ; UPDATE", []string{"select", "?"}},
		{plain, "SELECT 1; /* c", []string{"select", "?"}},
		{plain, `SELECT \N; UPDATE`, []string{"select", "?"}},
		{plain, "SELECT '\x00'; UPDATE", []string{"select", "?"}},
		{plain, "(( SELECT 1)); (UPDATE t); (/*", []string{"select", "", ""}},
		{plain, "select_1; select1; averyveryverylongword; 1; sum@x", []string{"", "", "", "", ""}},
		{plain, `SELECT '\'; UPDATE`, []string{"select", "update"}},
		{escapes, `SELECT '\'; UPDATE`, []string{"select", "?"}},
		{escapes, `SELECT '\\\n'; UPDATE "\"; DELETE`, []string{"select", "update", "delete"}},
		{plain, "SELECT [']; UPDATE", []string{"select", "?"}},
		{brackets, "SELECT [';]; UPDATE", []string{"select", "update"}},
		{plain, "SELECT $a$;' $a$; UPDATE", []string{"select", "", "?"}},
		{dollars, "SELECT $a$;'$$ $a$, $1; UPDATE $$;$$", []string{"select", "update"}},
		{dollars, "SELECT a$$; UPDATE", []string{"select", "?"}},
		{plain, "SELECT 1 # ';\n; UPDATE", []string{"select", "?"}},
		{hashes, "SELECT 1 # ';\n; UPDATE", []string{"select", "update"}},
		{plain, "SELECT 1 --1;\n; UPDATE", []string{"select", "update"}},
		{blanks, "SELECT 1 --1; UPDATE -- ;\n; DELETE", []string{"select", "update", "delete"}},
		{blanks, "SELECT 1 --\xa0; UPDATE", []string{"select", "?"}},
		{plain, "SELECT 1 -- \r; UPDATE\n; DELETE", []string{"select", "delete"}},
		{returns, "SELECT 1 -- \r; UPDATE\n; DELETE", []string{"select", "update", "delete"}},
		{maybeReturns, "SELECT 1 -- \r\n; UPDATE -- \r; DELETE", []string{"select", "update", "?"}},
		{plain, "SELECT /* /* */; UPDATE /* */", []string{"select", "update"}},
		{nested, "SELECT /* /* ; */ ; */; UPDATE", []string{"select", "update"}},
		{maybeNested, "SELECT /* /* */; UPDATE", []string{"select", "?"}},
		{plain, "SELECT @a(';'); UPDATE", []string{"select", "update"}},
		{unclear, "SELECT @a; UPDATE", []string{"select", "?"}},
		{plain, "SELECT é|; UPDATE 'é|'; DELETE", []string{"select", "update", "delete"}},
		{seconds, "SELECT é; UPDATE é|; DELETE", []string{"select", "update", "?"}},
		{seconds, "SELECT 'é|'; UPDATE", []string{"select", "?"}},
		{counted, "SELECT 'é'; UPDATE \"é\"; DELETE", []string{"select", "update", "?"}},
	} {
		if have := split(test.lexis, test.text); !slices.Equal(have, test.want) {
			t.Errorf("%q\nhave %q\nwant %q", test.text, have, test.want)
		}
	}
}

// Where it is not known what -- begins, what follows it is not known either.
func TestSkipGap(t *testing.T) {
	unsure := sqltext.NewLexis(sqltext.Lexis{DashesNeedBlank: sqltext.Unsure})
	for _, test := range []struct {
		lexis *sqltext.Lexis
		text  string
		want  int
	}{
		{plain, " x", 1}, {plain, "--c\nx", 4}, {unsure, " x", 1}, {unsure, "-- c\nx", 5},
		{unsure, "--c\nx", sqltext.Ambiguous},
	} {
		if have := test.lexis.SkipGap(test.text, 0); have != test.want {
			t.Errorf("%q: have %d, want %d", test.text, have, test.want)
		}
	}
}

func TestWords(t *testing.T) {
	words := sqltext.NewWords(
		sqltext.Word{Text: "lock", Pivot: 2},
		sqltext.Word{Text: "unlock", Pivot: 3, Weight: 2, Check: sqltext.WholeWord},
	)
	more := sqltext.NewWords(sqltext.Word{Text: "next", Pivot: 3, Weight: 3}).And(words)
	for _, test := range []struct {
		words  *sqltext.Words
		text   string
		weight uint8
		ascii  bool
	}{
		{words, "", 0, true},
		{words, "SELECT clo_ck", 0, true},
		{words, "SELECT é", 0, false},
		{words, "SELECT LOCK", 1, true},
		{words, "blocks é", 1, false},
		{words, "SELECT unlocked()", 1, true},
		{words, "SELECT lock, Unlock()", 2, false},
		{words, "next", 0, true},
		{more, "unlock, next", 3, false},
		{more, "unlock", 2, true},
	} {
		weight, ascii := test.words.Find(plain, test.text)
		if weight != test.weight || ascii != test.ascii {
			t.Errorf("%q: have %d, %t, want %d, %t", test.text, weight, ascii, test.weight, test.ascii)
		}
		if have, want := test.words.Has(plain, test.text), test.weight > 0; have != want {
			t.Errorf("%q: have %t, want %t", test.text, have, want)
		}
	}
	if have := len(more.All()); have != 3 {
		t.Errorf("words: have %d, want 3", have)
	}
}

// In a text of several statements none is certain, and none is worse than the worst of them.
func TestJudge(t *testing.T) {
	rules := &sqltext.Rules{
		Lexis:      plain,
		MostEffect: sqltext.EffectAny,
		Effect: func(word sqltext.Keyword, _ string) sqltext.Effect {
			switch {
			case word.Is("begin"):
				return sqltext.EffectTx
			case word.Is("call"):
				return sqltext.EffectAny
			}
			return sqltext.EffectNone
		},
		Session:      func(word sqltext.Keyword, _ string) bool { return word.Is("set") },
		SessionWords: sqltext.NewWords(sqltext.Word{Text: "lock", Pivot: 2}),
		Invalidates:  func(string) sqltext.Invalidation { return sqltext.InvalidatesForNow },
	}
	const forNow = sqltext.InvalidatesForNow
	for _, test := range []struct {
		text string
		want sqltext.Verdict
	}{
		{"SELECT 1", sqltext.Verdict{Leaves: sqltext.EffectNone, Invalidates: forNow}},
		{"SELECT lock()", sqltext.Verdict{Leaves: sqltext.EffectNone, Touches: true, Invalidates: forNow}},
		{"BEGIN", sqltext.Verdict{Leaves: sqltext.EffectTx, Invalidates: forNow}},
		{"SELECT 1; SELECT 2", sqltext.Verdict{Leaves: sqltext.EffectTx, Invalidates: forNow}},
		{"SELECT 1; SET a", sqltext.Verdict{Leaves: sqltext.EffectTx, Touches: true, Invalidates: forNow}},
		{"BEGIN; CALL p", sqltext.Verdict{Leaves: sqltext.EffectAny, Invalidates: forNow}},
		{"SELECT '; SELECT", sqltext.Verdict{Leaves: sqltext.EffectAny, Touches: true, Invalidates: forNow}},
	} {
		if have := rules.Judge(test.text, true, true); have != test.want {
			t.Errorf("%q\nhave %+v\nwant %+v", test.text, have, test.want)
		}
		want := sqltext.Verdict{Leaves: test.want.Leaves}
		if have := rules.Judge(test.text, false, false); have != want {
			t.Errorf("%q, the transaction alone\nhave %+v\nwant %+v", test.text, have, want)
		}
	}
}
