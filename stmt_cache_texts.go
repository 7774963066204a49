package pooled

import "strings"

// The functions of this file tell, from a text alone, whether a prepared statement can take its place, and what
// makes those that are kept unfit.

// keptTextMost is how long a text may be of which a statement is kept. Longer ones are mostly bulk inserts, of which
// hardly two are alike.
const keptTextMost = 16 << 10

// preparable tells whether a statement can be kept for a text: one query or one statement that changes rows. Not
// COPY and LOAD DATA, nothing that ends a transaction or changes the session, and no text that is doubtful.
func preparable(d dialectKind, query string) bool {
	if len(query) > keptTextMost || d == dialectMySQL && hasExecutableComment(query) {
		return false
	}
	at := skipBlanks(d, query, 0)
	if at == doubtful || at == len(query) {
		return false
	}
	var buf keywordBuffer
	word, end := firstKeyword(d, query, at, &buf)
	switch string(word) {
	case "select", "insert", "update", "delete", "with", "values", "table":
	case "merge":
		if d != dialectPostgres {
			return false
		}
	case "replace":
		if d != dialectMySQL {
			return false
		}
	default:
		return false
	}
	return nextStatement(d, query, end) == len(query) && !(d == dialectPostgres && namesMoment(query))
}

// returnsRows tells whether a text that is preparable may return rows.
func returnsRows(d dialectKind, query string) bool {
	var buf keywordBuffer
	word, _ := firstKeyword(d, query, skipBlanks(d, query, 0), &buf)
	switch string(word) {
	case "insert", "update", "delete", "replace", "merge":
		return containsFold(query, "returning")
	}
	return true
}

// namesMoment looks for a literal such as 'now' or 'today': PostgreSQL turns it into a moment when it reads the text, so in a
// prepared statement it stands still (its documentation, "Special Values" of date/time types). now() by itself, a
// function, does not. Where it is not plain what is a literal, everything is, and what may hide a word is taken for one.
func namesMoment(query string) bool {
	if hidesWords(query) {
		return true
	}
	plain := plainLiterals(query)
	inside := !plain
	for at := range len(query) {
		if query[at] == '\'' && plain {
			inside = !inside
		}
		if inside && momentAt(query, at) {
			return true
		}
	}
	return false
}

// hidesWords tells whether a literal may say a word otherwise than by its letters in a row: E'…' and U&'…' with escapes,
// and one that goes on on another line.
func hidesWords(query string) bool {
	escapes := strings.IndexByte(query, '\\') >= 0
	for at := range len(query) {
		if query[at] == '\'' && (goesOn(query[at+1:]) || escapes && at > 0 && (lower(query[at-1]) == 'e' || query[at-1] == '&')) {
			return true
		}
	}
	return false
}

// plainLiterals tells whether quotes alone say where literals begin and end: no comments, and no $$…$$.
func plainLiterals(query string) bool {
	for at := range len(query) {
		if query[at] == '$' && (at+1 == len(query) || query[at+1] < '0' || query[at+1] > '9') {
			return false
		}
	}
	return !strings.Contains(query, "--") && !strings.Contains(query, "/*") && strings.Count(query, "'")%2 == 0
}

// goesOn tells whether a literal that ends here goes on on another line.
func goesOn(rest string) bool {
	trimmed := strings.TrimLeft(rest, " \t\r\n\f\v")
	return trimmed != "" && trimmed[0] == '\'' && strings.ContainsAny(rest[:len(rest)-len(trimmed)], "\r\n")
}

// momentAt tells whether one of the words stands here. All but letters and digits goes for a blank in such a literal.
func momentAt(query string, at int) bool {
	if at > 0 && isLetter(query[at-1]) {
		return false
	}
	for _, name := range [...]string{"now", "today", "tomorrow", "yesterday"} {
		if hasFoldPrefix(query[at:], name) && (at+len(name) == len(query) || !isLetter(query[at+len(name)])) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return isWord(c) && c != '_' && c != '$' }

// unsettling is what a statement does to those that are kept.
type unsettling uint8

const (
	settled          unsettling = iota
	unsettledForNow             // they are unfit until the transaction has ended
	unsettledForGood            // they are unfit
	unsettledForAll             // so are those of the other server connections
)

// unsettles tells what a text does to the statements that are kept. A server reads a text when it prepares it: names
// as the search path or the current database then was, literals by the time zone and date style, quotes by sql_mode.
// Kept statements would go on with that.
//
// It is about the text alone: what a function that it calls does to the session, or to tables, is not seen.
func unsettles(d dialectKind, query string) unsettling {
	if d == dialectMySQL {
		return unsettlesMySQL(query)
	}
	found := settled
	if yes, _ := definingWords.in(d, query); yes {
		found = unsettledForAll
	} else if yes, _ := unsettlingWords.in(d, query); yes {
		found = unsettledForGood
	}
	at := skipBlanks(d, query, 0)
	for at != doubtful && at < len(query) && found != unsettledForAll {
		var buf keywordBuffer
		word, end := firstKeyword(d, query, at, &buf)
		found = max(found, unsettlesPostgres(word, query[end:]))
		at = nextStatement(d, query, end)
	}
	if at == doubtful {
		found = max(found, unsettlesDoubtful(query))
	}
	return found
}

// unsettlesDoubtful judges a text of which it is not certain where its statements begin.
func unsettlesDoubtful(query string) unsettling {
	if yes, _ := doubtfulWords.in(dialectPostgres, query); yes {
		return unsettledForAll
	}
	return unsettledForGood
}

// unsettlesMySQL: SET and USE, and what may be either, such as EXECUTE.
func unsettlesMySQL(query string) unsettling {
	if classify(dialectMySQL, query) == effectAny {
		return unsettledForGood
	}
	found := settled
	at := skipBlanks(dialectMySQL, query, 0)
	for at != doubtful && at < len(query) {
		var buf keywordBuffer
		word, end := firstKeyword(dialectMySQL, query, at, &buf)
		switch string(word) {
		case "drop", "alter", "rename":
			return unsettledForAll
		case "set", "use", "deallocate":
			found = unsettledForGood
		}
		at = nextStatement(dialectMySQL, query, end)
	}
	if at == doubtful {
		return unsettledForGood
	}
	return found
}

// unsettlesPostgres judges a statement by its first keyword. CREATE may put a new name before an old one. DO and CALL
// run code that may do so too, and so may COMMIT PREPARED and whatever is not known here. EXECUTE runs no such
// statement: the server prepares none.
func unsettlesPostgres(word []byte, rest string) unsettling {
	switch string(word) {
	case "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy",
		"show", "prepare", "declare", "fetch", "move", "close", "lock",
		"listen", "unlisten", "notify", "comment", "grant", "revoke", "truncate",
		"analyze", "analyse", "vacuum", "reindex", "cluster", "refresh", "checkpoint",
		"begin", "start", "end", "rollback", "abort", "savepoint", "release":
		return settled
	case "commit":
		if followedBy(dialectPostgres, rest, "prepared") {
			return unsettledForAll
		}
		return settled
	case "explain":
		if containsFold(rest, "execute") {
			return unsettledForGood
		}
		return settled
	case "set":
		return unsettlesBySetting(rest)
	case "create":
		if temporary(rest) {
			return unsettledForGood
		}
	case "reset", "discard", "deallocate", "execute", "load":
		return unsettledForGood
	}
	return unsettledForAll
}

// unsettlesBySetting judges SET by what stands behind it.
func unsettlesBySetting(rest string) unsettling {
	name, rest := settingName(rest)
	how := unsettledForGood
	switch name {
	case "local":
		how = unsettledForNow
		name, _ = settingName(rest)
	case "session":
		name, _ = settingName(rest)
	}
	if harmlessSetting(name) {
		return settled
	}
	return how
}

// settingName reads the name of a setting, in lower case; empty if it is not plainly written.
func settingName(text string) (name, rest string) {
	at := skipSpace(dialectPostgres, text, 0)
	if at == doubtful {
		return "", ""
	}
	var buf [64]byte
	end := at
	for ; end < len(text) && (isWord(text[end]) || text[end] == '.'); end++ {
		if end-at == len(buf) {
			return "", ""
		}
		buf[end-at] = lower(text[end])
	}
	return string(buf[:end-at]), text[end:]
}

// harmlessSetting tells the settings that say nothing about how a text is read: a program's own, which have a dot in their
// names, and those about time limits, memory and logging that programs like to set for a transaction.
func harmlessSetting(name string) bool {
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

// unsettlingWords are those by which a statement that looks harmless changes how texts are read.
var unsettlingWords = newSessionWords(
	sessionWord{"set_config", 4, setsUnsettling},
	sessionWord{"pg_settings", 2, nil}, // a view that takes UPDATE for SET
	sessionWord{"temp", 3, makesTemporary},
	sessionWord{"create", 3, isWholeWord}, // in a text that a function runs
	sessionWord{`u&"`, 2, nil},
)

// definingWords are those by which one makes a table.
var definingWords = newSessionWords(
	sessionWord{"into", 3, makesTable},
	sessionWord{"create", 3, explainsCreate},
)

// doubtfulWords are the first words of statements that define something, or may run one that does.
var doubtfulWords = newSessionWords(
	sessionWord{"create", 3, isWholeWord},
	sessionWord{"alter", 2, isWholeWord},
	sessionWord{"drop", 3, isWholeWord},
	sessionWord{"import", 2, isWholeWord},
	sessionWord{"reassign", 4, isWholeWord},
	sessionWord{"security", 3, isWholeWord},
	sessionWord{"prepared", 4, isWholeWord},
	sessionWord{"call", 2, isWholeWord},
	sessionWord{"do", 1, isWholeWord},
)

// setsUnsettling looks at the first argument of set_config, the name of a setting.
func setsUnsettling(_ dialectKind, q string, _, end int) bool {
	return !harmlessSetting(firstLiteral(q[end:]))
}

// makesTable tells the INTO of SELECT … INTO from that of INSERT and MERGE, and from one that makes a temporary table.
func makesTable(d dialectKind, q string, at, end int) bool {
	before := strings.TrimRight(q[:at], " \t\r\n\f\v")
	for _, verb := range [...]string{"insert", "merge"} {
		if len(before) >= len(verb) && hasFoldPrefix(before[len(before)-len(verb):], verb) {
			return false
		}
	}
	return isWholeWord(d, q, at, end) && !temporary(q[end:])
}

// explainsCreate tells the CREATE of EXPLAIN ANALYZE CREATE TABLE … AS, which is executed.
func explainsCreate(d dialectKind, q string, at, end int) bool {
	return isWholeWord(d, q, at, end) && containsFold(q[:at], "explain") && !temporary(q[end:])
}

// temporary tells whether what is made has the word for it first: then only this session sees it.
func temporary(rest string) bool {
	return followedBy(dialectPostgres, rest, "temp") || followedBy(dialectPostgres, rest, "temporary")
}

// firstLiteral is the first argument of a call, if that is a plain literal.
func firstLiteral(rest string) string {
	for _, want := range [...]byte{'(', '\''} {
		for len(rest) > 0 && isSpace(rest[0]) {
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
