// Package sqltext tells what a statement may leave behind on a server connection, from its text alone: an open
// transaction, a changed session, prepared statements that no longer fit. It knows no grammar, only blanks, quotes,
// comments and keywords, and where a text can be read in two ways it says the worse.
package sqltext

import "strings"

// Effect is what a statement may leave behind on its server connection when it
// was sent in autocommit mode. The larger value is the worse one.
type Effect uint8

const (
	// EffectNone: leaves no transaction open, for certain, and leaves
	// autocommit alone.
	EffectNone Effect = iota

	// EffectTx: may leave a transaction open.
	EffectTx

	// EffectAny: may leave a transaction open, and may have changed for good
	// whether the statements after it do: autocommit, or what a COMMIT starts.
	EffectAny
)

// Kind is the SQL a server speaks.
type Kind uint8

const (
	Unknown   Kind = iota // any server: what is certain in every dialect
	MySQL                 // MySQL and MariaDB
	Postgres              // PostgreSQL
	SQLite                // SQLite
	SQLServer             // Microsoft SQL Server
)

// String is the kind's name, for where the parent driver's is not known.
func (d Kind) String() string {
	return [...]string{"pool", "mysql", "postgres", "sqlite", "sqlserver"}[d]
}

// Worst is the answer to what Classify can't tell. PostgreSQL and SQLite have
// no switch for autocommit, so the worst there is an open transaction.
func (d Kind) Worst() Effect {
	if d == Postgres || d == SQLite {
		return EffectTx
	}
	return EffectAny
}

// Classify tells what a query text may leave behind. It is a whitelist: the
// statements it knows by their first keyword are few, and all else is the
// dialect's worst. A needless "maybe" costs a round trip at checkin; a wrong
// "none" would hand a transaction to the next borrower, so whatever a server
// could read in two ways (see scan) is the worst as well.
//
// The answer is about the text alone. Not covered is what no client can see in
// it: a trigger or stored function that a SELECT or INSERT runs. MySQL and
// MariaDB forbid those to begin, end or autocommit anything, and PostgreSQL and
// SQLite give them no way to.
//
// It runs on every statement of the program, so it allocates nothing, and the
// four statements that most texts begin with are told by one comparison.
func Classify(d Kind, query string) Effect {
	switch d {
	case MySQL:
		if beginsPlainly(query) && strings.IndexByte(query, ';') < 0 && strings.IndexByte(query, '/') < 0 {
			return EffectNone
		}
		if hasExecutableComment(query) {
			return EffectAny
		}
		return classifyStatements(d, query)
	case Postgres, SQLite:
		if beginsPlainly(query) && strings.IndexByte(query, ';') < 0 {
			return EffectNone
		}
		return classifyStatements(d, query)
	case SQLServer:
		return classifyBatch(query)
	}
	return classifyUnknown(query)
}

// classifyStatements takes a text apart at its semicolons. Several statements
// are never certain, even if each is: what a driver or server does with the
// rest when one of them fails is more than this function knows. But they are no
// worse than the worst of them.
func classifyStatements(d Kind, query string) Effect {
	at := SkipBlanks(d, query, 0)
	found := EffectNone
	for at != Doubtful && at < len(query) {
		leaves, end := classifyStatement(d, query, at)
		if found = max(found, leaves); found == d.Worst() {
			return found
		}
		if at = NextStatement(d, query, end); at == len(query) {
			return found
		}
		found = max(found, EffectTx)
	}
	if at == Doubtful {
		return d.Worst()
	}
	return found
}

// classifyStatement judges the statement that starts at the given place, and
// tells where its first keyword ends.
func classifyStatement(d Kind, query string, at int) (leaves Effect, end int) {
	parens := false
	for query[at] == '(' {
		parens = true
		if at = SkipSpace(d, query, at+1); at == Doubtful || at == len(query) {
			return d.Worst(), len(query)
		}
	}
	var buf KeywordBuffer
	word, end := Keyword(query, at, &buf)
	if parens && !isQuery(word) {
		return d.Worst(), end
	}
	switch d {
	case MySQL:
		return leavesMySQL(word, query[end:]), end
	case Postgres:
		return leavesPostgres(word), end
	default:
		return leavesSQLite(word), end
	}
}

// isQuery tells the keywords that a query in parentheses can begin with.
func isQuery(word []byte) bool {
	switch string(word) {
	case "select", "with", "values", "table":
		return true
	}
	return false
}

// leavesMySQL is the whitelist of MySQL and MariaDB. rest is all the text
// behind the keyword.
func leavesMySQL(word []byte, rest string) Effect {
	switch string(word) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "table", "load",
		"show", "explain", "describe", "desc", "analyze", "use",
		"alter", "drop", "truncate", "rename", "grant", "revoke":
		return EffectNone
	case "create":
		// CREATE TABLE … START TRANSACTION leaves one open (MySQL 8).
		if ContainsFold(rest, "transaction") {
			return EffectTx
		}
		return EffectNone
	case "set":
		return leavesMySQLSet(rest)
	case "begin":
		return leavesMySQLBegin(rest)
	case "start", "commit", "rollback", // each starts one, the last two by AND CHAIN or completion_type
		"savepoint", "release", "xa",
		"do",                        // calls functions and nothing else, as SELECT; left a maybe
		"lock", "unlock", "handler", // table locks and cursors, which can wait for a transaction's end
		"flush", "kill", "optimize", "check", "checksum", "repair", "cache", "help", "signal":
		return EffectTx
	}
	// CALL, PREPARE, EXECUTE, IF, CASE, LOOP … can run any statement.
	return EffectAny
}

