package sqltext

import "strings"

// The functions of this file find their way in a query text: the blanks before
// a statement, the semicolon behind it. They know no grammar.
//
// Where a semicolon stands depends on which quotes are open, and that on
// settings of the session that a text doesn't show:
//   - MySQL's sql_mode says whether \ escapes (NO_BACKSLASH_ESCAPES) and
//     whether "…" is a string (ANSI_QUOTES);
//   - PostgreSQL's standard_conforming_strings says whether \ escapes in '…', and
//     an E before the quote says so too;
//   - in some client character sets (GBK, Big5, Shift JIS) the second byte of a
//     character looks like \ or like a backquote.
//
// Nothing here guesses. A text is read as long as all of these readings agree,
// and is doubtful where they part.

// Doubtful stands for a place in a text that can't be told.
const Doubtful = -1

// SkipBlanks returns where the next statement begins, from at on: behind white
// space, comments and semicolons.
func SkipBlanks(d Kind, q string, at int) int {
	for {
		at = SkipSpace(d, q, at)
		if at == Doubtful || at == len(q) || q[at] != ';' {
			return at
		}
		at++
	}
}

// SkipSpace is skipBlanks without the semicolons.
func SkipSpace(d Kind, q string, at int) int {
	for at < len(q) {
		if isSpace(q[at]) {
			at++
			continue
		}
		end := skipComment(d, q, at)
		if end == at || end == Doubtful {
			return end
		}
		at = end
	}
	return at
}

// skipComment returns the place behind the comment that begins at the given
// place, or that place if none does.
func skipComment(d Kind, q string, at int) int {
	switch q[at] {
	case '#':
		if d == MySQL {
			return skipLine(d, q, at)
		}
	case '-':
		if at+1 == len(q) || q[at+1] != '-' {
			return at
		}
		if d != MySQL && d != Unknown {
			return skipLine(d, q, at)
		}
		// MySQL wants white space or a control character behind --, and in
		// some character sets bytes beyond ASCII are white space.
		switch {
		case at+2 == len(q) || q[at+2] <= ' ' || q[at+2] == 0x7f:
			return skipLine(d, q, at)
		case q[at+2] >= 0x80:
			return Doubtful
		}
	case '/':
		if at+1 < len(q) && q[at+1] == '*' {
			return skipBlock(d, q, at)
		}
	}
	return at
}

// skipLine skips a comment that ends with its line. A carriage return ends a
// line in PostgreSQL, does not in MySQL and SQLite, and elsewhere nobody knows.
// A zero byte ends it in MySQL.
func skipLine(d Kind, q string, at int) int {
	for i := at; i < len(q); i++ {
		switch q[i] {
		case '\n':
			return i + 1
		case '\r':
			switch d {
			case Postgres:
				return i + 1
			case SQLServer, Unknown:
				if i+1 == len(q) || q[i+1] != '\n' {
					return Doubtful
				}
			}
		case 0:
			return Doubtful
		}
	}
	return len(q)
}

// skipBlock skips a /* comment */. PostgreSQL and SQL Server nest them, others
// don't. One without end is an error to some and a comment to others.
func skipBlock(d Kind, q string, at int) int {
	nest := d == Postgres || d == SQLServer
	depth := 1
	for i := at + 2; i+1 < len(q); i++ {
		switch {
		case q[i] == '*' && q[i+1] == '/':
			if depth--; depth == 0 {
				return i + 2
			}
			i++
		case q[i] == '/' && q[i+1] == '*':
			if nest {
				depth++
				i++
			} else if d == Unknown {
				return Doubtful
			}
		}
	}
	return Doubtful
}

// NextStatement returns where the statement behind the next semicolon begins;
// len(q) if there is none. at is outside of quotes and comments.
func NextStatement(d Kind, q string, at int) int {
	if endsAtSemicolon(q[at:]) {
		return len(q)
	}
	for at < len(q) {
		c := q[at]
		next := at + 1
		switch {
		case c == ';':
			return SkipBlanks(d, q, next)
		case OpensQuote(d, c):
			next = SkipQuoted(d, q, at)
		case c == '$' && d == Postgres:
			next = skipDollarQuoted(q, at)
		case puzzles(d, c) || partsReadings(d, q, at):
			return Doubtful
		default:
			if end := skipComment(d, q, at); end != at {
				next = end
			}
		}
		if next == Doubtful {
			return Doubtful
		}
		at = next
	}
	return at
}

// OpensQuote tells the bytes that open a string or a quoted identifier.
func OpensQuote(d Kind, c byte) bool {
	switch c {
	case '\'', '"':
		return true
	case '`':
		return d != Postgres // where it is an operator
	case '[':
		return d == SQLite
	}
	return false
}

// puzzles tells the bytes that, outside of quotes, begin what is better left
// alone.
func puzzles(d Kind, c byte) bool {
	switch c {
	case '\\':
		return true
	case '$':
		// MySQL 9 quotes by dollars, older ones have names that begin with it.
		return d == MySQL || d == SQLite
	case '@', ':', '#':
		// The parameter $name(…), of Tcl, takes in quotes and semicolons.
		return d == SQLite
	}
	return false
}

// SkipQuoted returns the place behind the closing quote. A doubled quote needs
// no care: it closes and opens again at once.
func SkipQuoted(d Kind, q string, at int) int {
	quote := q[at]
	if quote == '[' {
		quote = ']'
	}
	escapes := quote == '\'' && d == Postgres || quote != '`' && d == MySQL
	for i := at + 1; i < len(q); i++ {
		switch c := q[i]; {
		case c == quote:
			return i + 1
		case c == '\\' && escapes:
			// Whether \ escapes is unknown, and matters before a quote only. Of
			// \\ both are past, escaped or not.
			if i+1 < len(q) && q[i+1] == quote {
				return Doubtful
			}
			if i+1 < len(q) && q[i+1] == '\\' {
				i++
			}
		case c == 0 || partsReadings(d, q, i):
			return Doubtful // a zero byte ends a name in MySQL, and the text in SQLite
		case c >= 0x80 && d == MySQL && quote != '\'':
			// Old servers step over identifiers by the length that a
			// character's first byte promises, over the quote if need be.
			return Doubtful
		}
	}
	return Doubtful
}

// partsReadings tells that a byte beyond ASCII stands before one that could be
// the second half of its character or a byte with a meaning of its own. The
// drivers of SQLite know UTF-8 only.
func partsReadings(d Kind, q string, at int) bool {
	if q[at] < 0x80 || at+1 == len(q) {
		return false
	}
	switch q[at+1] {
	case '\\', '`':
		return d != SQLite
	case '@', '[', ']', '^', '{', '|', '}', '~':
		return d == Postgres // where a $ behind the character would not open a quote
	}
	return false
}

// skipDollarQuoted skips $$…$$ and $tag$…$tag$ of PostgreSQL, and the $ of a
// parameter. A $ right behind a word is part of the word, save where the word
// began with a digit: doubtful.
func skipDollarQuoted(q string, at int) int {
	if at > 0 && IsWord(q[at-1]) {
		return Doubtful
	}
	end := at + 1
	if end < len(q) && '0' <= q[end] && q[end] <= '9' {
		return end
	}
	for end < len(q) && q[end] != '$' && IsWord(q[end]) {
		end++
	}
	if end == len(q) || q[end] != '$' {
		return Doubtful
	}
	tag := q[at : end+1]
	body := strings.Index(q[end+1:], tag)
	if body < 0 {
		return Doubtful
	}
	return end + 1 + body + len(tag)
}
