package dsn

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Keys tells what is known of the keys of a DSN.
type Keys interface {
	// Has reports whether a key is an option's.
	Has(key string) bool
	// Stray is the error for a key that was meant to be an option, but that the driver would get; nil: the key may be the
	// driver's.
	Stray(key string) error
}

// Read is Detect for a DSN that somebody wrote. Line breaks at its end are dropped: the file of a secret often ends in
// one. An option that would become part of something else, such as the name of a file, is refused, and so is one that
// would reach the driver, because its key is written otherwise. A key that is not known may be anything.
func Read(text string, keys Keys) (Form, error) {
	text = strings.TrimRight(text, "\r\n")
	f, err := Detect(text)
	if err == nil {
		return f, cmp.Or(f.checkPlaces(keys.Has), f.checkStray(keys.Stray))
	}
	for at, ok := nextPlace(text, 0, keys.Has); ok; at, ok = nextPlace(text, at.key, keys.Has) {
		// Without the option, the form may be clear.
		f, cutErr := Detect(strings.TrimSuffix(at.before, at.behind))
		if cutErr == nil && shownSeparator(f.separator()) != shownSeparator(at.behind) {
			return Form{}, f.errMisplaced(at)
		}
	}
	return Form{}, err
}

// checkStray refuses the key of an option that is written so that the driver would get it. Of a driver that is not
// known, nobody knows the keys.
func (f Form) checkStray(stray func(string) error) error {
	for _, p := range f.layout.params {
		if f.family == otherFamily || isOption(p) {
			continue
		}
		if err := stray(p.key); err != nil {
			return err
		}
	}
	return nil
}

// place is where the key of an option stands in a DSN.
type place struct {
	key          int    // its first byte
	before, rest string // the DSN up to there, and from there on
	name         string // the key
	behind       string // the separator before it
}

// nextPlace finds the first known option behind a separator of any form, at or behind a byte of the DSN.
func nextPlace(dsn string, from int, known func(string) bool) (place, bool) {
	for i := from; i < len(dsn); {
		r, n := utf8.DecodeRuneInString(dsn[i:])
		if i += n; !strings.ContainsRune("?&;,", r) && !unicode.IsSpace(r) {
			continue
		}
		name, rest := cutName(dsn[i:])
		if !known(foldKey(name)) || !strings.HasPrefix(strings.TrimLeftFunc(rest, unicode.IsSpace), "=") {
			continue
		}
		behind := dsn[i-n : i]
		if strings.HasSuffix(dsn[:i], "&amp;") {
			behind = "&amp;"
		}
		return place{i, dsn[:i], dsn[i:], name, behind}, true
	}
	return place{}, false
}

// cutName cuts what can be the key of an option off a text.
func cutName(text string) (name, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool {
		return r != '_' && !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	})
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}

// foldKey writes a key that IsOption takes in upper case, too, in lower case.
func foldKey(key string) string {
	if IsOption(key) {
		return strings.ToLower(key)
	}
	return key
}

// checkPlaces refuses a known option that the form does not read as one, unless it is quoted.
func (f Form) checkPlaces(known func(string) bool) error {
	for at, ok := nextPlace(f.layout.dsn, 0, known); ok; at, ok = nextPlace(f.layout.dsn, at.key, known) {
		p, found := f.paramAt(at.key)
		switch {
		case found && f.readsKey(p, at.key):
			if f.endsPassword(p) {
				return f.errInLogin(at)
			}
		case !found || !f.isQuoted(p, at.key):
			return f.errMisplaced(at)
		}
	}
	return nil
}

func (f Form) paramAt(i int) (param, bool) {
	for _, p := range f.layout.params {
		if p.start <= i && i < p.end {
			return p, true
		}
	}
	return param{}, false
}

// readsKey reports whether a parameter is an option, and its key at that place of the DSN.
func (f Form) readsKey(p param, i int) bool {
	eq := strings.IndexByte(f.layout.dsn[p.start:p.end], '=')
	return isOption(p) && (eq < 0 || i < p.start+eq)
}

// isQuoted reports whether a place is within a value that is quoted, so that it is part of it on purpose.
func (f Form) isQuoted(p param, i int) bool {
	dsn := f.layout.dsn
	_, value, _ := strings.Cut(dsn[p.start:p.end], "=")
	value = strings.TrimSpace(value)
	switch {
	case f.syntax.sep == "&":
		return false
	case f.syntax.sep == " " && i > 1 && dsn[i-2] == '\\':
		return true
	case len(value) < 2:
		return false
	}
	switch value[:1] + value[len(value)-1:] {
	case `''`, `""`, "{}":
		return true
	}
	return false
}

// endsPassword reports an option of a URL that is within the password, whose ? was not encoded: an @ follows it.
func (f Form) endsPassword(p param) bool {
	dsn := f.layout.dsn
	if f.scheme == "" || !f.layout.mark {
		return false
	}
	_, before, _ := cutScheme(dsn[:f.layout.from])
	_, rest, _ := cutScheme(dsn)
	return !strings.ContainsAny(before, "/@") && (strings.Contains(dsn[p.start:p.end], "@") ||
		f.family != otherFamily && isLoginHost(rest))
}

// errMisplaced says what an option that is not read as one would be part of, and what to write.
func (f Form) errMisplaced(at place) error {
	l := f.layout
	p, inParam := f.paramAt(at.key)
	_, value, hasValue := strings.Cut(at.before[p.start:], "=")
	_, behindScheme, isURL := cutScheme(at.before)
	if !isURL {
		behindScheme = at.before
	}
	switch {
	case inParam && !hasValue:
		return f.errPlace(at, "another key")
	case inParam && strings.TrimSpace(value) == "":
		return fmt.Errorf("pooled: %s would be the value of the key before it, which has none: write '' after that "+
			"key's =", at.name)
	case inParam && shownSeparator(f.separator()) == shownSeparator(at.behind):
		return fmt.Errorf("pooled: %s would be part of the value before it, whose quote is not closed: write the "+
			"closing quote", at.name)
	case inParam, f.syntax.sep != "&":
		return f.errPlace(at, "the value before it")
	case strings.Contains(at.rest, "@") && f.family != sqliteFamily:
		return f.errInLogin(at)
	case l.query && l.to < len(l.dsn) && at.key > l.to:
		return fmt.Errorf("pooled: %s comes after a #, where nothing is read: write it before the #; if the # is "+
			"part of a password, write %%23", at.name)
	case f.family == sqliteFamily:
		return f.errPlace(at, "the name of the file")
	case strings.Contains(behindScheme, "/"):
		return f.errPlace(at, "the name of the database")
	}
	return f.errPlace(at, "the host")
}

// errInLogin is for an option before the @.
func (f Form) errInLogin(at place) error {
	if f.family == mysqlFamily && f.scheme == "" {
		return fmt.Errorf("pooled: %s comes before the @, in the user or password: write it at the end; if it is part "+
			"of the password, write a mysql:// URL with %s for %s", at.name, encoded(at.behind), shownSeparator(at.behind))
	}
	return fmt.Errorf("pooled: %s comes before the @, in the user or password: write it at the end; if it is part of "+
		"the password, write %s for %s", at.name, encoded(at.behind), shownSeparator(at.behind))
}

// errPlace is for an option that needs another separator.
func (f Form) errPlace(at place, part string) error {
	belongs := ""
	switch {
	case f.syntax == odbcSyntax:
		belongs = "put that value in braces"
	case f.syntax == adoSyntax:
		belongs = "put that value in double quotes"
	case f.syntax.sep == " ":
		belongs = "put that value in single quotes"
	case f.family != sqliteFamily || f.scheme != "" || strings.HasPrefix(f.layout.dsn, "file:"):
		belongs = "write " + encoded(at.behind) + " for " + shownSeparator(at.behind)
	}
	if belongs != "" {
		belongs = "; if it belongs there, " + belongs
	}
	if f.layout.mark && at.key < f.layout.from {
		return fmt.Errorf("pooled: %s would be part of %s: write it after the ?, with all other parameters%s", at.name, part,
			belongs)
	}
	return fmt.Errorf("pooled: %s would be part of %s: write %s before it, not %s%s", at.name, part,
		shownSeparator(f.separator()), shownSeparator(at.behind), belongs)
}

// separator is what stands before the next key of the form.
func (f Form) separator() string {
	if f.syntax.sep == "&" && !f.layout.mark {
		return "?"
	}
	return f.syntax.sep
}

// encoded is how a separator is written where it does not separate.
func encoded(separator string) string { return quoteQuery(strings.TrimSuffix(separator, "amp;")) }

func shownSeparator(separator string) string {
	switch {
	case separator == " ":
		return "a space"
	case strings.TrimSpace(separator) == "":
		return "white space"
	}
	return "'" + separator + "'"
}
