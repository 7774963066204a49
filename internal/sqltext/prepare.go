package sqltext

import "strings"

// The functions of this file tell, from a text alone, whether a prepared statement can take its place, and what
// makes those that are kept unfit.

// KeptTextMost is how long a text may be of which a statement is kept. Longer ones are mostly bulk inserts, of which
// hardly two are alike.
const KeptTextMost = 16 << 10

// Preparable tells whether a statement can be kept for a text: one query or one statement that changes rows. Not
// COPY and LOAD DATA, nothing that ends a transaction or changes the session, and no text that is doubtful.
func Preparable(d Kind, query string) bool {
	if len(query) > KeptTextMost || d == MySQL && hasExecutableComment(query) {
		return false
	}
	at := SkipBlanks(d, query, 0)
	if at == Doubtful || at == len(query) {
		return false
	}
	var buf KeywordBuffer
	word, end := firstKeyword(d, query, at, &buf)
	switch string(word) {
	case "select", "insert", "update", "delete", "with", "values", "table":
	case "merge":
		if d != Postgres {
			return false
		}
	case "replace":
		if d != MySQL {
			return false
		}
	default:
		return false
	}
	return NextStatement(d, query, end) == len(query) && !(d == Postgres && namesMoment(query))
}

// ReturnsRows tells whether a text that is Preparable may return rows.
func ReturnsRows(d Kind, query string) bool {
	var buf KeywordBuffer
	word, _ := firstKeyword(d, query, SkipBlanks(d, query, 0), &buf)
	switch string(word) {
	case "insert", "update", "delete", "replace", "merge":
		return ContainsFold(query, "returning")
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

func isLetter(c byte) bool { return IsWord(c) && c != '_' && c != '$' }

// Unsettling is what a statement does to those that are kept.
type Unsettling uint8

const (
	Settled          Unsettling = iota
	UnsettledForNow             // they are unfit until the transaction has ended
	UnsettledForGood            // they are unfit
	UnsettledForAll             // so are those of the other server connections
)

// Unsettles tells what a text does to the statements that are kept. A server reads a text when it prepares it: names
// as the search path or the current database then was, literals by the time zone and date style, quotes by sql_mode.
// Kept statements would go on with that.
//
// It is about the text alone: what a function that it calls does to the session, or to tables, is not seen.
func Unsettles(d Kind, query string) Unsettling {
	if d == MySQL {
		return unsettlesMySQL(query)
	}
	found := Settled
	if yes, _ := definingWords.in(d, query); yes {
		found = UnsettledForAll
	} else if yes, _ := unsettlingWords.in(d, query); yes {
		found = UnsettledForGood
	}
	at := SkipBlanks(d, query, 0)
	for at != Doubtful && at < len(query) && found != UnsettledForAll {
		var buf KeywordBuffer
		word, end := firstKeyword(d, query, at, &buf)
		found = max(found, unsettlesPostgres(word, query[end:]))
		at = NextStatement(d, query, end)
	}
	if at == Doubtful {
		found = max(found, unsettlesDoubtful(query))
	}
	return found
}

// unsettlesDoubtful judges a text of which it is not certain where its statements begin.
func unsettlesDoubtful(query string) Unsettling {
	if yes, _ := doubtfulWords.in(Postgres, query); yes {
		return UnsettledForAll
	}
	return UnsettledForGood
}

// unsettlesMySQL: SET and USE, and what may be either, such as EXECUTE.
func unsettlesMySQL(query string) Unsettling {
	if Classify(MySQL, query) == EffectAny {
		return UnsettledForGood
	}
	found := Settled
	at := SkipBlanks(MySQL, query, 0)
	for at != Doubtful && at < len(query) {
		var buf KeywordBuffer
		word, end := firstKeyword(MySQL, query, at, &buf)
		switch string(word) {
		case "drop", "alter", "rename":
			return UnsettledForAll
		case "set", "use", "deallocate":
			found = UnsettledForGood
		}
		at = NextStatement(MySQL, query, end)
	}
	if at == Doubtful {
		return UnsettledForGood
	}
	return found
}

// unsettlesPostgres judges a statement by its first keyword. CREATE may put a new name before an old one. DO and CALL
// run code that may do so too, and so may COMMIT PREPARED and whatever is not known here. EXECUTE runs no such
// statement: the server prepares none.
func unsettlesPostgres(word []byte, rest string) Unsettling {
	switch string(word) {
	case "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy",
		"show", "prepare", "declare", "fetch", "move", "close", "lock",
		"listen", "unlisten", "notify", "comment", "grant", "revoke", "truncate",
		"analyze", "analyse", "vacuum", "reindex", "cluster", "refresh", "checkpoint",
		"begin", "start", "end", "rollback", "abort", "savepoint", "release":
		return Settled
	case "commit":
		if followedBy(Postgres, rest, "prepared") {
			return UnsettledForAll
		}
		return Settled
	case "explain":
		if ContainsFold(rest, "execute") {
			return UnsettledForGood
		}
		return Settled
	case "set":
		return unsettlesBySetting(rest)
	case "create":
		if temporary(rest) {
			return UnsettledForGood
		}
	case "reset", "discard", "deallocate", "execute", "load":
		return UnsettledForGood
	}
	return UnsettledForAll
}

// unsettlesBySetting judges SET by what stands behind it.
func unsettlesBySetting(rest string) Unsettling {
	name, rest := settingName(rest)
	how := UnsettledForGood
	switch name {
	case "local":
		how = UnsettledForNow
		name, _ = settingName(rest)
	case "session":
		name, _ = settingName(rest)
	}
	if harmlessSetting(name) {
		return Settled
	}
	return how
}

// settingName reads the name of a setting, in lower case; empty if it is not plainly written.
func settingName(text string) (name, rest string) {
	at := SkipSpace(Postgres, text, 0)
	if at == Doubtful {
		return "", ""
	}
	var buf [64]byte
	end := at
	for ; end < len(text) && (IsWord(text[end]) || text[end] == '.'); end++ {
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
func setsUnsettling(_ Kind, q string, _, end int) bool {
	return !harmlessSetting(firstLiteral(q[end:]))
}

// makesTable tells the INTO of SELECT … INTO from that of INSERT and MERGE, and from one that makes a temporary table.
func makesTable(d Kind, q string, at, end int) bool {
	before := strings.TrimRight(q[:at], " \t\r\n\f\v")
	for _, verb := range [...]string{"insert", "merge"} {
		if len(before) >= len(verb) && hasFoldPrefix(before[len(before)-len(verb):], verb) {
			return false
		}
	}
	return isWholeWord(d, q, at, end) && !temporary(q[end:])
}

// explainsCreate tells the CREATE of EXPLAIN ANALYZE CREATE TABLE … AS, which is executed.
func explainsCreate(d Kind, q string, at, end int) bool {
	return isWholeWord(d, q, at, end) && ContainsFold(q[:at], "explain") && !temporary(q[end:])
}

// temporary tells whether what is made has the word for it first: then only this session sees it.
func temporary(rest string) bool {
	return followedBy(Postgres, rest, "temp") || followedBy(Postgres, rest, "temporary")
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
