package sqltext

import "strings"

// TouchesSession tells whether a query text may leave session state behind
// that a later borrower of the server connection could see: settings,
// temporary tables, locks that outlive their transaction, prepared names,
// cursors, variables. Transactions are none of it, they are Classify's matter;
// what ends with its transaction (SET LOCAL) is no session state either.
//
// It is a whitelist by first keyword, as Classify is, and beyond that the text
// must be free of the words by which a statement of the whitelist reaches the
// session, wherever in it they stand: a word in a string or comment costs a
// needless reset, a word overlooked is the next borrower's surprise.
//
// Not covered is what the text doesn't show: stored functions, views, rules and
// triggers that an innocent statement runs, and what every INSERT may leave,
// the last generated ID (LAST_INSERT_ID(), lastval(), last_insert_rowid()).
//
// It allocates nothing and reads the text of an ordinary statement once.
func TouchesSession(d Kind, query string) bool {
	switch d {
	case Unknown:
		return touchesAnySession(query)
	case SQLServer:
		return batchTouchesSession(query)
	}
	words := &postgresSessionWords
	switch d {
	case MySQL:
		words = &mysqlSessionWords
	case SQLite:
		words = &sqliteSessionWords
	}
	found, ascii := words.in(d, query)
	if found || d == MySQL && hidesSessionWord(query, ascii) {
		return true
	}
	if beginsPlainly(query) && strings.IndexByte(query, ';') < 0 {
		return false
	}
	return statementsTouchSession(d, query)
}

// statementsTouchSession takes a text apart at its semicolons. Unlike Classify
// it has no doubts about several statements: whichever of them run, none
// touches the session.
func statementsTouchSession(d Kind, query string) bool {
	at := SkipBlanks(d, query, 0)
	for at != Doubtful && at < len(query) {
		var buf KeywordBuffer
		word, end := firstKeyword(d, query, at, &buf)
		if keywordTouchesSession(d, word, query[end:]) {
			return true
		}
		at = NextStatement(d, query, end)
	}
	return at == Doubtful
}

// firstKeyword is the keyword of the statement at the given place. Within
// parentheses there can only be a query.
func firstKeyword(d Kind, query string, at int, buf *KeywordBuffer) (word []byte, end int) {
	parens := false
	for at < len(query) && query[at] == '(' {
		parens = true
		if at = SkipSpace(d, query, at+1); at == Doubtful {
			return nil, len(query)
		}
	}
	word, end = Keyword(query, at, buf)
	if parens && !isQuery(word) {
		word = nil
	}
	return word, end
}

// keywordTouchesSession judges a statement by its first keyword and all the
// text behind it.
func keywordTouchesSession(d Kind, word []byte, rest string) bool {
	switch d {
	case MySQL:
		return mysqlTouchesSession(word, rest)
	case Postgres:
		return postgresTouchesSession(word, rest)
	default:
		return sqliteTouchesSession(word)
	}
}

// postgresTouchesSession. Not on the list: SET but for its kinds that end with
// the transaction, RESET, DISCARD, LISTEN, UNLISTEN, PREPARE, EXECUTE,
// DEALLOCATE, LOAD, DO, CALL. EXPLAIN ANALYZE does what the statement behind
// it does, and of those it can have the words tell the rest.
func postgresTouchesSession(word []byte, rest string) bool {
	switch string(word) {
	case "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy",
		"show", "explain", "notify", "fetch", "move", "close", "lock",
		"create", "alter", "drop", "truncate", "comment", "grant", "revoke", "reassign", "import", "security",
		"analyze", "analyse", "vacuum", "reindex", "cluster", "refresh", "checkpoint",
		"begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release":
		return false
	case "declare":
		return ContainsFold(rest, "hold") // WITH HOLD, the cursors that outlive a transaction
	case "set":
		return !setsWithinTransaction(rest)
	}
	return true
}

