// Package visible makes text from elsewhere, such as a server's message, safe to show in a terminal, a page or a log:
// it replaces invisible characters, and those that reverse the text around them, by their codes.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// unruly are control characters, C1 and DEL among them; those for formatting, among them the bidirectional overrides
// and what has no width; and the separators of lines and paragraphs.
var unruly = []*unicode.RangeTable{unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp}

func isUnruly(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	}
	return unicode.In(r, unruly...)
}

// Text has a code in the place of each unruly character, ⟨202E⟩, and � in that of each byte that is no UTF-8. Line
// breaks and tabs stay.
func Text(text string) string {
	if isPlain(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isUnruly(r) {
			fmt.Fprintf(&b, "⟨%04X⟩", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isPlain is certain of ASCII alone, which is nearly always enough.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf-1 || c < ' ' && isUnruly(rune(c)) {
			return false
		}
	}
	return true
}

// Line is Text on one line: line breaks and tabs become blanks.
func Line(text string) string {
	return Text(strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(text))
}

// Cut returns a copy of the beginning of a text, of at most limit bytes; where some are missing it ends in ….
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:limit-len("…")]), "") + "…"
}

// JSON is encoded JSON in which the unruly characters that encoding/json leaves are escaped, too. Who decodes it gets
// the same texts.
func JSON(encoded []byte) []byte {
	out := make([]byte, 0, len(encoded))
	for _, r := range string(encoded) {
		if !isUnruly(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}
