// Package generic is the dialect for unknown servers, for example if another driver wraps the real one: it contains
// only what is true for every server.
package generic

import (
	"strings"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/dialect/sqlite"
	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
	"github.com/pooled-go/pooled/internal/sqltext"
)

var lexis = sqltext.NewLexis(sqltext.Lexis{
	Quotes:          "'\"`",
	DashesNeedBlank: sqltext.Unsure,
	ReturnEndsLine:  sqltext.Unsure,
	NestedComments:  sqltext.Unsure,
	SecondBytes:     "\\`",
})

// rules are for any server. Statements are kept for none; how they are invalidated is PostgreSQL's, the strictest.
var rules = &sqltext.Rules{
	Lexis:         lexis,
	Unknown:       true,
	MostEffect:    sqltext.EffectAny,
	EffectOfText:  effect,
	Words:         everydayWords,
	SessionOfText: touchesSession,
	SessionWords:  sessionWords,
	Invalidates:   postgres.Dialect.Rules.Invalidates,
}

func effect(q string) sqltext.Effect {
	at := lexis.SkipBlanks(q, 0)
	if at == sqltext.Ambiguous || sqltext.HasExecutableComment(q) {
		return sqltext.EffectAny
	}
	word, end := sqltext.KeywordAt(q, at)
	words := everydayWords
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select":
		words = lockWords
	case "insert", "update", "delete":
	default:
		if at < len(q) {
			return sqltext.EffectAny
		}
	}
	if !sqltext.EndsAtSemicolon(q[end:]) {
		return sqltext.EffectAny
	}
	if found, ascii := words.Find(lexis, q); found > 0 || !ascii {
		return sqltext.EffectAny
	}
	return sqltext.EffectNone
}

// everydayWords are those of SQL Server's batches: no other server has so many.
var everydayWords = sqlserver.Dialect.Rules.Words

// lockWords are for a SELECT: those, and words that ask for locks (FOR UPDATE, WITH LOCK), which
// last as long as a transaction, so that some drivers keep one open.
var lockWords = everydayWords.And(sqltext.NewWords(
	sqltext.Word{Text: "update", Pivot: 1},
	sqltext.Word{Text: "lock", Pivot: 3},
))

// touchesSession: the words of all dialects are forbidden, and so are the bytes that begin a variable in MySQL, a
// temporary table in SQL Server, or a name in some collation.
func touchesSession(q string) bool {
	at := lexis.SkipBlanks(q, 0)
	if at == sqltext.Ambiguous || !sqltext.EndsAtSemicolon(q[at:]) || sqltext.HasExecutableComment(q) ||
		strings.IndexByte(q, '@') >= 0 || strings.IndexByte(q, '#') >= 0 {
		return true
	}
	if found, ascii := sessionWords.Find(lexis, q); found > 0 || !ascii {
		return true
	}
	word, _ := sqltext.KeywordAt(q, at)
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "delete", "commit", "rollback":
		return false
	}
	return at < len(q)
}

// sessionWords are those of all dialects, and of servers that have none here.
var sessionWords = sqltext.NewWords(
	sqltext.Word{Text: "set_context", Pivot: 8}, // Firebird's RDB$SET_CONTEXT
	sqltext.Word{Text: "dbms_", Pivot: 1},       // Oracle's packages
).And(postgres.Dialect.Rules.SessionWords, mysql.Dialect.Rules.SessionWords,
	sqlite.Dialect.Rules.SessionWords, sqlserver.Dialect.Rules.SessionWords)
