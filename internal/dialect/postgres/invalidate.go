package postgres

import (
	"strings"

	"github.com/pooled-go/pooled/internal/sqltext"
)

// invalidates tells what a text does to the statements that are kept.
func invalidates(q string) sqltext.Invalidation {
	weight, _ := invalidatingWords.Find(lexis, q)
	found, statements := sqltext.Invalidation(weight), lexis.Statements(q)
	for found < sqltext.InvalidatesSessions && statements.Next() {
		found = max(found, invalidatesByKeyword(statements.Word, statements.Rest))
	}
	if statements.Ambiguous() {
		found = max(found, sqltext.InvalidatesSession)
		if definingKeywords.Has(lexis, q) {
			found = sqltext.InvalidatesSessions
		}
	}
	return found
}

// invalidatesByKeyword judges a statement by its first keyword. CREATE may put a new name before an old one. DO and
// CALL run code that may do so too, and so may COMMIT PREPARED and whatever is not known here. EXECUTE runs no such
// statement: the server prepares none.
func invalidatesByKeyword(word sqltext.Keyword, rest string) sqltext.Invalidation {
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy",
		"show", "prepare", "declare", "fetch", "move", "close", "lock",
		"listen", "unlisten", "notify", "comment", "grant", "revoke", "truncate",
		"analyze", "analyse", "vacuum", "reindex", "cluster", "refresh", "checkpoint",
		"begin", "start", "end", "rollback", "abort", "savepoint", "release":
		return sqltext.InvalidatesNone
	case "commit":
		if lexis.FollowedBy(rest, "prepared") {
			return sqltext.InvalidatesSessions
		}
		return sqltext.InvalidatesNone
	case "explain":
		if sqltext.ContainsFold(rest, "execute") {
			return sqltext.InvalidatesSession
		}
		return sqltext.InvalidatesNone
	case "set":
		return invalidatesBySet(rest)
	case "create":
		if isTemporary(rest) {
			return sqltext.InvalidatesSession
		}
	case "reset", "discard", "deallocate", "execute", "load":
		return sqltext.InvalidatesSession
	}
	return sqltext.InvalidatesSessions
}

// invalidatesBySet judges SET by what stands behind it.
func invalidatesBySet(rest string) sqltext.Invalidation {
	name, rest := settingName(rest)
	how := sqltext.InvalidatesSession
	switch name {
	case "local":
		how = sqltext.InvalidatesForNow
		name, _ = settingName(rest)
	case "session":
		name, _ = settingName(rest)
	}
	if isHarmlessSetting(name) {
		return sqltext.InvalidatesNone
	}
	return how
}

// settingName reads the name of a setting, in lower case; empty if it is not plainly written.
func settingName(text string) (name, rest string) {
	at := lexis.SkipSpace(text, 0)
	if at == sqltext.Ambiguous {
		return "", ""
	}
	var buf [64]byte
	end := at
	for ; end < len(text) && (sqltext.IsWord(text[end]) || text[end] == '.'); end++ {
		if end-at == len(buf) {
			return "", ""
		}
		buf[end-at] = sqltext.Lower(text[end])
	}
	return string(buf[:end-at]), text[end:]
}

// isHarmlessSetting tells the settings that say nothing about how a text is read: a program's own, which have a dot in
// their names, and those about time limits, memory and logging that programs like to set for a transaction.
func isHarmlessSetting(name string) bool {
	for i := range len(name) {
		if name[i] == '.' && i > 0 {
			return true
		}
	}
	switch name {
	case "transaction", "constraints", "characteristics", "application_name", "synchronous_commit", "work_mem",
		"maintenance_work_mem", "client_min_messages", "statement_timeout", "lock_timeout", "transaction_timeout",
		"idle_in_transaction_session_timeout", "idle_session_timeout", "deadlock_timeout":
		return true
	}
	return false
}

