package mysql

import (
	"strings"

	"github.com/pooled-go/pooled/internal/sqltext"
)

// settled tells whether the place of each parameter settles its type: the parameter is compared with something, put
// into a column as it is, a limit, or cast.
//
// MySQL, from 8.0.22 on, derives a type for each parameter when it prepares a text. When an argument does not fit, it
// prepares the statement again, for good, with the types of the arguments at hand; which ones fit depends on their
// values. So a statement that was used before may give another answer than a new one. In these places it does not, for
// arguments of the same kinds.
func settled(q string) bool {
	s := paramScan{q: q}
	for s.next() {
		if s.token == tokenParam && !s.settles() || s.token == tokenOpen && s.depth == len(s.lists) {
			return false
		}
		s.note()
	}
	return s.token == tokenEnd
}

// hasSubquery tells a text that has a query in parentheses, or may have one. MariaDB decides some things about those
// only once, such as how it compares with their rows, which may be another way for a new statement.
func hasSubquery(q string) bool {
	s := paramScan{q: q}
	for s.next() {
		if s.before == tokenOpen && (s.token == tokenSelect || s.token == tokenValues) {
			return true
		}
	}
	return s.token == tokenUnsure
}

// token is a part of a text as far as it matters here.
type token uint8

const (
	tokenEnd     token = iota
	tokenUnsure        // the text can be read in two ways
	tokenOther         // a name, a literal or an operator
	tokenParam         // ?
	tokenOpen          // (
	tokenClose         // )
	tokenComma         // ,
	tokenCompare       // = and the like
	tokenAs            // AS
	tokenAnd           // AND
	tokenBetween       // BETWEEN
	tokenCast          // CAST
	tokenIn            // IN
	tokenLimit         // LIMIT, OFFSET
	tokenSelect        // SELECT, WITH
	tokenValues        // VALUES, VALUE
	tokenBehind        // a word that can stand behind an operand and is not part of it
)

// paramScan goes through the tokens of a text.
type paramScan struct {
	q      string
	at     int
	before token // the one before token
	token  token

	lists [32]token // what the open parentheses stand behind
	depth int       // how many there are

	inRows  bool // behind a row of VALUES
	inRange bool // behind BETWEEN
	inLimit bool // behind LIMIT
	high    bool // the current AND belongs to a BETWEEN
}

// next moves on to the next token and tells whether there is one.
func (s *paramScan) next() bool {
	s.before = s.token
	s.token = s.read()
	return s.token > tokenUnsure
}

const operators = "=<>!|&+-*/%^~:"

// read reads the next token.
func (s *paramScan) read() token {
	s.at = lexis.SkipSpace(s.q, s.at)
	if s.at == sqltext.Ambiguous {
		return tokenUnsure
	}
	if s.at == len(s.q) {
		return tokenEnd
	}
	switch c := s.q[s.at]; {
	case lexis.OpensQuote(c):
		if s.at = lexis.SkipQuoted(s.q, s.at); s.at == sqltext.Ambiguous {
			return tokenUnsure
		}
		return tokenOther
	case lexis.IsUnclear(c) || c >= 0x80:
		return tokenUnsure
	case sqltext.IsWord(c) || c == '@' || c == '.':
		return s.readWord()
	case strings.IndexByte(operators, c) >= 0:
		return s.readOperator()
	default:
		s.at++
		switch c {
		case '?':
			return tokenParam
		case '(':
			return tokenOpen
		case ')':
			return tokenClose
		case ',':
			return tokenComma
		case ';':
			return tokenBehind
		}
	}
	return tokenOther
}

// readWord reads a keyword, a name or a number.
func (s *paramScan) readWord() token {
	word, _ := sqltext.KeywordAt(s.q, s.at)
	for s.at < len(s.q) && (sqltext.IsWord(s.q[s.at]) || s.q[s.at] == '@' || s.q[s.at] == '.') {
		s.at++
	}
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "as":
		return tokenAs
	case "and":
		return tokenAnd
	case "between":
		return tokenBetween
	case "cast":
		return tokenCast
	case "in":
		return tokenIn
	case "like":
		return tokenCompare
	case "limit", "offset":
		return tokenLimit
	case "select", "with":
		return tokenSelect
	case "values", "value":
		return tokenValues
	case "asc", "cross", "desc", "else", "end", "except", "for", "group", "having", "inner", "intersect", "join", "left",
		"lock", "natural", "on", "or", "order", "returning", "right", "then", "union", "when", "where", "window", "xor":
		return tokenBehind
	}
	return tokenOther
}

// readOperator reads all that stands together of an operator: of =- it is not known what it is.
func (s *paramScan) readOperator() token {
	begin := s.at
	for s.at < len(s.q) && strings.IndexByte(operators, s.q[s.at]) >= 0 {
		s.at++
	}
	switch s.q[begin:s.at] {
	case "=", "<", ">", "<=", ">=", "<>", "!=", "<=>":
		return tokenCompare
	}
	return tokenOther
}

// note takes note of the current token.
func (s *paramScan) note() {
	switch s.token {
	case tokenOpen:
		list := s.before
		if list == tokenComma && s.inRows {
			list = tokenValues
		}
		s.lists[s.depth] = list
		s.depth++
		s.inRange = false
	case tokenClose:
		s.depth = max(0, s.depth-1)
		s.inLimit, s.inRows = false, s.lists[s.depth] == tokenValues
	case tokenAnd:
		s.high, s.inRange = s.inRange, false
	case tokenBetween:
		s.inRange = true
	case tokenLimit:
		s.inLimit = true
	case tokenSelect:
		s.inLimit = false
	case tokenComma:
	default:
		s.inRows = false
	}
}

// settles tells whether the parameter at the current place has its type from there.
func (s *paramScan) settles() bool {
	behind := s.peek()
	switch s.before {
	case tokenCompare, tokenLimit:
		return behind.endsOperand()
	case tokenBetween:
		return behind == tokenAnd
	case tokenAnd:
		return s.high && behind.endsOperand()
	case tokenOpen, tokenComma:
		list := tokenEnd
		if s.depth > 0 {
			list = s.lists[s.depth-1]
		}
		switch list {
		case tokenCast:
			return behind == tokenAs
		case tokenIn, tokenValues:
			return behind == tokenComma || behind == tokenClose
		}
		return s.before == tokenComma && s.inLimit && behind.endsOperand()
	}
	return false
}

// peek is the token behind the current one.
func (s *paramScan) peek() token {
	ahead := *s
	return ahead.read()
}

// endsOperand tells the tokens behind an operand that are not part of it.
func (t token) endsOperand() bool {
	switch t {
	case tokenEnd, tokenClose, tokenComma, tokenAs, tokenAnd, tokenLimit, tokenBehind:
		return true
	}
	return false
}
