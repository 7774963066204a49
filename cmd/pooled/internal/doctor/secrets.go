package doctor

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/spelling"
)

// secrets are what of a DSN must not be shown. pooled's own texts are clean; those of drivers and servers go through
// mask.
type secrets []string

const (
	masked = "xxxxx"
	// chance is the length up to which a piece of a secret may be in a text by chance.
	chance = 3
)

// secretsOf takes them from where Config.String has something else than Config.FormatDSN.
func secretsOf(cfg pooled.Config) secrets {
	var s secrets
	full, pieces := cfg.FormatDSN(), strings.Split(cfg.String(), masked)
	full, ok := strings.CutPrefix(full, pieces[0])
	for _, piece := range pieces[1:] {
		before, after, found := strings.Cut(full, piece)
		if piece == "" {
			before, after = full, ""
		}
		ok = ok && found
		s, full = s.with(before), after
	}
	if !ok { // all of it is masked
		return s.with(cfg.FormatDSN()).with(cfg.DSN)
	}
	return s
}

// with adds a secret, also as a driver may have decoded it, and of a user and a password the latter.
func (s secrets) with(secret string) secrets {
	s = append(s, secret)
	if i := strings.IndexAny(secret, ":/"); i >= 0 {
		s = append(s, secret[i+1:])
	}
	if d, err := url.QueryUnescape(secret); err == nil {
		s = append(s, d)
	}
	if d, err := url.PathUnescape(secret); err == nil {
		s = append(s, d)
	}
	return append(s, strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(strings.Trim(secret, "'")))
}

// mask replaces every piece of a secret that is not there by chance.
func (s secrets) mask(text string) string {
	hidden := make([]bool, len(text))
	for _, secret := range s {
		hidePieces(lower(text), lower(secret), hidden)
		hideWords(text, secret, hidden)
		hideSpellings(text, secret, hidden)
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString(masked)
		}
	}
	return b.String()
}

func hidePieces(text, secret string, hidden []bool) {
	for at := range len(text) - chance {
		if strings.Contains(secret, text[at:at+chance+1]) {
			for i := at; i <= at+chance; i++ {
				hidden[i] = true
			}
		}
	}
}

// hideSpellings is for a secret that is written in another way, in which no piece of it may be as it was.
func hideSpellings(text, secret string, hidden []bool) {
	if len(secret) <= chance {
		return
	}
	for at := range len(text) {
		for i := range spelling.Length(text[at:], secret) {
			hidden[at+i] = true
		}
	}
}

// lower keeps the length of any text, which strings.ToLower doesn't.
func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// hideWords is for a short secret: it counts only where it stands alone.
func hideWords(text, secret string, hidden []bool) {
	if secret == "" || len(secret) > chance {
		return
	}
	for at := 0; ; {
		i := strings.Index(text[at:], secret)
		if i < 0 {
			return
		}
		from, to := at+i, at+i+len(secret)
		if !endsInWord(text[:from]) && !startsWord(text[to:]) {
			for i := from; i < to; i++ {
				hidden[i] = true
			}
		}
		at = to
	}
}

func endsInWord(text string) bool {
	runes := []rune(text)
	return len(runes) > 0 && isWord(runes[len(runes)-1])
}

func startsWord(text string) bool {
	for _, r := range text {
		return isWord(r)
	}
	return false
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
