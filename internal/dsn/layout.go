package dsn

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A syntax is one way to write keys into a DSN. Its scan must see the keys that the driver's own parser sees, no more
// and no fewer: an option that is overlooked reaches the server, and one found inside a password damages it.
type syntax struct {
	scan  func(dsn string) (l layout, ok bool) // not ok: the DSN breaks the syntax; the layout is as far as it got
	quote func(value string) string
	sep   string // between two keys; " " stands for any white space
	front bool   // keys are put in front: behind them, an unfinished end of the DSN would swallow them
}

// layout is a DSN taken apart just far enough to take keys out of it and to put keys in.
type layout struct {
	dsn      string
	from, to int  // the keys lie in dsn[from:to]
	query    bool // they are introduced by a '?', at from-1 if there is one
	mark     bool // there is one
	params   []param
}

// param is one key and its value: dsn[start:end] is the whole of it, as written, without separators.
type param struct {
	start, end int
	key, value string // as the driver reads them
}

// get returns the value of a key.
func (l layout) get(key string) (value string, ok bool) {
	for _, p := range l.params {
		if p.key == key {
			return p.value, true
		}
	}
	return "", false
}

// remove returns the DSN without some of its params; every other byte stays. With each goes one separator, the one
// behind it, or at the end the one before it, and with the last one the '?'.
func (s *syntax) remove(l layout, drop func(param) bool) string {
	var kept strings.Builder
	done, atEnd := l.from, false
	for _, p := range l.params {
		if !drop(p) {
			continue
		}
		kept.WriteString(l.dsn[done:p.start])
		done = p.end + s.sepAfter(l.dsn[p.end:l.to])
		atEnd = p.end == l.to
	}
	kept.WriteString(l.dsn[done:l.to])
	region, head := kept.String(), l.dsn[:l.from]
	if atEnd {
		if region == "" && l.mark {
			head = head[:len(head)-1]
		}
		region = region[:len(region)-s.sepBefore(region)]
	}
	return head + region + l.dsn[l.to:]
}

// sepAfter and sepBefore are how long the separator is with which rest begins, or kept ends; 0: there is none.
func (s *syntax) sepAfter(rest string) int {
	return s.sepAt(rest, strings.HasPrefix, utf8.DecodeRuneInString)
}

func (s *syntax) sepBefore(kept string) int {
	return s.sepAt(kept, strings.HasSuffix, utf8.DecodeLastRuneInString)
}

func (s *syntax) sepAt(text string, has func(text, sep string) bool, decode func(string) (rune, int)) int {
	r, n := decode(text)
	switch {
	case s.sep != " " && has(text, s.sep):
		return len(s.sep)
	case s.sep == " " && n > 0 && unicode.IsSpace(r):
		return n
	}
	return 0
}

// insert returns the DSN with more keys. remove gives the DSN back.
func (s *syntax) insert(l layout, pairs []Pair) string {
	if len(pairs) == 0 {
		return l.dsn
	}
	text, region := s.join(pairs), l.dsn[l.from:l.to]
	switch {
	case region == "" && l.query && !l.mark:
		text = "?" + text
	case region == "" && !l.query:
	case s.front:
		text += s.sep + region
	default:
		text = region + s.sep + text
	}
	return l.dsn[:l.from] + text + l.dsn[l.to:]
}

// append returns the DSN with more keys. Unlike insert, it leaves no empty key between two separators, which some
// drivers refuse, and puts the new keys last where the last wins.
func (s *syntax) append(l layout, pairs []Pair) string {
	if len(pairs) == 0 {
		return l.dsn
	}
	text, region := s.join(pairs), l.dsn[l.from:l.to]
	switch {
	case region == "" && l.query && !l.mark:
		text = "?" + text
	case s.sep == " ":
		text += " " + region
	case region == "" || s.sepBefore(region) > 0:
		text = region + text
	default:
		text = region + s.sep + text
	}
	return l.dsn[:l.from] + text + l.dsn[l.to:]
}

func (s *syntax) join(pairs []Pair) string {
	var words []string
	for _, p := range pairs {
		words = append(words, p.Key+"="+s.quote(p.Value))
	}
	return strings.Join(words, s.sep)
}

// quoteQuery writes a blank as %20: every driver that reads a query decodes that, not every one a '+'.
func quoteQuery(v string) string {
	return strings.ReplaceAll(url.QueryEscape(v), "+", "%20")
}
