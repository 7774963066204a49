package sqltext

import "strings"

// The methods of this file find their way in a text: over the blanks before a statement, to the semicolon behind it.
//
// Where a semicolon stands depends on which quotes are open, and that on settings of the session that a text does not
// show:
//   - MySQL's sql_mode says whether \ escapes (NO_BACKSLASH_ESCAPES) and whether "…" is a string (ANSI_QUOTES);
//   - PostgreSQL's standard_conforming_strings says whether \ escapes in '…', and an E before the quote says so too;
//   - in some client character sets (GBK, Big5, Shift JIS) the second byte of a character looks like \ or `.
//
// Nothing here guesses. A text is read as long as all of these readings agree; where they part, it is Ambiguous.

// Ambiguous stands for a place in a text that cannot be told.
const Ambiguous = -1

// SkipBlanks returns where the next statement begins, from at on: behind white space, comments and semicolons.
func (l *Lexis) SkipBlanks(q string, at int) int {
	for {
		at = l.SkipSpace(q, at)
		if at == Ambiguous || at == len(q) || q[at] != ';' {
			return at
		}
		at++
	}
}

// SkipSpace is SkipBlanks without the semicolons.
func (l *Lexis) SkipSpace(q string, at int) int {
	for at < len(q) {
		if IsSpace(q[at]) {
			at++
			continue
		}
		end := l.SkipComment(q, at)
		if end == at || end == Ambiguous {
			return end
		}
		at = end
	}
	return at
}

// SkipGap is SkipSpace within a statement. Where it is not known whether -- needs a blank behind it, what follows it
// is not known either.
func (l *Lexis) SkipGap(q string, at int) int {
	at = l.SkipSpace(q, at)
	if l.DashesNeedBlank == Unsure && at != Ambiguous && HasPrefixFold(q[at:], "--") {
		return Ambiguous
	}
	return at
}

// SkipComment returns the place behind the comment that begins at the given place, or that place if none does.
func (l *Lexis) SkipComment(q string, at int) int {
	switch q[at] {
	case '#':
		if l.HashComments {
			return l.skipLine(q, at)
		}
	case '-':
		if at+1 == len(q) || q[at+1] != '-' {
			return at
		}
		if l.DashesNeedBlank == No {
			return l.skipLine(q, at)
		}
		// In some character sets bytes beyond ASCII are white space.
		switch {
		case at+2 == len(q) || q[at+2] <= ' ' || q[at+2] == 0x7f:
			return l.skipLine(q, at)
		case q[at+2] >= 0x80:
			return Ambiguous
		}
	case '/':
		if at+1 < len(q) && q[at+1] == '*' {
			return l.skipBlock(q, at)
		}
	}
	return at
}

// skipLine skips a comment that ends with its line. Some servers end it at a zero byte too.
func (l *Lexis) skipLine(q string, at int) int {
	for i := at; i < len(q); i++ {
		switch q[i] {
		case '\n':
			return i + 1
		case '\r':
			switch {
			case l.ReturnEndsLine == Yes:
				return i + 1
			case l.ReturnEndsLine == Unsure && (i+1 == len(q) || q[i+1] != '\n'):
				return Ambiguous
			}
		case 0:
			return Ambiguous
		}
	}
	return len(q)
}

// skipBlock skips a /* comment */. One without end is an error to some servers and a comment to others.
func (l *Lexis) skipBlock(q string, at int) int {
	depth := 1
	for i := at + 2; i+1 < len(q); i++ {
		switch {
		case q[i] == '*' && q[i+1] == '/':
			if depth--; depth == 0 {
				return i + 2
			}
			i++
		case q[i] == '/' && q[i+1] == '*':
			switch l.NestedComments {
			case Yes:
				depth++
				i++
			case Unsure:
				return Ambiguous
			}
		}
	}
	return Ambiguous
}

// nextStatement returns where the statement behind the next semicolon begins; len(q) if there is none. at is outside
// of quotes and comments.
func (l *Lexis) nextStatement(q string, at int) int {
	if EndsAtSemicolon(q[at:]) {
		return len(q)
	}
	for at != Ambiguous && at < len(q) {
		c := l.classes[q[at]]
		switch {
		case c == 0:
			at++
		case c&classSemicolon != 0:
			return l.SkipBlanks(q, at+1)
		case c&classQuote != 0:
			at = l.SkipQuoted(q, at)
		case c&classDollar != 0:
			at = skipDollarQuoted(q, at)
		case c&classUnclear != 0 || c&classBeyond != 0 && l.splitsByCharset(q, at):
			return Ambiguous
		default:
			if end := l.SkipComment(q, at); end != at {
				at = end
			} else {
				at++
			}
		}
	}
	return at
}

// SkipQuoted returns the place behind the closing quote. A doubled quote needs no care: it closes and opens again at
// once.
func (l *Lexis) SkipQuoted(q string, at int) int {
	quote, escapes := q[at], l.classes[q[at]]&classEscape != 0
	counted := l.CountedNames && quote != '\''
	if quote == '[' {
		quote = ']'
	}
	for i := at + 1; i < len(q); i++ {
		switch c := q[i]; {
		case c == quote:
			return i + 1
		case c == '\\' && escapes:
			// It matters before a quote only. Of \\ both are past, escaped or not.
			if i+1 < len(q) && q[i+1] == quote {
				return Ambiguous
			}
			if i+1 < len(q) && q[i+1] == '\\' {
				i++
			}
		case c == 0: // ends a name in MySQL, and the text in SQLite
			return Ambiguous
		case c >= 0x80 && (counted || l.splitsByCharset(q, i)):
			return Ambiguous
		}
	}
	return Ambiguous
}

// skipDollarQuoted skips $$…$$ and $tag$…$tag$ of PostgreSQL, and the $ of a parameter. A $ right behind a word is
// part of the word, except where the word began with a digit: ambiguous.
func skipDollarQuoted(q string, at int) int {
	if at > 0 && IsWord(q[at-1]) {
		return Ambiguous
	}
	end := at + 1
	if end < len(q) && '0' <= q[end] && q[end] <= '9' {
		return end
	}
	for end < len(q) && q[end] != '$' && IsWord(q[end]) {
		end++
	}
	if end == len(q) || q[end] != '$' {
		return Ambiguous
	}
	tag := q[at : end+1]
	body := strings.Index(q[end+1:], tag)
	if body < 0 {
		return Ambiguous
	}
	return end + 1 + body + len(tag)
}

// EndsAtSemicolon tells that nothing but white space and semicolons stands behind the first ';', so that there is one
// statement however its quotes and comments are read.
func EndsAtSemicolon(text string) bool {
	i := strings.IndexByte(text, ';')
	if i < 0 {
		return true
	}
	for _, c := range []byte(text[i:]) {
		if c != ';' && !IsSpace(c) {
			return false
		}
	}
	return true
}
