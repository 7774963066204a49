package dsn_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// passwordForms are DSNs with a password, each as its driver wants that written.
var passwordForms = []func(password string) string{
	inURL("postgres://scott:", "@h/db"),
	func(s string) string { return "postgres://scott:" + url.PathEscape(s) + "@h/db" },
	inURL("fake://scott:", "@h/db"),
	inURL("fake://", "@h/db"),
	inURL("mysql://scott:", "@h/db?mail=a@b"),
	func(s string) string { return "fake://h/db?password=" + url.QueryEscape(s) + "&x=y" },
	raw("scott:", "@tcp(h)/db"),
	raw("scott/", "@h:1521/svc"),
	func(s string) string { return "host=h user=scott password=" + quoteKV(s) },
	func(s string) string { return "server=h;user id=scott;password=" + quoteADO(s) },
	func(s string) string { return "odbc:server=h;uid=scott;pwd=" + quoteODBC(s) },
}

func unquoted(quoted string) string { return quoted[1 : len(quoted)-1] }

func inJSON(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return unquoted(string(encoded))
}

// spellings are the ways in which a driver, a server or a program may write a text into another.
var spellings = []func(text string) string{
	func(s string) string { return s },
	func(s string) string { return unquoted(strconv.Quote(s)) },
	func(s string) string { return unquoted(strconv.QuoteToASCII(s)) },
	func(s string) string { return unquoted(strconv.Quote(unquoted(strconv.Quote(s)))) },
	inJSON,
	func(s string) string { return inJSON(unquoted(strconv.Quote(s))) },
	url.QueryEscape,
	url.PathEscape,
	func(s string) string { return strings.TrimPrefix(url.UserPassword("", s).String(), ":") },
	func(s string) string { return strings.ReplaceAll(s, "'", "''") },
	func(s string) string { return strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`).Replace(s) },
	func(s string) string { return strings.NewReplacer(`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`).Replace(s) },
	func(s string) string { return unquoted(fmt.Sprintf("%+q", []byte(s))) },
}

// mixed writes each character in a way of its own.
func mixed(text string, rng *rand.Rand) string {
	var b strings.Builder
	for text != "" {
		_, size := utf8.DecodeRuneInString(text)
		b.WriteString(spellings[rng.IntN(len(spellings))](text[:size]))
		text = text[size:]
	}
	return b.String()
}

var onlyMasks = regexp.MustCompile(`^~(xxxxx)+~$`)

// FuzzNoSecretInTexts: whatever the password, its DSN, and the way in which a text spells it, the text is without it,
// and the rest of the text is as it was.
func FuzzNoSecretInTexts(f *testing.F) {
	for _, password := range []string{
		"tiger", `p:w@x&yz`, `quo"ted1`, `back\slash1`, "tab\tpass", "newline\npass", `pass'word`,
		"pässwörd", "a b c d", "100%sure", "<b>&amp",
		"cafe\u0301x", "🎉🎉", "no \xff UTF-8", `\\\'"`, "'''",
		"}{};]", "a+b%2Bc", "//ti:ger@h", "?a=b&c#d", "\u202e\x00\x7f",
		"a@b@c@d@e@f@g@h@i@j@k", strings.Repeat("'", 40), "\xab\xa4\xb2", // what fuzzing found to be slow, or mistaken
	} {
		for i := range len(passwordForms) + len(spellings) {
			f.Add(password, uint8(i%len(passwordForms)), uint8(i), uint64(i))
		}
	}
	f.Fuzz(func(t *testing.T, password string, form, spelling uint8, seed uint64) {
		const before, after, mask = "~", "~", "xxxxx" // see onlyMasks
		switch {
		case len(password) < 3 || len(password) > 100:
			return // not looked for; longer than any
		case strings.ContainsAny(password, before+after) || strings.Contains(mask, password):
			return // not to be told from what else is there
		}
		dsn := passwordForms[int(form)%len(passwordForms)](password)
		spelled := mixed(password, rand.New(rand.NewPCG(seed, 1)))
		if n := int(spelling) % (len(spellings) + 1); n < len(spellings) {
			spelled = spellings[n](password)
		}
		for _, text := range []string{spelled, spelled + spelled} {
			have := redact(dsn, before+text+after)
			if !onlyMasks.MatchString(have) {
				t.Errorf("%q in %q: have %q of %q, want all of it masked", password, dsn, have, text)
			}
		}
	})
}
