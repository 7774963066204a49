package sqltext

// Keyword is a word of letters as it stands in a text, no longer than any keyword that matters; empty if there is
// none, or if what stands there is a longer name.
type Keyword string

// Buffer is where a Keyword is written in lower case, so that a dialect's function can switch on it without an
// allocation:
//
//	var buf sqltext.Buffer
//	switch string(word.Lower(&buf)) {
type Buffer [16]byte

// Lower writes the word in lower case into buf.
func (k Keyword) Lower(buf *Buffer) []byte {
	for i := range len(k) {
		buf[i&(len(buf)-1)] = k[i] | 0x20 // it has letters only, and no more than there is room for
	}
	return buf[:len(k)]
}

// Is tells whether it is the given word, in lower case.
func (k Keyword) Is(word string) bool { return len(k) == len(word) && HasPrefixFold(string(k), word) }

// KeywordAt returns the word at the given place, and where it ends.
func KeywordAt(q string, at int) (k Keyword, end int) {
	for end = at; end < len(q); end++ {
		if c := q[end] | 0x20; c < 'a' || c > 'z' {
			break
		}
		if end-at == len(Buffer{}) {
			return "", end
		}
	}
	if end < len(q) && continuesName(q[end]) {
		return "", end
	}
	return Keyword(q[at:end]), end
}

// continuesName tells the bytes behind a word by which it is part of a longer name.
func continuesName(c byte) bool {
	switch c {
	case ' ', '\n':
		return false
	case '@', '#', '.', ':':
		return true
	}
	return IsWord(c)
}

// FollowedBy tells whether the next word of a text is the given one.
func (l *Lexis) FollowedBy(text, word string) bool {
	at := l.SkipSpace(text, 0)
	if at == Ambiguous {
		return false
	}
	k, _ := KeywordAt(text, at)
	return k.Is(word)
}

// Statements goes through the statements of a text:
//
//	for s := l.Statements(q); s.Next(); {
//		… s.Word … s.Rest …
//	}
type Statements struct {
	Word Keyword // the statement's first keyword
	Rest string  // all the text behind it, with the statements that follow

	lexis *Lexis
	text  string
	end   int // of Word in text
	at    int // where the statement begins
	begun bool
}

// Statements begins at the first statement of a text.
func (l *Lexis) Statements(q string) Statements { return Statements{lexis: l, text: q} }

// Next moves on to the next statement and tells whether there is one. After the last one Ambiguous tells whether it is
// certain that it was the last.
func (s *Statements) Next() bool {
	if s.begun {
		s.at = s.lexis.nextStatement(s.text, s.end)
	} else {
		s.at = s.lexis.SkipBlanks(s.text, 0)
		s.begun = true
	}
	if s.at == Ambiguous || s.at == len(s.text) {
		return false
	}
	s.Word, s.end = s.lexis.firstKeyword(s.text, s.at)
	s.Rest = s.text[s.end:]
	return true
}

// Ambiguous tells that it is not certain where the next statement begins.
func (s *Statements) Ambiguous() bool { return s.at == Ambiguous }

// firstKeyword is the keyword of the statement at the given place. Within parentheses there can only be a query.
func (l *Lexis) firstKeyword(q string, at int) (k Keyword, end int) {
	parens := false
	for at < len(q) && q[at] == '(' {
		parens = true
		if at = l.SkipSpace(q, at+1); at == Ambiguous {
			return "", len(q)
		}
	}
	k, end = KeywordAt(q, at)
	if parens && !isQuery(k) {
		return "", end
	}
	return k, end
}

// isQuery tells the keywords that a query in parentheses can begin with.
func isQuery(k Keyword) bool {
	return k.Is("select") || k.Is("with") || k.Is("values") || k.Is("table")
}
