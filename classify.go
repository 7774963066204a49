package pooled

import "strings"

// effect is what a statement may leave behind on its server connection when it
// was sent in autocommit mode. The larger value is the worse one.
type effect uint8

const (
	// effectNone: leaves no transaction open, for certain, and leaves
	// autocommit alone.
	effectNone effect = iota

	// effectTx: may leave a transaction open.
	effectTx

	// effectAny: may leave a transaction open, and may have changed for good
	// whether the statements after it do: autocommit, or what a COMMIT starts.
	effectAny
)

// dialectKind is the SQL a server speaks.
type dialectKind uint8

const (
	dialectUnknown   dialectKind = iota // any server: what is certain in every dialect
	dialectMySQL                        // MySQL and MariaDB
	dialectPostgres                     // PostgreSQL
	dialectSQLite                       // SQLite
	dialectSQLServer                    // Microsoft SQL Server
)

// String is the kind's name, for where the parent driver's is not known.
func (d dialectKind) String() string {
	return [...]string{"pool", "mysql", "postgres", "sqlite", "sqlserver"}[d]
}

// worst is the answer to what classify can't tell. PostgreSQL and SQLite have
// no switch for autocommit, so the worst there is an open transaction.
func (d dialectKind) worst() effect {
	if d == dialectPostgres || d == dialectSQLite {
		return effectTx
	}
	return effectAny
}

// classify tells what a query text may leave behind. It is a whitelist: the
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
func classify(d dialectKind, query string) effect {
	switch d {
	case dialectMySQL:
		if beginsPlainly(query) && strings.IndexByte(query, ';') < 0 && strings.IndexByte(query, '/') < 0 {
			return effectNone
		}
		if hasExecutableComment(query) {
			return effectAny
		}
		return classifyStatements(d, query)
	case dialectPostgres, dialectSQLite:
		if beginsPlainly(query) && strings.IndexByte(query, ';') < 0 {
			return effectNone
		}
		return classifyStatements(d, query)
	case dialectSQLServer:
		return classifyBatch(query)
	}
	return classifyUnknown(query)
}

// classifyStatements takes a text apart at its semicolons. Several statements
// are never certain, even if each is: what a driver or server does with the
// rest when one of them fails is more than this function knows. But they are no
// worse than the worst of them.
func classifyStatements(d dialectKind, query string) effect {
	at := skipBlanks(d, query, 0)
	found := effectNone
	for at != doubtful && at < len(query) {
		leaves, end := classifyStatement(d, query, at)
		if found = max(found, leaves); found == d.worst() {
			return found
		}
		if at = nextStatement(d, query, end); at == len(query) {
			return found
		}
		found = max(found, effectTx)
	}
	if at == doubtful {
		return d.worst()
	}
	return found
}