// leavesMySQLSet: SET can turn autocommit off, make COMMIT and ROLLBACK start a
// new transaction (completion_type), or stand before any statement (SET
// STATEMENT … FOR). MySQL compares names of variables without regard to
// accents, so a name beyond ASCII may be any of these.
func leavesMySQLSet(rest string) Effect {
	if ContainsFold(rest, "autocommit") || ContainsFold(rest, "completion_type") ||
		ContainsFold(rest, "statement") || !isASCII(rest) {
		return EffectAny
	}
	return EffectTx
}

// leavesMySQLBegin: BEGIN and BEGIN WORK start a transaction. Anything else
// behind BEGIN is a block of statements.
func leavesMySQLBegin(rest string) Effect {
	at := SkipSpace(MySQL, rest, 0)
	if at != Doubtful {
		var buf KeywordBuffer
		if word, end := Keyword(rest, at, &buf); string(word) == "work" {
			at = SkipSpace(MySQL, rest, end)
		}
	}
	if at == Doubtful || at < len(rest) && rest[at] != ';' {
		return EffectAny
	}
	return EffectTx
}

// leavesPostgres is the whitelist of PostgreSQL. Not on it: BEGIN, START,
// SAVEPOINT; PREPARE for its PREPARE TRANSACTION; COMMIT, END, ROLLBACK and
// ABORT for their AND CHAIN. The code that CALL, DO and EXECUTE run can end
// transactions but not begin a block: the server refuses BEGIN there, and what a
// procedure's COMMIT starts ends with the statement.
func leavesPostgres(word []byte) Effect {
	switch string(word) {
	case "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy",
		"show", "explain", "set", "reset", "discard",
		"listen", "unlisten", "notify",
		"create", "alter", "drop", "truncate", "comment", "grant", "revoke", "reassign", "import", "security",
		"analyze", "analyse", "vacuum", "reindex", "cluster", "refresh", "checkpoint",
		"declare", "fetch", "move", "close", "deallocate", "lock", "load",
		"call", "do", "execute":
		return EffectNone
	}
	return EffectTx
}

// leavesSQLite is the whitelist of SQLite. Not on it: BEGIN; SAVEPOINT, which
// opens a transaction where there is none; COMMIT, END, ROLLBACK and RELEASE;
// PRAGMA, ATTACH and DETACH, of which there are too many sorts. EXPLAIN runs
// nothing, whatever stands behind it.
func leavesSQLite(word []byte) Effect {
	switch string(word) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "explain",
		"create", "alter", "drop", "reindex", "analyze", "vacuum":
		return EffectNone
	}
	return EffectTx
}

// classifyBatch judges a batch of SQL Server. Its statements need nothing
// between them ("SELECT 1 BEGIN TRAN"), so besides the first keyword the whole
// text must be free of the words that open a transaction, turn implicit
// transactions on, or call what might. A procedure can be called without EXEC
// at the start of a batch: there the whitelist stops it.
func classifyBatch(query string) Effect {
	at := SkipBlanks(SQLServer, query, 0)
	if at == Doubtful {
		return EffectAny
	}
	found := batchWords.in(query)
	if at == len(query) {
		return found
	}
	var buf KeywordBuffer
	word, end := Keyword(query, at, &buf)
	switch string(word) {
	case "select", "insert", "update", "delete", "merge", "with", "create", "alter", "drop", "truncate":
	case "begin", "commit", "rollback", "save", "set", "declare", "if", "while", "print", "use":
		found = max(found, EffectTx)
	default:
		return EffectAny
	}
	if !endsAtSemicolon(query[end:]) {
		found = max(found, EffectTx)
	}
	return found
}

// classifyUnknown accepts what is certain in every dialect.
func classifyUnknown(query string) Effect {
	at := SkipBlanks(Unknown, query, 0)
	if at == Doubtful || hasExecutableComment(query) {
		return EffectAny
	}
	var buf KeywordBuffer
	word, end := Keyword(query, at, &buf)
	words := &batchWords
	switch string(word) {
	case "select":
		words = &lockWords
	case "insert", "update", "delete":
	default:
		if at < len(query) {
			return EffectAny
		}
	}
	if !endsAtSemicolon(query[end:]) || words.in(query) != EffectNone {
		return EffectAny
	}
	return EffectNone
}

// endsAtSemicolon tells that nothing but white space and semicolons stands
// behind the first ';', so that there is one statement however its quotes and
// comments are read.
func endsAtSemicolon(text string) bool {
	i := strings.IndexByte(text, ';')
	if i < 0 {
		return true
	}
	for _, c := range []byte(text[i:]) {
		if c != ';' && !isSpace(c) {
			return false
		}
	}
	return true
}
