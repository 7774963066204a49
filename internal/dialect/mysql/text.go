// Package mysql is the dialect of MySQL and MariaDB.
package mysql

import (
	"strings"

	"github.com/pooled-go/pooled/internal/sqltext"
)

var lexis = sqltext.NewLexis(sqltext.Lexis{
	Quotes:          "'\"`",
	Escapes:         `'"`, // which sql_mode can turn off
	HashComments:    true,
	DashesNeedBlank: sqltext.Yes,
	Unclear:         "$", // MySQL 9 quotes by dollars, older ones have names that begin with it
	SecondBytes:     "\\`",
	CountedNames:    true,
})

// rules are MySQL's and MariaDB's.
var rules = &sqltext.Rules{
	Lexis:              lexis,
	ExecutableComments: true,
	MostEffect:         sqltext.EffectAny,
	Effect:             effect,

	Session:      touchesSession,
	SessionWords: sessionWords,
	HidesSession: hidesSession,

	Repeats:     repeats,
	Prepares:    "replace",
	Unprepared:  unprepared,
	Invalidates: invalidates,
}

// effect. rest is all the text behind the keyword.
func effect(word sqltext.Keyword, rest string) sqltext.Effect {
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "table", "load",
		"show", "explain", "describe", "desc", "analyze", "use",
		"alter", "drop", "truncate", "rename", "grant", "revoke":
		return sqltext.EffectNone
	case "create":
		// CREATE TABLE … START TRANSACTION leaves one open (MySQL 8).
		if sqltext.ContainsFold(rest, "transaction") {
			return sqltext.EffectTx
		}
		return sqltext.EffectNone
	case "set":
		return effectOfSet(rest)
	case "begin":
		return effectOfBegin(rest)
	case "start", "commit", "rollback", // each starts one, the last two by AND CHAIN or completion_type
		"savepoint", "release", "xa",
		"do",                        // calls functions and nothing else, as SELECT; left a maybe
		"lock", "unlock", "handler", // table locks and cursors, which can wait for a transaction's end
		"flush", "kill", "optimize", "check", "checksum", "repair", "cache", "help", "signal":
		return sqltext.EffectTx
	}
	// CALL, PREPARE, EXECUTE, IF, CASE, LOOP … can run any statement.
	return sqltext.EffectAny
}

// effectOfSet: SET can turn autocommit off, make COMMIT and ROLLBACK start a new transaction (completion_type), or
// stand before any statement (SET STATEMENT … FOR). MySQL compares names of variables without regard to accents, so
// a name beyond ASCII may be any of these.
func effectOfSet(rest string) sqltext.Effect {
	if sqltext.ContainsFold(rest, "autocommit") || sqltext.ContainsFold(rest, "completion_type") ||
		sqltext.ContainsFold(rest, "statement") || !sqltext.IsASCII(rest) {
		return sqltext.EffectAny
	}
	return sqltext.EffectTx
}

// effectOfBegin: BEGIN and BEGIN WORK start a transaction. Anything else behind BEGIN is a block of statements.
func effectOfBegin(rest string) sqltext.Effect {
	at := lexis.SkipSpace(rest, 0)
	if at != sqltext.Ambiguous {
		if word, end := sqltext.KeywordAt(rest, at); word.Is("work") {
			at = lexis.SkipSpace(rest, end)
		}
	}
	if at == sqltext.Ambiguous || at < len(rest) && rest[at] != ';' {
		return sqltext.EffectAny
	}
	return sqltext.EffectTx
}

// touchesSession. Not on the list: SET in all its forms, USE, PREPARE, EXECUTE, DEALLOCATE, LOCK and UNLOCK TABLES,
// HANDLER, FLUSH, BACKUP, XA, CALL, DO, and blocks of statements.
func touchesSession(word sqltext.Keyword, rest string) bool {
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "table", "load",
		"show", "explain", "describe", "desc",
		"truncate", "rename", "grant", "revoke",
		"analyze", "optimize", "check", "checksum", "repair",
		"commit", "rollback", "savepoint":
		return false
	case "create", "alter", "drop":
		// The session follows its default database: ALTER changes its character set, DROP leaves it without one. DROP
		// PREPARE is DEALLOCATE.
		return sqltext.ContainsFold(rest, "database") || sqltext.ContainsFold(rest, "schema") ||
			sqltext.ContainsFold(rest, "prepare")
	case "begin":
		return effectOfBegin(rest) != sqltext.EffectTx
	case "start":
		return !lexis.FollowedBy(rest, "transaction")
	case "release":
		return !lexis.FollowedBy(rest, "savepoint")
	}
	return true
}

// repeats. Not on the list: LOAD DATA, whose rows may come from a stream of the program's; what runs other statements
// (CALL, EXECUTE, DO, SET STATEMENT, blocks); what is about transactions, locks or the session.
func repeats(word sqltext.Keyword, _ string) bool {
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "table",
		"create", "alter", "drop", "truncate", "rename", "grant", "revoke":
		return true
	}
	return false
}

