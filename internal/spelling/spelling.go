// Package spelling finds a secret in a text, whether it is plain, percent-encoded, quoted for Go, JSON, SQL or a DSN,
// or escaped for HTML.
package spelling

import (
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Length is how many bytes of text, from its first one on, spell secret: of several spellings the longest, and 0 if
// there is none. An empty secret has none.
func Length(text, secret string) int {
	var first, second [8]int // nearly always enough
	ends, next := append(first[:0], 0), second[:0]
	for len(secret) > 0 {
		_, size := utf8.DecodeRuneInString(secret)
		next = next[:0]
		for _, end := range ends {
			next = appendEnds(next, text, end, secret[:size])
		}
		if len(next) == 0 {
			return 0
		}
		ends, next = next, ends
		secret = secret[size:]
	}
	return slices.Max(ends)
}

// Begins are the bytes with which a spelling of secret may begin.
func Begins(secret string) []byte {
	if secret == "" {
		return nil
	}
	begins := []byte{secret[0], '%', '\\'}
	switch char := firstChar(secret); {
	case char == " ":
		begins = append(begins, '+')
	case entities[char] != nil:
		begins = append(begins, '&')
	case !utf8.ValidString(char):
		begins = append(begins, replacement[0])
	}
	slices.Sort(begins)
	return slices.Compact(begins)
}

func firstChar(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

// replacement stands in many texts for a byte that is no UTF-8.
const replacement = string(utf8.RuneError)

// appendEnds adds where the spellings of one character end that begin in text at start. There are few: a character
// that begins an escape may also stand for itself.
func appendEnds(ends []int, text string, start int, char string) []int {
	add := func(length int) {
		if length > 0 && !slices.Contains(ends, start+length) {
			ends = append(ends, start+length)
		}
	}
	rest := text[start:]
	if rest == "" {
		return ends
	}
	add(prefix(rest, char))
	switch rest[0] {
	case '%':
		add(percent.ofBytes(rest, char))
	case '\\':
		escaped(rest, char, add)
	case '&':
		for _, entity := range entities[char] {
			add(prefix(rest, entity))
		}
	case '+':
		if char == " " {
			add(1)
		}
	case '\'', '"', '`', '}', ']': // SQL and DSNs double what ends a quoted text
		add(prefix(rest, char+char))
	}
	if !utf8.ValidString(char) {
		add(prefix(rest, replacement))
	}
	return ends
}

func prefix(text, beginning string) int {
	if strings.HasPrefix(text, beginning) {
		return len(beginning)
	}
	return 0
}

var entities = map[string][]string{
	"&": {"&amp;"}, "<": {"&lt;"}, ">": {"&gt;"}, `"`: {"&quot;", "&#34;"}, "'": {"&apos;", "&#39;", "&#x27;"},
	"+": {"&#43;"}, "`": {"&#96;"},
}

// escaped adds the spellings that begin with a backslash. A text that was quoted twice has several in a row.
func escaped(text, char string, add func(length int)) {
	run := backslashes(text)
	code := text[run:]
	if char == `\` {
		for n := 2; n <= run; n *= 2 {
			add(n)
		}
	} else if letter, ok := controls[char]; ok && strings.HasPrefix(code, letter) {
		add(run + len(letter))
	} else if isMark(char) && strings.HasPrefix(code, char) {
		add(run + len(char))
	}
	if code == "" {
		return
	}
	switch code[0] {
	case 'x':
		add(hexByte.ofBytes(text, char))
	case 'u':
		add(short.ofRune(text, char))
	case 'U':
		add(long.ofRune(text, char))
	case '0', '1', '2', '3':
		add(octalByte.ofBytes(text, char))
	}
}

// backslashes are those with which a text begins. More than a few say nothing, and would take long to count at each of
// them.
func backslashes(text string) int {
	n := 0
	for n < min(len(text), mostBackslashes) && text[n] == '\\' {
		n++
	}
	return n
}

// mostBackslashes stand before a quote that was quoted four times.
const mostBackslashes = 15

// controls are the characters for which a letter stands behind a backslash, in Go, JSON or SQL.
var controls = map[string]string{
	"\x00": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1a": "Z", "\x1b": "e",
}

// isMark tells the characters that mean themselves behind a backslash.
func isMark(char string) bool {
	c := char[0] | 0x20
	return char[0] < utf8.RuneSelf && char[0] >= ' ' && (c < 'a' || c > 'z') && (char[0] < '0' || char[0] > '9')
}

// notation is a way to write a character as a number.
type notation struct {
	lead   string
	digits int
	base   uint32
}

var (
	percent   = notation{`%`, 2, 16}
	hexByte   = notation{`\x`, 2, 16}
	octalByte = notation{`\`, 3, 8}
	short     = notation{`\u`, 4, 16}
	long      = notation{`\U`, 8, 16}
)

// ofBytes is how much of text, from its beginning, is the bytes of a character, each in this notation.
func (n notation) ofBytes(text, char string) (length int) {
	for i := range len(char) {
		one := n.of(text[length:], uint32(char[i]))
		if one == 0 {
			return 0
		}
		length += one
	}
	return length
}

// ofRune is the same for a character, which takes two numbers where the notation is that of UTF-16 and it is rare.
func (n notation) ofRune(text, char string) int {
	r, _ := utf8.DecodeRuneInString(char)
	high, low := utf16.EncodeRune(r)
	if n.digits > 4 || high == utf8.RuneError {
		return n.of(text, uint32(r))
	}
	first := n.of(text, uint32(high))
	second := n.of(text[first:], uint32(low))
	if first == 0 || second == 0 {
		return 0
	}
	return first + second
}

// of is how much of text is one number.
func (n notation) of(text string, number uint32) int {
	start := max(0, backslashes(text)-1)
	digits, ok := strings.CutPrefix(text[start:], n.lead)
	if !ok || len(digits) < n.digits {
		return 0
	}
	var value uint32
	for i := range n.digits {
		d := digit(digits[i])
		if d >= n.base {
			return 0
		}
		value = value*n.base + d
	}
	if value != number {
		return 0
	}
	return start + len(n.lead) + n.digits
}

func digit(c byte) uint32 {
	switch {
	case '0' <= c && c <= '9':
		return uint32(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return uint32(c|0x20-'a') + 10
	}
	return 255
}
