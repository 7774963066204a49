package spelling_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pooled-go/pooled/internal/spelling"
)

// within takes the quotes off.
func within(quoted string) string { return quoted[1 : len(quoted)-1] }

func inJSON(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return within(string(encoded))
}

func inXML(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) // no error is possible
	return b.String()
}

func replacing(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

// numbered writes each byte in a format.
func numbered(format string) func(string) string {
	return func(text string) string {
		var b strings.Builder
		for _, c := range []byte(text) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
}

// ways are those to write a text, each as a program or a server does it.
var ways = map[string]func(string) string{
	"as it is":          func(s string) string { return s },
	"%q":                func(s string) string { return within(strconv.Quote(s)) },
	"%+q":               func(s string) string { return within(strconv.QuoteToASCII(s)) },
	"%q twice":          func(s string) string { return within(strconv.Quote(within(strconv.Quote(s)))) },
	"JSON":              inJSON,
	"JSON of %q":        func(s string) string { return inJSON(within(strconv.Quote(s))) },
	"JSON of JSON":      func(s string) string { return inJSON(inJSON(s)) },
	"a query":           url.QueryEscape,
	"a path":            url.PathEscape,
	"userinfo":          func(s string) string { return strings.TrimPrefix(url.UserPassword("", s).String(), ":") },
	"all percent":       numbered("%%%02x"),
	"all octal":         numbered(`\%03o`),
	"all hexadecimal":   numbered(`\x%02X`),
	"SQL":               replacing("'", "''"),
	"SQL with escapes":  replacing(`\`, `\\`, "'", `\'`, "\n", `\n`, "\x00", `\0`, "\x1a", `\Z`, `"`, `\"`),
	"an SQL identifier": replacing(`"`, `""`),
	"MySQL identifier":  replacing("`", "``"),
	"keyword and value": replacing(`\`, `\\`, "'", `\'`, " ", `\ `),
	"ODBC":              replacing("}", "}}"),
	"HTML":              html.EscapeString,
	"XML":               inXML,
}

var secrets = []string{
	"tiger", `p:w@x&yz`, `quo"ted`, `back\slash`, `ends with\`, `\'\"`, "'''",
	"tab\tnewline\nnul\x00bell\a\x1a\x1b\x7f", "pässwörd 文字 🎉",
	"100%sure %41", "a+b c", "<b>&amp;'", "cafe\u0301", "}{]`", "\u202e\ufeff", "no \xff UTF-8 \xe6\x96",
	`\\\\\\`, "🎉🎉", "ab",
}

// A secret is found in each way it may be written, and all of it.
func TestLength(t *testing.T) {
	for name, write := range ways {
		for _, secret := range secrets {
			if name == "XML" && (!utf8.ValidString(secret) || strings.ContainsAny(secret, "\x00\t\n\a\x1a\x1b")) {
				continue // XML cannot have these, or writes them in a way of its own
			}
			written := write(secret)
			if have := spelling.Length(written+"ä", secret); have != len(written) {
				t.Errorf("%q by %s is %q: have %d, want %d", secret, name, written, have, len(written))
			}
			if !slices.Contains(spelling.Begins(secret), written[0]) {
				t.Errorf("%q by %s is %q: want its first byte in %q", secret, name, written, spelling.Begins(secret))
			}
		}
	}
}

// What is not the secret is not taken for it.
func TestLengthOfOthers(t *testing.T) {
	for _, test := range []struct{ text, secret string }{
		{"", "tiger"}, {"tige", "tiger"}, {"Tiger", "tiger"}, {"t iger", "tiger"}, {"%7", "tiger"}, {`\`, "tiger"},
		{`\x7`, "tiger"},
		{`\u007`, "tiger"}, {"&amp", "&&&"}, {"tigres", "tiger"},
		{`\tiger`, "tiger"}, {"+++", "---"}, {`\ud83c`, "🎉"}, {"tiger", ""},
		{"%74iges", "tiger"}, {"\ufffdab", "ÿab"},
	} {
		if have := spelling.Length(test.text, test.secret); have != 0 {
			t.Errorf("%q for %q: have %d, want 0", test.text, test.secret, have)
		}
	}
}

// Of several spellings the longest counts: what is left of another would show where the secret was.
func TestLengthIsTheLongest(t *testing.T) {
	for _, test := range []struct {
		text, secret string
		want         int
	}{
		{`it''''s`, `it''`, 6},
		{`ab\\\\`, `ab\`, 6},
		{"%2525", "%25", 5},
		{"100%25", "100%", 6},
	} {
		if have := spelling.Length(test.text, test.secret); have != test.want {
			t.Errorf("%q for %q: have %d, want %d", test.text, test.secret, have, test.want)
		}
	}
}

// However a text is made, there are not so many ways to read it that the search never ends.
func TestLengthEnds(t *testing.T) {
	for _, piece := range []string{`\`, "%", "'", "%25", "&amp;", `\u005c`} {
		text := strings.Repeat(piece, 100)
		for i := range len(text) {
			if have := spelling.Length(text[i:], strings.Repeat(piece, 30)+"x"); have != 0 {
				t.Errorf("100 times %q: have %d at %d, want 0", piece, have, i)
			}
		}
	}
}
