// Package sqlserver is the dialect of Microsoft SQL Server.
package sqlserver

import (
	"strings"

	"github.com/pooled-go/pooled/internal/sqltext"
)

var lexis = sqltext.NewLexis(sqltext.Lexis{
	Quotes:         `'"[`,
	ReturnEndsLine: sqltext.Unsure,
	NestedComments: sqltext.Yes,
	SecondBytes:    "\\`",
})

// rules are SQL Server's. The statements of a batch need nothing between them ("SELECT 1 BEGIN TRAN"), so a whole text
// is judged at once.
var rules = &sqltext.Rules{
	Lexis:         lexis,
	MostEffect:    sqltext.EffectAny,
	EffectOfText:  effect,
	Words:         effectWords,
	SessionOfText: touchesSession,
	SessionWords:  sessionWords,
}

// effect: besides the first keyword the whole text must be free of the words that open a transaction, turn implicit
// transactions on, or call what might. A procedure can be called without EXEC at the start of a batch: there the list
// of first keywords stops it.
func effect(q string) sqltext.Effect {
	at := lexis.SkipBlanks(q, 0)
	if at == sqltext.Ambiguous {
		return sqltext.EffectAny
	}
	weight, ascii := effectWords.Find(lexis, q)
	if !ascii { // which letters a collation takes for which is not known here
		return sqltext.EffectAny
	}
	found := sqltext.Effect(weight)
	if at == len(q) {
		return found
	}
	word, end := sqltext.KeywordAt(q, at)
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "delete", "merge", "with", "create", "alter", "drop", "truncate":
	case "begin", "commit", "rollback", "save", "set", "declare", "if", "while", "print", "use":
		found = max(found, sqltext.EffectTx)
	default:
		return sqltext.EffectAny
	}
	if !sqltext.EndsAtSemicolon(q[end:]) {
		found = max(found, sqltext.EffectTx)
	}
	return found
}

const (
	mayOpen = uint8(sqltext.EffectTx)
	mayAny  = uint8(sqltext.EffectAny)
)

var effectWords = sqltext.NewWords(
	sqltext.Word{Text: "tran", Pivot: 3, Weight: mayOpen},
	sqltext.Word{Text: "begin", Pivot: 2, Weight: mayOpen},
	sqltext.Word{Text: "exec", Pivot: 1, Weight: mayAny}, // also INSERT … EXEC
	sqltext.Word{Text: "implicit_", Pivot: 8, Weight: mayAny},
	sqltext.Word{Text: "ansi_defaults", Pivot: 4, Weight: mayAny}, // turns implicit transactions on too
	sqltext.Word{Text: "sp_", Pivot: 2, Weight: mayAny},
	sqltext.Word{Text: "xp_", Pivot: 2, Weight: mayAny},
)

// touchesSession: the words must rule out all that could follow the first statement.
func touchesSession(q string) bool {
	at := lexis.SkipBlanks(q, 0)
	if at == sqltext.Ambiguous || !sqltext.EndsAtSemicolon(q[at:]) || strings.IndexByte(q, '#') >= 0 {
		return true
	}
	if found, ascii := sessionWords.Find(lexis, q); found > 0 || !ascii {
		return true
	}
	word, _ := sqltext.KeywordAt(q, at)
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "delete", "merge", "with",
		"begin", "commit", "rollback", "save":
		return false
	}
	return at < len(q)
}

var sessionWords = sqltext.NewWords(
	sqltext.Word{Text: "set", Pivot: 2, Check: setsOption},
	sqltext.Word{Text: "setuser", Pivot: 3},
	sqltext.Word{Text: "revert", Pivot: 2, Check: sqltext.WholeWord},
	sqltext.Word{Text: "exec", Pivot: 2}, // procedures, EXECUTE AS, INSERT … EXEC
	sqltext.Word{Text: "use", Pivot: 1, Check: sqltext.WholeWord},
	sqltext.Word{Text: "open", Pivot: 1, Check: sqltext.WholeWord}, // keys
	sqltext.Word{Text: "cursor", Pivot: 2},                         // global ones outlive their batch
	sqltext.Word{Text: "dbcc", Pivot: 1},                           // trace flags
)

// setsOption tells SET NOCOUNT ON and its like from the SET of an UPDATE, and of a variable, which lives as long as its
// batch: those have an equals sign behind the name.
func setsOption(l *sqltext.Lexis, q string, at, end int) bool {
	if !sqltext.WholeWord(l, q, at, end) {
		return false
	}
	if at = l.SkipGap(q, end); at == sqltext.Ambiguous {
		return true
	}
	for at < len(q) && (sqltext.IsWord(q[at]) || strings.IndexByte(`@.[]"`, q[at]) >= 0) {
		at++
	}
	at = l.SkipGap(q, at)
	if at != sqltext.Ambiguous && at+1 < len(q) && strings.IndexByte("+-*/%&|^", q[at]) >= 0 {
		at++
	}
	return at == sqltext.Ambiguous || at == len(q) || q[at] != '='
}