// classifyStatement judges the statement that starts at the given place, and
// tells where its first keyword ends.
func classifyStatement(d dialectKind, query string, at int) (leaves effect, end int) {
	parens := false
	for query[at] == '(' {
		parens = true
		if at = skipSpace(d, query, at+1); at == doubtful || at == len(query) {
			return d.worst(), len(query)
		}
	}
	var buf keywordBuffer
	word, end := keyword(query, at, &buf)
	if parens && !isQuery(word) {
		return d.worst(), end
	}
	switch d {
	case dialectMySQL:
		return leavesMySQL(word, query[end:]), end
	case dialectPostgres:
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
func leavesMySQL(word []byte, rest string) effect {
	switch string(word) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "table", "load",
		"show", "explain", "describe", "desc", "analyze", "use",
		"alter", "drop", "truncate", "rename", "grant", "revoke":
		return effectNone
	case "create":
		// CREATE TABLE … START TRANSACTION leaves one open (MySQL 8).
		if containsFold(rest, "transaction") {
			return effectTx
		}
		return effectNone
	case "set":
		return leavesMySQLSet(rest)
	case "begin":
		return leavesMySQLBegin(rest)
	case "start", "commit", "rollback", // each starts one, the last two by AND CHAIN or completion_type
		"savepoint", "release", "xa",
		"do",                        // calls functions and nothing else, as SELECT; left a maybe
		"lock", "unlock", "handler", // table locks and cursors, which can wait for a transaction's end
		"flush", "kill", "optimize", "check", "checksum", "repair", "cache", "help", "signal":
		return effectTx
	}
	// CALL, PREPARE, EXECUTE, IF, CASE, LOOP … can run any statement.
	return effectAny
}

// leavesMySQLSet: SET can turn autocommit off, make COMMIT and ROLLBACK start a
// new transaction (completion_type), or stand before any statement (SET
// STATEMENT … FOR). MySQL compares names of variables without regard to
// accents, so a name beyond ASCII may be any of these.
func leavesMySQLSet(rest string) effect {
	if containsFold(rest, "autocommit") || containsFold(rest, "completion_type") ||
		containsFold(rest, "statement") || !isASCII(rest) {
		return effectAny
	}
	return effectTx
}

// leavesMySQLBegin: BEGIN and BEGIN WORK start a transaction. Anything else
// behind BEGIN is a block of statements.
func leavesMySQLBegin(rest string) effect {
	at := skipSpace(dialectMySQL, rest, 0)
	if at != doubtful {
		var buf keywordBuffer
		if word, end := keyword(rest, at, &buf); string(word) == "work" {
			at = skipSpace(dialectMySQL, rest, end)
		}
	}
	if at == doubtful || at < len(rest) && rest[at] != ';' {
		return effectAny
	}
	return effectTx
}

// leavesPostgres is the whitelist of PostgreSQL. Not on it: BEGIN, START,
// SAVEPOINT; PREPARE for its PREPARE TRANSACTION; COMMIT, END, ROLLBACK and
// ABORT for their AND CHAIN. The code that CALL, DO and EXECUTE run can end
// transactions but not begin a block: the server refuses BEGIN there, and what a
// procedure's COMMIT starts ends with the statement.
func leavesPostgres(word []byte) effect {
	switch string(word) {
	case "select", "insert", "update", "delete", "merge", "with", "values", "table", "copy",
		"show", "explain", "set", "reset", "discard",
		"listen", "unlisten", "notify",
		"create", "alter", "drop", "truncate", "comment", "grant", "revoke", "reassign", "import", "security",
		"analyze", "analyse", "vacuum", "reindex", "cluster", "refresh", "checkpoint",
		"declare", "fetch", "move", "close", "deallocate", "lock", "load",
		"call", "do", "execute":
		return effectNone
	}
	return effectTx
}

// leavesSQLite is the whitelist of SQLite. Not on it: BEGIN; SAVEPOINT, which
// opens a transaction where there is none; COMMIT, END, ROLLBACK and RELEASE;
// PRAGMA, ATTACH and DETACH, of which there are too many sorts. EXPLAIN runs
// nothing, whatever stands behind it.
func leavesSQLite(word []byte) effect {
	switch string(word) {
	case "select", "insert", "update", "delete", "replace", "with", "values", "explain",
		"create", "alter", "drop", "reindex", "analyze", "vacuum":
		return effectNone
	}
	return effectTx
}

// classifyBatch judges a batch of SQL Server. Its statements need nothing
// between them ("SELECT 1 BEGIN TRAN"), so besides the first keyword the whole
// text must be free of the words that open a transaction, turn implicit
// transactions on, or call what might. A procedure can be called without EXEC
// at the start of a batch: there the whitelist stops it.
func classifyBatch(query string) effect {
	at := skipBlanks(dialectSQLServer, query, 0)
	if at == doubtful {
		return effectAny
	}
	found := batchWords.in(query)
	if at == len(query) {
		return found
	}
	var buf keywordBuffer
	word, end := keyword(query, at, &buf)
	switch string(word) {
	case "select", "insert", "update", "delete", "merge", "with", "create", "alter", "drop", "truncate":
	case "begin", "commit", "rollback", "save", "set", "declare", "if", "while", "print", "use":
		found = max(found, effectTx)
	default:
		return effectAny
	}
	if !endsAtSemicolon(query[end:]) {
		found = max(found, effectTx)
	}
	return found
}

// classifyUnknown accepts what is certain in every dialect.
func classifyUnknown(query string) effect {
	at := skipBlanks(dialectUnknown, query, 0)
	if at == doubtful || hasExecutableComment(query) {
		return effectAny
	}
	var buf keywordBuffer
	word, end := keyword(query, at, &buf)
	words := &batchWords
	switch string(word) {
	case "select":
		words = &lockWords
	case "insert", "update", "delete":
	default:
		if at < len(query) {
			return effectAny
		}
	}
	if !endsAtSemicolon(query[end:]) || words.in(query) != effectNone {
		return effectAny
	}
	return effectNone
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
