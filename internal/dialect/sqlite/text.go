// Package sqlite is the dialect of SQLite.
package sqlite

import "github.com/pooled-go/pooled/internal/sqltext"

var lexis = sqltext.NewLexis(sqltext.Lexis{
	Quotes: "'\"`[",
	// A parameter $name(…), of Tcl, takes in quotes and semicolons. Its drivers know UTF-8 only.
	Unclear: "$@:#",
})

// rules are SQLite's. There is no switch for autocommit.
var rules = &sqltext.Rules{
	Lexis:      lexis,
	MostEffect: sqltext.EffectTx,
	Effect:     effect,

	Session:      touchesSession,
	SessionWords: sessionWords,
}

// effect. Not on the list: BEGIN; SAVEPOINT, which opens a transaction where there is none; COMMIT, END, ROLLBACK and
// RELEASE; PRAGMA, ATTACH and DETACH, of which there are too many sorts. EXPLAIN runs nothing, whatever stands behind
// it.
func effect(word sqltext.Keyword, _ string) sqltext.Effect {
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "explain",
		"create", "alter", "drop", "reindex", "analyze", "vacuum":
		return sqltext.EffectNone
	}
	return sqltext.EffectTx
}

// touchesSession. Not on the list: PRAGMA, ATTACH, DETACH.
func touchesSession(word sqltext.Keyword, _ string) bool {
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "explain",
		"create", "alter", "drop", "reindex", "analyze", "vacuum",
		"begin", "commit", "end", "rollback", "savepoint", "release":
		return false
	}
	return true
}

// sessionWords: EXPLAIN PRAGMA is no explanation, many a PRAGMA has done its work once it is compiled.
var sessionWords = sqltext.NewWords(
	sqltext.Word{Text: "pragma", Pivot: 4, Check: sqltext.WholeWord},
	sqltext.Word{Text: "temp", Pivot: 3, Check: sqltext.Temporary},
	sqltext.Word{Text: "load_extension", Pivot: 5},
	sqltext.Word{Text: "fts3_tokenizer", Pivot: 1},                 // registers a tokenizer
	sqltext.Word{Text: "eval", Pivot: 1, Check: sqltext.WholeWord}, // an extension's function that runs a text
)
