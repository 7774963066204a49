package pooled

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pooled-go/pooled/internal/option"
)

// ParseDSN reads a DSN: the parent's own with options of ours in it, each in the way the parent's are written there, or
// a URL. It tells whose DSN it is by pool_driver, then by the scheme, then by the form; if two forms fit, it says so in
// an error.
//
//	scott:tiger@tcp(host:3306)/db?parseTime=true&pool_size=10     go-sql-driver/mysql
//	host=/run/postgresql user=scott pool_size=10                  lib/pq
//	postgres://scott:tiger@host1,host2/db?pool_size=10            lib/pq
//	server=host;user id=scott;password="a;b";pool_size=10         go-mssqldb, also odbc: and sqlserver://
//	file:app.db?mode=ro&pool_size=10                              SQLite, also app.db and :memory:
//	mysql://scott:tiger@host/db                                   also mariadb://; rewritten to the driver's own form
//	sqlite:// sqlite:///relative.db sqlite:////absolute.db        rewritten; the driver is sqlite or sqlite3
//	postgresql+pgx://scott:tiger@host/db                          dialect+driver, as in SQLAlchemy
//	name://…                                                      the driver registered as name, which gets the whole URL
//	whatever?pool_driver=name                                     any other; ";pool_driver=name" and " pool_driver=name" too
//
// What is not ours reaches the parent byte for byte, in its order. ParseDSN does not need the driver to be registered.
//
// Errors are one line and name the key. They never show a password: a value is shown only if it is that of a known key,
// short, and without an @ behind it, and nothing of the parent's part of the DSN is shown at all.
func ParseDSN(dsn string) (Config, error) {
	f, err := tellForm(dsn)
	if err != nil {
		return Config{}, err
	}
	c := NewConfig()
	given, err := c.parseOptions(f)
	if err != nil {
		return Config{}, err
	}
	if err := c.validate(); err != nil {
		return Config{}, err
	}
	if err := c.checkMeaning(given); err != nil {
		return Config{}, err
	}
	c.Driver, c.DSN = f.driver, f.syntax.without(f.layout, isOptionParam)
	if err := f.checkURL(c.DSN); err != nil {
		return Config{}, err
	}
	native, err := f.rewrite(c.DSN)
	if err != nil {
		return Config{}, err
	}
	if c.Driver != "" {
		// Without a driver the URL stays, and parent rewrites it: a bare file name would not tell its form.
		c.DSN = native
	}
	return c, nil
}

// isOption reports whether a key has the form of an option, known or not. The wrapped driver must not see it.
func isOption(key string) bool {
	return key == "echo" || key == "echo_pool" || strings.HasPrefix(strings.ToLower(key), "pool_")
}

// isOptionParam is isOption for a parameter.
func isOptionParam(p param) bool { return isOption(p.key) }

// parseOptions stores the options of a DSN and returns, for each key of the table, the name under which it was given.
func (c *Config) parseOptions(f form) (given map[string]string, err error) {
	given = map[string]string{}
	for _, p := range f.layout.params {
		if !isOption(p.key) {
			continue
		}
		// What looks like a key may be part of a password whose ? or & was not encoded: then an @ follows, or we
		// guessed.
		behind := f.syntax.sep == "&" && strings.Contains(f.layout.dsn[p.start:], "@")
		show := !behind && (f.family != otherFamily || f.scheme != "")
		o := options.Lookup(p.key)
		if o == nil {
			return nil, errUnknownKey(p.key, show)
		}
		keys := []string{o.Key}
		if p.key == maxConnsKey {
			keys = append(keys, "pool_max_overflow")
		}
		for _, key := range keys {
			if before, ok := given[key]; ok {
				return nil, errTwice(before, p.key)
			}
			given[key] = p.key
		}
		if err := c.parseOption(o, p); err != nil {
			if !show {
				p.value = "\x00"
			}
			return nil, badValue(p.key, p.value, err)
		}
		if o.Key == "pool_driver" && imports[p.value] == "" && behind {
			// parent would show the name that it cannot find.
			return nil, errors.New("pooled: pool_driver: an @ follows it: put pool_driver last, or write %40")
		}
	}
	return given, nil
}

func (c *Config) parseOption(o *option.Row[Config], p param) error {
	if err := o.Parse(c, p.value); err != nil || p.key != maxConnsKey {
		return err
	}
	if c.Size < 1 {
		return errors.New("want at least 1")
	}
	c.MaxOverflow = 0
	return nil
}

func errTwice(before, key string) error {
	if before == key {
		return fmt.Errorf("pooled: %s is given twice", key)
	}
	return fmt.Errorf("pooled: %s and %s set the same option: give one of them", before, key)
}

// badValue names a key and, if that can be done safely, its value.
func badValue(key, value string, err error) error {
	if !plain(value) {
		value = "(not shown)"
	}
	return fmt.Errorf("pooled: %s=%s: bad value: %w", key, value, err)
}

// checkMeaning refuses options that the chosen class would silently ignore.
func (c *Config) checkMeaning(given map[string]string) error {
	for _, o := range options {
		if name, ok := given[o.Key]; ok && !o.AppliesTo(string(c.Class)) {
			return fmt.Errorf("pooled: %s means nothing with pool_class=%s", name, c.Class)
		}
	}
	return nil
}

// FormatDSN returns a DSN from which ParseDSN makes an equal Config, save for ConnectArgs and Hooks, which a DSN cannot
// hold, and for a DSN field that is a URL, which ParseDSN rewrites. It holds the options that differ from their
// defaults and mean something in its Class. It holds the password, too: for a log use String.
func (c Config) FormatDSN() string {
	var pairs []pair
	for _, o := range options {
		if o.Key == "pool_driver" || !o.AppliesTo(string(c.Class)) {
			continue
		}
		if v := o.Format(&c); v != o.Default {
			pairs = append(pairs, pair{o.Key, v})
		}
	}
	if s, ok := c.formatAs(pairs); ok || c.Driver == "" {
		return s
	}
	// The form alone would not lead to the driver.
	s, _ := c.formatAs(append([]pair{{"pool_driver", c.Driver}}, pairs...))
	return s
}

// formatAs puts the pairs into the DSN in the first way that ParseDSN undoes, and reports whether there is one.
func (c Config) formatAs(pairs []pair) (string, bool) {
	first := argSyntax(families[c.Driver], c.Driver, c.DSN)
	for _, s := range []*syntax{first, anyQuerySyntax, adoSyntax, anyWordsSyntax} {
		l, ok := s.scan(c.DSN)
		if !ok && !s.front {
			continue
		}
		if dsn := s.with(l, pairs); c.isReadFrom(dsn) {
			return dsn, true
		}
	}
	// A ? in it may be part of a password.
	whole := layout{dsn: c.DSN, from: len(c.DSN), to: len(c.DSN), query: true}
	if dsn := anyQuerySyntax.with(whole, pairs); c.isReadFrom(dsn) {
		return dsn, true
	}
	l, _ := first.scan(c.DSN)
	return first.with(l, pairs), false
}

// isReadFrom reports whether ParseDSN makes c's parent and its DSN from dsn.
func (c Config) isReadFrom(dsn string) bool {
	back, err := ParseDSN(dsn)
	return err == nil && back.Driver == c.Driver && back.DSN == c.DSN
}

// String is FormatDSN with the passwords masked.
func (c Config) String() string { return mask(c.FormatDSN()) }

// Format prints String by every verb, so that none shows them. fmt does not ask it where a Config stands in a field of
// another struct that is not exported, or for %p and %w, which vet refuses.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }
