package pooled

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/opener"
	"github.com/pooled-go/pooled/internal/option"
)

// ParseDSN reads a driver's DSN with options of the pool among its own arguments, or a URL. The driver is that of
// pool_driver, otherwise that of the URL's scheme, otherwise that of the DSN's form. If two forms fit, that is an
// error.
//
//	scott:tiger@tcp(host:3306)/db?parseTime=true&pool_size=10     go-sql-driver/mysql
//	host=/run/postgresql user=scott pool_size=10                  lib/pq
//	postgres://scott:tiger@host1,host2/db?pool_size=10            lib/pq
//	server=host;user id=scott;password="a;b";pool_size=10         go-mssqldb, also odbc: and sqlserver://
//	file:app.db?mode=ro&pool_size=10                              SQLite, also app.db and :memory:
//	mysql://scott:tiger@host/db                                   also mariadb:// and …@tcp(host)/db; rewritten
//	sqlite:// sqlite:///relative.db sqlite:////absolute.db        rewritten; the driver is sqlite or sqlite3
//	postgresql+pgx://scott:tiger@host/db                          dialect+driver, as in SQLAlchemy; also pgx://
//	name://…                                                      the driver registered as name gets the whole URL
//	whatever?pool_driver=name                                     any other; ";pool_driver=name" too
//
// Everything that is not an option reaches the driver byte for byte, unless the URL is rewritten. Line breaks at the
// end are dropped. An option that would become part of a name, a password or another value is refused, unless it
// is percent-encoded or quoted there. The driver need not be registered.
//
// An error is one line and names the key. It never shows a password. A value is shown only if its key is known, and if
// it is short and has no @ after it. Nothing of the driver's part of the DSN is shown.
func ParseDSN(s string) (Config, error) {
	form, err := dsn.Read(s, options)
	if err != nil {
		return Config{}, err
	}
	c := NewConfig()
	given, err := c.parseOptions(form.Options())
	if err != nil {
		return Config{}, err
	}
	if err := c.validate(); err != nil {
		return Config{}, err
	}
	if err := c.checkMeaning(given); err != nil {
		return Config{}, err
	}
	if c.Driver, c.DSN, err = form.Target(); err != nil {
		return Config{}, err
	}
	if err := c.heed(c.Driver, c.DSN, given["pool_target"] != "", given["pool_hosts"] != ""); err != nil {
		return Config{}, err
	}
	if c.Target != TargetAny && opener.LacksRoles(c.Driver) {
		return Config{}, badValue("pool_target", string(c.Target), opener.ErrNoRoles)
	}
	return c, nil
}

// heed checks the hosts of a driver's DSN, and takes what libpq's keys in it say, unless the options are given.
func (c *Config) heed(driver, native string, target, order bool) error {
	hosts, err := dsn.Hosts(driver, native)
	return cmp.Or(err, dsn.Heed(hosts.Target, &c.Target, target, "pool_target"),
		dsn.Heed(hosts.Order, &c.HostOrder, order, "pool_hosts"))
}

// parseOptions stores the options of a DSN and returns, for each key of the table, the name under which it was given.
func (c *Config) parseOptions(list []dsn.Option) (given map[string]string, err error) {
	given = map[string]string{}
	for _, p := range list {
		o := options.Lookup(p.Key)
		if o == nil {
			return nil, options.ErrUnknown(p.Key, p.Shown && dsn.IsPlain(p.Key), p.Place)
		}
		keys := []string{o.Key}
		if p.Key == maxConnsKey {
			keys = append(keys, "pool_max_overflow")
		}
		for _, key := range keys {
			if before, ok := given[key]; ok {
				return nil, option.ErrTwice(before, p.Key)
			}
			given[key] = p.Key
		}
		if err := c.parseOption(o, p); err != nil {
			if !p.Shown {
				p.Value, err = "\x00", cmp.Or(errors.Unwrap(err), err)
			}
			return nil, badValue(p.Key, p.Value, err)
		}
	}
	return given, nil
}

func (c *Config) parseOption(o *option.Row[Config], p dsn.Option) error {
	if err := o.Parse(c, p.Value); err != nil || p.Key != maxConnsKey {
		return err
	}
	if c.Size < 1 {
		return errors.New("want at least 1")
	}
	c.MaxOverflow = 0
	return nil
}

// badValue names a key and, if that can be done safely, its value.
func badValue(key, value string, err error) error {
	return fmt.Errorf("pooled: %s=%s: bad value: %w", key, dsn.Shown(value), err)
}

// checkMeaning refuses options that the chosen class would silently ignore.
func (c *Config) checkMeaning(given map[string]string) error {
	for _, o := range options {
		if name, ok := given[o.Key]; ok && !o.AppliesTo(string(c.Class)) {
			return fmt.Errorf("pooled: %s means nothing with pool_class=%s: leave it out", name, c.Class)
		}
	}
	return nil
}

// FormatDSN returns a DSN with the options that differ from their defaults and that the class uses. It includes the
// password: use String for logs. ParseDSN returns an equal Config for it, except for fields that a DSN cannot contain,
// and for a URL in the field DSN, which it rewrites. It may refuse a password or a name that looks like an option.
func (c Config) FormatDSN() string {
	var pairs []dsn.Pair
	for _, o := range options {
		if o.Key == "pool_driver" || !o.AppliesTo(string(c.Class)) {
			continue
		}
		if v := o.Format(&c); v != o.Default {
			pairs = append(pairs, dsn.Pair{Key: o.Key, Value: v})
		}
	}
	return dsn.Insert(c.Driver, c.DSN, pairs)
}

// String is FormatDSN with the passwords masked.
func (c Config) String() string { return dsn.Mask(c.FormatDSN()) }

// Format prints String for every verb, so that none shows a password. It is not called for a Config in an unexported
// field of another struct: fmt prints that, with the password.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }
