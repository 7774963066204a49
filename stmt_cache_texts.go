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

// namesMoment looks for 'now', 'today', 'tomorrow' and 'yesterday': PostgreSQL turns such a literal into a moment when it
// reads the text, so in a prepared statement it stands still (its documentation, "Special Values" of date/time
// types). now() does not. What is written so that it could hide such a word is taken for one.
func namesMoment(query string) bool {
	escapes := strings.IndexByte(query, '\\') >= 0
	for at := range len(query) {
		switch {
		case query[at] == '\'' && (goesOn(query[at+1:]) || at > 0 && escapes && lower(query[at-1]) == 'e'):
			return true
		case query[at] == '&' && at > 0 && lower(query[at-1]) == 'u' && escapes: // U&'…'
			return true
		case momentAt(query, at):
			return true
		}
	}
	return false
}

// goesOn tells whether a literal that ends here goes on on another line.
func goesOn(rest string) bool {
	trimmed := strings.TrimLeft(rest, " \t\r\n\f\v")
	return trimmed != "" && trimmed[0] == '\'' && strings.ContainsAny(rest[:len(rest)-len(trimmed)], "\r\n")
}

func momentAt(query string, at int) bool {
	for _, name := range [...]string{"now", "today", "tomorrow", "yesterday"} {
		if lower(query[at]) != name[0] || !hasFoldPrefix(query[at:], name) {
			continue
		}
		rest := query[at+len(name):]
		within := at > 0 && isWord(query[at-1]) && query[at-1] != '$' || len(rest) > 0 && isWord(rest[0]) && rest[0] != '$'
		if !within && (name != "now" || !calls(rest)) {
			return true
		}
	}
	return false
}

// calls tells whether what stands behind a name makes it a call.
func calls(rest string) bool {
	for len(rest) > 0 && isSpace(rest[0]) {
		rest = rest[1:]
	}
	return len(rest) > 0 && rest[0] == '('
}

// unsettling is what a statement does to those that are kept.
type unsettling uint8

const (
	settled          unsettling = iota
	unsettledForNow             // they are unfit until the transaction has ended
	unsettledForGood            // they are unfit
)

// unsettles tells what a text does to the statements that are kept. A server reads a text when it prepares it: names
// as the search path or the current database then was, literals by the time zone and date style, quotes by sql_mode.
// Kept statements would go on with that.
//
// It is about the text alone: what a function that it calls does to the session is not seen.
func unsettles(d dialectKind, query string) unsettling {
	if d == dialectMySQL {
		return unsettlesMySQL(query)
	}
	found := unsettlesByFunction(query)
	at := skipBlanks(d, query, 0)
	for at != doubtful && at < len(query) && found != unsettledForGood {
		var buf keywordBuffer
		word, end := firstKeyword(d, query, at, &buf)
		found = max(found, unsettlesPostgres(word, query[end:]))
		at = nextStatement(d, query, end)
	}
	if at == doubtful {
		return unsettledForGood
	}
	return found
}

// unsettlesMySQL: SET and USE, and what may be either, such as EXECUTE.
func unsettlesMySQL(query string) unsettling {
	if classify(dialectMySQL, query) == effectAny {
		return unsettledForGood
	}
	at := skipBlanks(dialectMySQL, query, 0)
	for at != doubtful && at < len(query) {
		var buf keywordBuffer
		word, end := firstKeyword(dialectMySQL, query, at, &buf)
		switch string(word) {
		case "set", "use", "drop", "alter", "rename", "deallocate":
			return unsettledForGood
		}
		at = nextStatement(dialectMySQL, query, end)
	}
	if at == doubtful {
		return unsettledForGood
	}
	return settled
}

// unsettlesPostgres judges a statement by its first keyword. CREATE may put a new name before an old one.
func unsettlesPostgres(word []byte, rest string) unsettling {
	switch string(word) {
	case "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy",
		"show", "explain", "call", "prepare", "declare", "fetch", "move", "close", "lock",
		"listen", "unlisten", "notify", "comment", "grant", "revoke", "truncate",
		"analyze", "analyse", "vacuum", "reindex", "cluster", "refresh", "checkpoint",
		"begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release":
		return settled
	case "set":
		return unsettlesBySetting(rest)
	}
	return unsettledForGood
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

// unsettlesByFunction looks for set_config, whose first argument is the name of a setting if it is a plain literal.
func unsettlesByFunction(query string) unsettling {
	const function = "set_config"
	for at := 0; at+len(function) <= len(query); at++ {
		if lower(query[at]) != function[0] || !hasFoldPrefix(query[at:], function) {
			continue
		}
		if name := firstLiteral(query[at+len(function):]); !harmlessSetting(name) {
			return unsettledForGood
		}
	}
	return settled
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