var sessionWords = sqltext.NewWords(
	sqltext.Word{Text: "get_lock", Pivot: 4},
	sqltext.Word{Text: "release_lock", Pivot: 8}, // service_release_locks too
	sqltext.Word{Text: "release_all_l", Pivot: 8},
	sqltext.Word{Text: "service_get_", Pivot: 8}, // MySQL's locking service
	sqltext.Word{Text: "version_tokens_lock", Pivot: 15},
	sqltext.Word{Text: "last_insert_id", Pivot: 11, Check: hasArgument},
	sqltext.Word{Text: "nextval", Pivot: 4}, // MariaDB's sequences: LASTVAL
	sqltext.Word{Text: "setval", Pivot: 3},
	sqltext.Word{Text: "next", Pivot: 3, Check: isNextValue},
	sqltext.Word{Text: "temporary", Pivot: 3},
)

// hasArgument tells LAST_INSERT_ID(expr), which sets what LAST_INSERT_ID() reads.
func hasArgument(l *sqltext.Lexis, q string, _, end int) bool {
	if end < len(q) && (q[end] == '`' || q[end] == '"') {
		end++
	}
	at := l.SkipGap(q, end)
	if at == sqltext.Ambiguous || at == len(q) || q[at] != '(' {
		return at == sqltext.Ambiguous
	}
	at = l.SkipGap(q, at+1)
	return at == sqltext.Ambiguous || at == len(q) || q[at] != ')'
}

// isNextValue tells NEXT VALUE FOR of MariaDB's sequences.
func isNextValue(l *sqltext.Lexis, q string, at, end int) bool {
	if !sqltext.WholeWord(l, q, at, end) {
		return false
	}
	at = l.SkipGap(q, end)
	return at == sqltext.Ambiguous || sqltext.HasPrefixFold(q[at:], "value")
}

// hidesSession tells what the words can't: executable comments; user variables, which a query sets by @v := … or
// INTO @v; and, as MySQL may compare names without regard to accents, functions whose name is not ASCII.
func hidesSession(q string, ascii bool) bool {
	return sqltext.HasExecutableComment(q) || (!ascii || strings.IndexByte(q, '@') >= 0) && hasHiddenName(q)
}

// hasHiddenName looks for user variables and for functions beyond ASCII, outside of strings and comments. What it can't
// tell is one.
func hasHiddenName(q string) bool {
	for at := 0; at < len(q); {
		next := at + 1
		switch c := q[at]; {
		case lexis.OpensQuote(c):
			next = lexis.SkipQuoted(q, at)
		case c == '@':
			// @@name is a system variable, which only SET can set.
			if next = skipBytes(q, at, '@'); next != at+2 {
				return true
			}
		case c >= 0x80:
			if next = skipName(q, at); next != sqltext.Ambiguous && next < len(q) && q[next] == '(' {
				return true
			}
		case lexis.IsUnclear(c):
			return true
		default:
			if end := lexis.SkipComment(q, at); end != at {
				next = end
			}
		}
		if next == sqltext.Ambiguous {
			return true
		}
		at = next
	}
	return false
}

// skipBytes returns the place behind the bytes c from at on.
func skipBytes(q string, at int, c byte) int {
	for at < len(q) && q[at] == c {
		at++
	}
	return at
}

// skipName skips the rest of a name and the blanks behind it. Where the name ends is ambiguous when the byte behind
// could be the second half of its last character.
func skipName(q string, at int) int {
	for at < len(q) && sqltext.IsWord(q[at]) {
		at++
	}
	if at < len(q) && q[at-1] >= 0x80 && strings.IndexByte("@\\`", q[at]) >= 0 {
		return sqltext.Ambiguous
	}
	return lexis.SkipSpace(q, at)
}

// unprepared tells texts of which no statement is kept, because it would remember more than it should: the type that a
// user variable had, and in MariaDB that JSON_ARRAY or JSON_OBJECT once was NULL, or that a result of BIN, CONV or OCT
// once was too large for an integer.
func unprepared(q string) bool {
	return strings.IndexByte(q, '@') >= 0 && hasHiddenName(q) || stickyWords.Has(lexis, q)
}

var stickyWords = sqltext.NewWords(
	sqltext.Word{Text: "json_array", Pivot: 4},
	sqltext.Word{Text: "json_object", Pivot: 4},
	sqltext.Word{Text: "bin", Pivot: 1, Check: isCall},
	sqltext.Word{Text: "conv", Pivot: 3, Check: isCall},
	sqltext.Word{Text: "oct", Pivot: 2, Check: isCall},
)

// isCall tells the name of a function that is called.
func isCall(l *sqltext.Lexis, q string, at, end int) bool {
	if !sqltext.WholeWord(l, q, at, end) {
		return false
	}
	if end < len(q) && l.OpensQuote(q[end]) {
		end++
	}
	at = l.SkipGap(q, end)
	return at == sqltext.Ambiguous || at < len(q) && q[at] == '('
}

// invalidates: SET and USE, and what may be either, such as EXECUTE.
func invalidates(q string) sqltext.Invalidation {
	if sqltext.HasExecutableComment(q) {
		return sqltext.InvalidatesSession
	}
	found, statements := sqltext.InvalidatesNone, lexis.Statements(q)
	for statements.Next() {
		if effect(statements.Word, statements.Rest) == sqltext.EffectAny {
			return sqltext.InvalidatesSession
		}
		var buf sqltext.Buffer
		switch string(statements.Word.Lower(&buf)) {
		case "drop", "alter", "rename":
			found = sqltext.InvalidatesSessions
		case "set", "use":
			found = max(found, sqltext.InvalidatesSession)
		}
	}
	if statements.Ambiguous() {
		return sqltext.InvalidatesSession
	}
	return found
}