const (
	unfitHere       = uint8(sqltext.InvalidatesSession)
	unfitEverywhere = uint8(sqltext.InvalidatesSessions)
)

// invalidatingWords are those by which a statement that looks harmless changes how texts are read, or makes a table.
var invalidatingWords = sqltext.NewWords(
	sqltext.Word{Text: "set_config", Pivot: 4, Weight: unfitHere, Check: setsMore},
	sqltext.Word{Text: "pg_settings", Pivot: 2, Weight: unfitHere}, // a view that takes UPDATE for SET
	sqltext.Word{Text: "temp", Pivot: 3, Weight: unfitHere, Check: sqltext.Temporary},
	sqltext.Word{Text: "create", Pivot: 3, Weight: unfitHere, Check: sqltext.WholeWord}, // a function runs it
	sqltext.Word{Text: `u&"`, Pivot: 2, Weight: unfitHere},
	sqltext.Word{Text: "into", Pivot: 3, Weight: unfitEverywhere, Check: makesTable},
	sqltext.Word{Text: "create", Pivot: 3, Weight: unfitEverywhere, Check: explainsCreate},
)

// definingKeywords are the first words of statements that define something, or may run one that does. They are looked
// for in all of a text of which it is not certain where its statements begin.
var definingKeywords = sqltext.NewWords(
	sqltext.Word{Text: "create", Pivot: 3, Check: sqltext.WholeWord},
	sqltext.Word{Text: "alter", Pivot: 2, Check: sqltext.WholeWord},
	sqltext.Word{Text: "drop", Pivot: 3, Check: sqltext.WholeWord},
	sqltext.Word{Text: "import", Pivot: 2, Check: sqltext.WholeWord},
	sqltext.Word{Text: "reassign", Pivot: 4, Check: sqltext.WholeWord},
	sqltext.Word{Text: "security", Pivot: 3, Check: sqltext.WholeWord},
	sqltext.Word{Text: "prepared", Pivot: 4, Check: sqltext.WholeWord},
	sqltext.Word{Text: "call", Pivot: 2, Check: sqltext.WholeWord},
	sqltext.Word{Text: "do", Pivot: 1, Check: sqltext.WholeWord},
)

// setsMore looks at the first argument of set_config, the name of a setting, for one that is not harmless.
func setsMore(_ *sqltext.Lexis, q string, _, end int) bool {
	return !isHarmlessSetting(firstLiteral(q[end:]))
}

// makesTable tells the INTO of SELECT … INTO from that of INSERT and MERGE, and from one that makes a temporary table.
func makesTable(l *sqltext.Lexis, q string, at, end int) bool {
	before := strings.TrimRight(q[:at], " \t\r\n\f\v")
	for _, verb := range [...]string{"insert", "merge"} {
		if len(before) >= len(verb) && sqltext.HasPrefixFold(before[len(before)-len(verb):], verb) {
			return false
		}
	}
	return sqltext.WholeWord(l, q, at, end) && !isTemporary(q[end:])
}

// explainsCreate tells the CREATE of EXPLAIN ANALYZE CREATE TABLE … AS, which is executed.
func explainsCreate(l *sqltext.Lexis, q string, at, end int) bool {
	return sqltext.WholeWord(l, q, at, end) && sqltext.ContainsFold(q[:at], "explain") && !isTemporary(q[end:])
}

// isTemporary tells whether what is made has the word for it first: then only this session sees it.
func isTemporary(rest string) bool {
	return lexis.FollowedBy(rest, "temp") || lexis.FollowedBy(rest, "temporary")
}

// firstLiteral is the first argument of a call, if that is a plain literal.
func firstLiteral(rest string) string {
	for _, want := range [...]byte{'(', '\''} {
		for len(rest) > 0 && sqltext.IsSpace(rest[0]) {
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0] != want {
			return ""
		}
		rest = rest[1:]
	}
	name, rest := settingName(rest)
	if len(rest) == 0 || rest[0] != '\'' {
		return ""
	}
	return name
}
