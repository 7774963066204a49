// Package dsn reads and writes DSNs: it finds the driver, the pool's options, what is left for the driver, and the
// secret parts.
//
// Detect tells the form of a DSN and takes the options out. Read does so, too, and refuses options in a wrong place.
// Insert puts options in. Resolve and Merge make of a DSN what its driver reads. Mask and Scrub show a DSN, and a
// driver's error about it, without passwords; a Redactor takes passwords out of any text. No error of the package shows
// a secret. Functions of the package keep no state and may run at once, as may the methods of a Redactor.
package dsn

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Form is a DSN with what is known of it: which driver it is for, and how it is written.
type Form struct {
	driver string // empty: SQLite's, whichever is registered
	family family // of the form; a driver that pool_driver names may be of none
	syntax *syntax
	layout layout
	scheme string // of a URL, without "+driver"
	native bool   // false: a URL that must be rewritten for the driver
}

// IsOption reports whether a key has the form of an option of the pool, known or not. The driver must not see it.
func IsOption(key string) bool {
	return key == "echo" || key == "echo_pool" || strings.HasPrefix(strings.ToLower(key), "pool_")
}

// isOption is IsOption for a parameter.
func isOption(p param) bool { return IsOption(p.key) }

// Option is an option of the pool in a DSN.
type Option struct {
	Key, Value string
	Shown      bool // they may stand in an error; else they may be part of a password
	Place      int  // which parameter of the DSN it is, counted from 1
}

// Options returns the options of the pool that are in the DSN, in their order.
func (f Form) Options() (list []Option) {
	for i, p := range f.layout.params {
		if isOption(p) {
			shown := !f.isBeforeAt(p) && (f.family != otherFamily || f.scheme != "")
			list = append(list, Option{p.key, p.value, shown, i + 1})
		}
	}
	return list
}

// isBeforeAt reports whether an @ follows a parameter, which may be part of a password then: one whose ? or & was not
// encoded.
func (f Form) isBeforeAt(p param) bool {
	return f.syntax.sep == "&" && strings.Contains(f.layout.dsn[p.start:], "@")
}

// Target returns the driver's name and its DSN, without the options. Every other byte stays as it is, unless the DSN is
// a URL in a form of this package's own: that is rewritten for the driver. An empty driver stands for SQLite's,
// whichever is registered; then Resolve rewrites the DSN.
func (f Form) Target() (driver, dsn string, err error) {
	for _, p := range f.layout.params {
		if p.key == "pool_driver" && imports[p.value] == "" && f.isBeforeAt(p) {
			// The error about a driver that is not registered would show the name.
			return "", "", errors.New("pooled: pool_driver: an @ follows it: put pool_driver last, or write %40")
		}
	}
	dsn = f.syntax.remove(f.layout, isOption)
	if err := cmp.Or(f.checkLogin(dsn), f.checkURL(dsn)); err != nil {
		return "", "", err
	}
	native, err := f.rewrite(dsn)
	if err != nil {
		return "", "", err
	}
	if f.driver == "" {
		// The name of a file alone would not tell its form.
		return "", dsn, nil
	}
	return f.driver, native, nil
}

// Detect tells which driver a DSN is for: by pool_driver, by its scheme or by its form. If two forms fit, that is an
// error.
func Detect(dsn string) (Form, error) {
	if name, _, ok := cutScheme(dsn); ok && !isMySQLWithSlashes(dsn, name) {
		return urlForm(dsn, name)
	}
	fits := fittingForms(dsn)
	if len(fits) == 1 && fits[0].isBroken() {
		return Form{}, diagnose(dsn)
	}
	if len(fits) == 1 {
		return chosenForm(fits[0], dsn)
	}
	found := formsByDriver(dsn, fits)
	switch {
	case len(found) > 0 && !slices.ContainsFunc(found, func(f Form) bool { return f.driver != found[0].driver }):
		return found[0], checkPython(found[0].driver, "")
	case len(fits) > 1:
		return Form{}, errTwoForms(fits)
	case looksUnescaped(dsn):
		return Form{}, errors.New("pooled: a / in the value of a MySQL parameter: write %2F, as in loc=Europe%2FBerlin")
	case looksBroken(dsn):
		return Form{}, errors.New("pooled: the DSN looks like PostgreSQL's keyword=value form, but has a key " +
			"without = or a quote that is not closed: put a value that has spaces in single quotes")
	case len(found) == 0 && mysqlParts(dsn).addressed():
		return nativeForm("mysql", mysqlFamily, mysqlSyntax, dsn), nil
	}
	if strings.TrimSpace(dsn) == "" {
		return Form{}, ErrEmpty
	}
	return Form{}, diagnose(dsn)
}