// setsWithinTransaction tells SET LOCAL, SET TRANSACTION and SET CONSTRAINTS
// of PostgreSQL, which end with the transaction and outside of one do nothing.
// None of these words is reserved: in SET local.x = 1 it is the first half of
// a setting's name.
func setsWithinTransaction(rest string) bool {
	at := SkipSpace(Postgres, rest, 0)
	if at == Doubtful {
		return false
	}
	var buf KeywordBuffer
	word, end := Keyword(rest, at, &buf)
	switch string(word) {
	case "local", "transaction", "constraints":
		at = SkipSpace(Postgres, rest, end)
		return at != Doubtful && at < len(rest) && (IsWord(rest[at]) || rest[at] == '"')
	}
	return false
}

// mysqlTouchesSession. Not on the list: SET in all its forms, USE, PREPARE,
// EXECUTE, DEALLOCATE, LOCK and UNLOCK TABLES, HANDLER, FLUSH, BACKUP, XA,
// CALL, DO, and blocks of statements.
func mysqlTouchesSession(word []byte, rest string) bool {
	switch string(word) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "table", "load",
		"show", "explain", "describe", "desc",
		"truncate", "rename", "grant", "revoke",
		"analyze", "optimize", "check", "checksum", "repair",
		"commit", "rollback", "savepoint":
		return false
	case "create", "alter", "drop":
		// The session follows its default database: ALTER changes its
		// character set, DROP leaves it without one. DROP PREPARE is DEALLOCATE.
		return ContainsFold(rest, "database") || ContainsFold(rest, "schema") || ContainsFold(rest, "prepare")
	case "begin":
		return leavesMySQLBegin(rest) != EffectTx
	case "start":
		return !followedBy(MySQL, rest, "transaction")
	case "release":
		return !followedBy(MySQL, rest, "savepoint")
	}
	return true
}

// followedBy tells whether the next word of a text is the given one.
func followedBy(d Kind, rest, want string) bool {
	at := SkipSpace(d, rest, 0)
	if at == Doubtful {
		return false
	}
	var buf KeywordBuffer
	word, _ := Keyword(rest, at, &buf)
	return string(word) == want
}

// sqliteTouchesSession. Not on the list: PRAGMA, ATTACH, DETACH.
func sqliteTouchesSession(word []byte) bool {
	switch string(word) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "explain",
		"create", "alter", "drop", "reindex", "analyze", "vacuum",
		"begin", "commit", "end", "rollback", "savepoint", "release":
		return false
	}
	return true
}

// batchTouchesSession judges a batch of SQL Server. Its statements need nothing
// between them, so the words must rule out all that could follow the first.
func batchTouchesSession(query string) bool {
	at := SkipBlanks(SQLServer, query, 0)
	if at == Doubtful || !endsAtSemicolon(query[at:]) || strings.IndexByte(query, '#') >= 0 {
		return true
	}
	if found, ascii := batchSessionWords.in(SQLServer, query); found || !ascii {
		return true
	}
	var buf KeywordBuffer
	word, _ := Keyword(query, at, &buf)
	switch string(word) {
	case "select", "insert", "update", "delete", "merge", "with",
		"begin", "commit", "rollback", "save":
		return false
	}
	return at < len(query)
}

// touchesAnySession accepts what is certain in every dialect: the words of all
// of them are forbidden, and so are the bytes that begin a variable in MySQL, a
// temporary table in SQL Server, or a name in some collation.
func touchesAnySession(query string) bool {
	at := SkipBlanks(Unknown, query, 0)
	if at == Doubtful || !endsAtSemicolon(query[at:]) || hasExecutableComment(query) ||
		strings.IndexByte(query, '@') >= 0 || strings.IndexByte(query, '#') >= 0 {
		return true
	}
	if found, ascii := anySessionWords.in(Unknown, query); found || !ascii {
		return true
	}
	var buf KeywordBuffer
	word, _ := Keyword(query, at, &buf)
	switch string(word) {
	case "select", "insert", "update", "delete", "commit", "rollback":
		return false
	}
	return at < len(query)
}
