package sqltext

// Lexis says how one kind of server reads a text: which comments and quotes there are, and which of that depends on
// settings of the session that a text does not show. A Lexis is made by NewLexis and not changed after that.
type Lexis struct {
	// Quotes are the bytes that open a string or a quoted name. The same byte closes it; of [ it is ].
	Quotes string

	// Escapes are those of them within which a setting decides whether \ escapes.
	Escapes string

	// DollarQuotes: $$…$$ and $tag$…$tag$ are strings.
	DollarQuotes bool

	// HashComments: # begins a comment that ends with its line.
	HashComments bool

	// DashesNeedBlank: -- begins such a comment only before white space or a control character.
	DashesNeedBlank Answer

	// ReturnEndsLine: a carriage return ends the line of a comment.
	ReturnEndsLine Answer

	// NestedComments: a /* comment */ can have another inside.
	NestedComments Answer

	// Unclear are bytes that, outside of quotes and comments, begin something that is better not read. \ always is one.
	Unclear string

	// SecondBytes are bytes with a meaning of their own that in some client character set (GBK, Big5, Shift JIS) are
	// also the second half of a character.
	SecondBytes string

	// CountedNames: some servers step over the characters of a quoted name by the length that the first byte
	// promises, over the closing quote if need be.
	CountedNames bool

	classes [256]class
}

// Answer is what is known about a server.
type Answer uint8

const (
	No Answer = iota
	Yes
	Unsure // servers of this kind differ
)

// class is a set of what a byte may mean outside of quotes and comments.
type class uint8

const (
	classQuote     class = 1 << iota // opens a string or a quoted name
	classEscape                      // opens a string within which \ may escape
	classComment                     // may begin a comment
	classDollar                      // opens a dollar quote
	classUnclear                     // begins what is better not read
	classBeyond                      // is beyond ASCII
	classSemicolon                   // separates statements
)

// NewLexis completes a Lexis.
func NewLexis(l Lexis) *Lexis {
	set := func(bytes string, c class) {
		for i := range len(bytes) {
			l.classes[bytes[i]] |= c
		}
	}
	set(l.Quotes, classQuote)
	set(l.Escapes, classEscape)
	set("-/", classComment)
	if l.HashComments {
		set("#", classComment)
	}
	if l.DollarQuotes {
		set("$", classDollar)
	}
	set(l.Unclear+`\`, classUnclear)
	set(";", classSemicolon)
	for c := 0x80; c <= 0xff; c++ {
		l.classes[c] = classBeyond
	}
	return &l
}

// OpensQuote tells the bytes that open a string or a quoted name.
func (l *Lexis) OpensQuote(c byte) bool { return l.classes[c]&classQuote != 0 }

// IsUnclear tells the bytes that, outside of quotes, begin what is better left alone.
func (l *Lexis) IsUnclear(c byte) bool { return l.classes[c]&classUnclear != 0 }

// splitsByCharset tells that the byte at this place is beyond ASCII and stands before one that is either the second
// half of its character or has a meaning of its own. Which, depends on the client's character set.
func (l *Lexis) splitsByCharset(q string, at int) bool {
	if q[at] < 0x80 || at+1 == len(q) {
		return false
	}
	next := q[at+1]
	for i := range len(l.SecondBytes) {
		if l.SecondBytes[i] == next {
			return true
		}
	}
	return false
}