// ErrEmpty is the error for a DSN of nothing but white space.
var ErrEmpty = errors.New("pooled: the DSN is empty: write one, such as postgres://user:password@host/db; if it " +
	"comes " +
	"from a variable, set that")

func errTwoForms(fits []Form) error {
	var names, settings []string
	for _, f := range fits {
		names = append(names, f.family.String())
		settings = append(settings, "pool_driver="+f.family.example())
	}
	return fmt.Errorf("pooled: the DSN fits the forms of %s: set %s", strings.Join(names, " and "),
		strings.Join(settings, " or "))
}

// urlForm reads scheme:// and SQLAlchemy's dialect+driver://.
func urlForm(dsn, name string) (Form, error) {
	base, plus, hasPlus := strings.Cut(name, "+")
	s, known := schemes[strings.ToLower(base)]
	f := Form{driver: s.driver, family: s.family, syntax: urlSyntax, scheme: strings.ToLower(base)}
	if !known {
		f.driver, f.scheme = base, base
	}
	if hasPlus {
		f.driver = plus
	}
	if hasPlus && (plus == "" || base == "") {
		return Form{}, errors.New("pooled: the URL's scheme has a + without a name on both sides: write " +
			"dialect+driver://, or no +")
	}
	if s.family == sqliteFamily {
		f.syntax = pathSyntax
	}
	f.layout, _ = f.syntax.scan(dsn)
	named, isNamed := f.layout.get("pool_driver")
	if s.family == postgresFamily && (isPgx(named) || !isNamed) {
		// Where the query begins depends on the driver, and the query may name the driver: try both.
		libpq, _ := libpqURLSyntax.scan(dsn)
		theirs, ok := libpq.get("pool_driver")
		if isNamed && !ok {
			return Form{}, errors.New("pooled: cannot tell where the URL's query begins: write %3F to " +
				"percent-encode the ? in the user or password")
		}
		if ok && isPgx(theirs) || !ok && isPgx(f.driver) {
			f.syntax, f.layout, named, isNamed = libpqURLSyntax, libpq, theirs, ok
		}
	}
	switch {
	case isNamed && hasPlus && named != plus:
		return Form{}, fmt.Errorf("pooled: pool_driver and the URL's scheme name two drivers: write %s:// "+
			"with pool_driver, or leave pool_driver out", f.scheme)
	case isNamed:
		f.driver = named
		// An unknown driver may read this URL itself, unless no driver reads that scheme.
		f.native = families[named] != s.family && !hasPlus && s.native == ""
	}
	return f, checkPython(f.driver, f.scheme)
}

// chosenForm is for a DSN that only one form fits; pool_driver may still name another driver for it.
func chosenForm(f Form, dsn string) (Form, error) {
	named, ok := f.layout.get("pool_driver")
	if !ok {
		// A path is a weak sign: user/p?w@host/name?pool_driver=oracle begins like one.
		if found := formsByDriver(dsn, nil); f.family == sqliteFamily && len(found) == 1 {
			return found[0], checkPython(found[0].driver, "")
		}
		return f, nil
	}
	if err := checkPython(named, ""); err != nil {
		return Form{}, err
	}
	if want := families[named]; want != otherFamily {
		s := nativeSyntax(want, named, dsn)
		l, ok := s.scan(dsn)
		if seen, sees := l.get("pool_driver"); !ok || !sees || seen != named {
			return Form{}, fmt.Errorf("pooled: pool_driver names a driver of %s, but the DSN has the form of %s: "+
				"write the DSN in the driver's form, or leave pool_driver out", want, f.family)
		}
		f.family, f.syntax, f.layout = want, s, l
	} else if f.family == sqliteFamily {
		// An unknown driver: this may be the name of a file or not.
		f.family = otherFamily
	}
	f.driver = named
	return f, nil
}
