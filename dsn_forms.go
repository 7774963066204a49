package pooled

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// family is a group of parents that read the same DSNs.
type family int

const (
	otherFamily family = iota // nothing is known of it
	mysqlFamily
	postgresFamily
	sqliteFamily
	sqlserverFamily
)

// families holds the registered names of parents whose DSNs we can read. Others may be wrapped as well.
var families = map[string]family{
	"mysql":     mysqlFamily,
	"postgres":  postgresFamily,
	"pgx":       postgresFamily,
	"pgx/v5":    postgresFamily,
	"sqlite":    sqliteFamily,
	"sqlite3":   sqliteFamily,
	"sqlserver": sqlserverFamily,
	"mssql":     sqlserverFamily,
	"azuresql":  sqlserverFamily,
}

// scheme is what a URL's scheme stands for. An empty driver means SQLite's, whichever is registered.
type scheme struct {
	driver string
	family family
}

var schemes = map[string]scheme{
	"mysql":      {"mysql", mysqlFamily},
	"mariadb":    {"mysql", mysqlFamily},
	"postgres":   {"postgres", postgresFamily},
	"postgresql": {"postgres", postgresFamily},
	"sqlite":     {"", sqliteFamily},
	"sqlserver":  {"sqlserver", sqlserverFamily},
	"mssql":      {"sqlserver", sqlserverFamily},
}

// form is a DSN of which is known whom it is for and how to read it.
type form struct {
	driver string // empty: SQLite's, whichever is registered
	family family // of the form, which may differ from the driver's if pool_driver names one that we don't know
	syntax *syntax
	layout layout
	scheme string // of a URL, without "+driver"
	native bool   // false: a URL that must be rewritten for the driver
}

// cutScheme takes the scheme off a URL. "file:" is SQLite's affair.
func cutScheme(dsn string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(dsn, "://")
	if !ok || name == "" || name == "file" {
		return "", dsn, false
	}
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || !('0' <= r && r <= '9' || strings.ContainsRune("+-._", r))) {
			return "", dsn, false
		}
	}
	return name, rest, true
}

// isMySQLInSpite reports user://password@net(address)/db, where the password begins with two slashes: no URL has a host like that.
func isMySQLInSpite(dsn, scheme string) bool {
	_, known := schemes[strings.ToLower(scheme)]
	at := strings.LastIndexByte(dsn, '@')
	return !known && at >= 0 && !strings.Contains(scheme, "+") && strings.Contains(dsn[at:], ")/") && fitsMySQL(dsn)
}

// tellForm finds out for whom a DSN is: pool_driver says it, or the scheme, or the form itself.
func tellForm(dsn string) (form, error) {
	if name, _, ok := cutScheme(dsn); ok && !isMySQLInSpite(dsn, name) {
		return urlForm(dsn, name)
	}
	fits := fittingForms(dsn)
	if len(fits) == 1 {
		return chosenForm(fits[0], dsn)
	}
	found := formsByDriver(dsn, fits)
	switch {
	case len(found) > 0 && !slices.ContainsFunc(found, func(f form) bool { return f.driver != found[0].driver }):
		return found[0], checkPython(found[0].driver, "")
	case len(fits) > 1:
		return form{}, errTwoForms(fits)
	case looksUnescaped(dsn):
		return form{}, errors.New("pooled: cannot tell the DSN's form: a / in the value of a key must be written %2F")
	case looksBroken(dsn):
		return form{}, errors.New("pooled: the DSN looks like PostgreSQL's keyword=value form, but has a key without = or a quote that is not closed")
	case len(found) == 0 && mysqlParts(dsn).addressed():
		return nativeForm("mysql", mysqlFamily, mysqlSyntax, dsn), nil
	}
	if strings.TrimSpace(dsn) == "" {
		return form{}, errEmptyDSN
	}
	return form{}, errors.New("pooled: cannot tell which driver the DSN is for: set pool_driver, or write a URL such as mysql://user@host/db")
}

var errEmptyDSN = errors.New("pooled: the DSN is empty: set pool_driver, or write a URL such as mysql://user@host/db")

func errTwoForms(fits []form) error {
	var names, settings []string
	for _, f := range fits {
		names = append(names, f.family.String())
		settings = append(settings, "pool_driver="+f.family.example())
	}
	return fmt.Errorf("pooled: the DSN fits the forms of %s: set %s", strings.Join(names, " and "), strings.Join(settings, " or "))
}

func (f family) String() string {
	return [...]string{"other", "MySQL", "PostgreSQL", "SQLite", "SQL Server"}[f]
}

func (f family) example() string {
	return [...]string{"", "mysql", "postgres", "sqlite", "sqlserver"}[f]
}

// urlForm reads scheme:// and SQLAlchemy's dialect+driver://.
func urlForm(dsn, name string) (form, error) {
	base, plus, hasPlus := strings.Cut(name, "+")
	s, known := schemes[strings.ToLower(base)]
	f := form{driver: s.driver, family: s.family, syntax: urlSyntax, scheme: strings.ToLower(base)}
	if !known {
		f.driver, f.scheme = base, base
	}
	if hasPlus {
		f.driver = plus
	}
	if hasPlus && (plus == "" || base == "") {
		return form{}, errors.New("pooled: the URL's scheme has a + without a name on both sides")
	}
	if s.family == sqliteFamily {
		f.syntax = pathSyntax
	}
	f.layout, _ = f.syntax.scan(dsn)
	named, isNamed := f.layout.get("pool_driver")
	if s.family == postgresFamily && (isPgx(named) || !isNamed) {
		// Only the parent can say where the query begins, and the query says which parent: ask both.
		libpq, _ := libpqURLSyntax.scan(dsn)
		theirs, ok := libpq.get("pool_driver")
		if isNamed && !ok {
			return form{}, errors.New("pooled: cannot tell where the URL's query begins: percent-encode the ? in the user or password")
		}
		if ok && isPgx(theirs) || !ok && isPgx(plus) {
			f.syntax, f.layout, named, isNamed = libpqURLSyntax, libpq, theirs, ok
		}
	}
	switch {
	case isNamed && hasPlus && named != plus:
		return form{}, fmt.Errorf("pooled: pool_driver and the URL's scheme name two drivers: write %s:// alone with pool_driver, or the scheme alone", f.scheme)
	case isNamed:
		f.driver = named
		// A driver that we don't know may want the very URL.
		f.native = families[named] != s.family && !hasPlus
	}
	return f, checkPython(f.driver, f.scheme)
}

func isPgx(driver string) bool { return driver == "pgx" || driver == "pgx/v5" }

// chosenForm is for a DSN that only one form fits; pool_driver may still name another driver for it.
func chosenForm(f form, dsn string) (form, error) {
	named, ok := f.layout.get("pool_driver")
	if !ok {
		// A path is a weak sign: user/p?w@host/name?pool_driver=oracle begins like one.
		if found := formsByDriver(dsn, nil); f.family == sqliteFamily && len(found) == 1 {
			return found[0], checkPython(found[0].driver, "")
		}
		return f, nil
	}
	if err := checkPython(named, ""); err != nil {
		return form{}, err
	}
	if want := families[named]; want != otherFamily {
		s := nativeSyntax(want, named, dsn)
		l, ok := s.scan(dsn)
		if seen, sees := l.get("pool_driver"); !ok || !sees || seen != named {
			return form{}, fmt.Errorf("pooled: pool_driver names a driver of %s, but the DSN has the form of %s", want, f.family)
		}
		f.family, f.syntax, f.layout = want, s, l
	} else if f.family == sqliteFamily {
		// A file of a driver that we don't know, or no file at all.
		f.family = otherFamily
	}
	f.driver = named
	return f, nil
}

// formsByDriver reads the DSN in every way and returns those in which it holds a pool_driver that goes with that way.
func formsByDriver(dsn string, fits []form) []form {
	var found []form
	for _, f := range fits {
		if named, ok := f.layout.get("pool_driver"); ok && (families[named] == f.family || families[named] == otherFamily) {
			f.driver = named
			found = append(found, f)
		}
	}
	for named, fam := range families {
		s := nativeSyntax(fam, named, dsn)
		l, ok := s.scan(dsn)
		if seen, sees := l.get("pool_driver"); ok && sees && seen == named {
			found = append(found, form{driver: named, family: fam, syntax: s, layout: l, native: true})
		}
	}
	for _, s := range []*syntax{anyQuerySyntax, adoSyntax, anyWordsSyntax} {
		l, ok := s.scan(dsn)
		named, sees := l.get("pool_driver")
		// A driver that we know has been looked for above; its DSN is empty if it consists of our keys alone.
		// A value that cannot be a name was cut at the wrong place.
		if ok && sees && parseDriver(&Config{}, named) == nil && (families[named] == otherFamily || s.without(l, isOptionParam) == "") {
			found = append(found, form{driver: named, family: families[named], syntax: s, layout: l, native: true})
		}
	}
	return found
}

// nativeSyntax returns how the drivers of a family read this DSN.
func nativeSyntax(fam family, driver, dsn string) *syntax {
	name, _, isURL := cutScheme(dsn)
	switch {
	case isURL && fam == mysqlFamily && isMySQLInSpite(dsn, name):
		return mysqlSyntax
	case isURL && fam == postgresFamily && isPgx(driver) && schemes[strings.ToLower(name)].family == fam:
		return libpqURLSyntax
	case isURL && fam == sqliteFamily && schemes[strings.ToLower(name)].family == fam:
		return pathSyntax
	case isURL:
		return urlSyntax
	}
	switch fam {
	case mysqlFamily:
		return mysqlSyntax
	case sqliteFamily:
		return pathSyntax
	case postgresFamily:
		if isPgx(driver) {
			return libpqKVSyntax
		}
		return kvSyntax
	case sqlserverFamily:
		if strings.HasPrefix(dsn, "odbc:") {
			return odbcSyntax
		}
		return adoSyntax
	}
	return anyQuerySyntax
}

func nativeForm(driver string, fam family, s *syntax, dsn string) form {
	l, _ := s.scan(dsn)
	return form{driver: driver, family: fam, syntax: s, layout: l, native: true}
}

// fittingForms returns every native form that a DSN without a scheme fits. They are told by what the driver would accept and
// a program would plausibly mean, so that few DSNs fit two.
func fittingForms(dsn string) []form {
	var fits []form
	add := func(driver string, fam family, s *syntax) { fits = append(fits, nativeForm(driver, fam, s, dsn)) }
	switch {
	case strings.HasPrefix(dsn, "file:"), dsn == ":memory:", strings.HasPrefix(dsn, ":memory:?"):
		add("", sqliteFamily, pathSyntax)
		return fits
	case strings.HasPrefix(dsn, "odbc:"):
		add("sqlserver", sqlserverFamily, odbcSyntax)
		return fits
	}
	if fitsMySQL(dsn) {
		add("mysql", mysqlFamily, mysqlSyntax)
		if strings.Contains(dsn[:strings.LastIndexByte(dsn, '/')], "@") && dsn[0] != '/' && dsn[0] != '.' {
			// user@…/: what else it looks like, it does for the sake of its password.
			return fits
		}
	}
	if fitsKV(dsn) {
		add("postgres", postgresFamily, kvSyntax)
	}
	if fitsADO(dsn) {
		add("sqlserver", sqlserverFamily, adoSyntax)
	}
	if fitsPath(dsn) {
		add("", sqliteFamily, pathSyntax)
	}
	return fits
}

// mysqlDSN is a DSN taken apart as go-sql-driver does it: [user[:password]@][net[(addr)]]/dbname.
type mysqlDSN struct {
	hasSlash, hasUser, hasAddr bool
	user, network              string
}

func mysqlParts(dsn string) (d mysqlDSN) {
	slash := strings.LastIndexByte(dsn, '/')
	if slash < 0 {
		return d
	}
	d.hasSlash = true
	rest := dsn[:slash]
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		d.hasUser = true
		d.user, _, _ = strings.Cut(rest[:at], ":")
		rest = rest[at+1:]
	}
	d.network = rest
	network, _, ok := strings.Cut(rest, "(")
	if ok && strings.HasSuffix(rest, ")") && !strings.ContainsAny(network, "/?&=; ") {
		d.network, d.hasAddr = network, true
	}
	return d
}

// addressed: there is a user@net(addr)/, as in no other form, whatever the user looks like.
func (d mysqlDSN) addressed() bool { return d.hasUser && d.hasAddr }

// fitsMySQL goes by the user, in whose name white space and ;, = and ? are legal, and signs of another form. An
// address behind it outweighs all but the =, by which keys are told: a password of another form may look like an
// address. A net without an address is one that has a default.
func fitsMySQL(dsn string) bool {
	d := mysqlParts(dsn)
	switch {
	case !d.hasSlash:
		return false
	case d.hasAddr:
		return !strings.Contains(d.user, "=")
	}
	return !strings.ContainsAny(d.user, " \t\r\n=;?") && (d.network == "" || d.network == "tcp" || d.network == "unix")
}

// kvKeys are the keys of which a PostgreSQL keyword/value DSN holds at least one.
var kvKeys = []string{"host", "hostaddr", "port", "user", "password", "dbname", "database", "service", "sslmode", "passfile",
	"application_name", "fallback_application_name", "connect_timeout", "options"}

func fitsKV(dsn string) bool {
	l, ok := kvSyntax.scan(dsn)
	known := false
	for _, p := range l.params {
		if strings.Trim(p.key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") != "" {
			return false
		}
		known = known || slices.Contains(kvKeys, p.key)
	}
	return ok && known
}

// adoKeys are the names of the server in an ADO DSN, of which it holds one.
var adoKeys = []string{"server", "data source", "address", "network address", "addr"}

func fitsADO(dsn string) bool {
	l, _ := adoSyntax.scan(dsn)
	return slices.ContainsFunc(l.params, func(p param) bool {
		return slices.Contains(adoKeys, strings.ToLower(p.key)) && strings.Contains(dsn[p.start:p.end], "=")
	})
}

var sqliteExtensions = []string{".db", ".db3", ".sqlite", ".sqlite3", ".s3db", ".sdb"}

// fitsPath: the name of a file, as a path or with the extension of a database.
func fitsPath(dsn string) bool {
	l, _ := pathSyntax.scan(dsn)
	path := dsn
	if l.mark {
		path = dsn[:l.from-1]
	}
	switch {
	case path == "" || path[0] == '?' || strings.HasSuffix(path, "/") || strings.HasSuffix(path, `\`) || strings.ContainsAny(path, "\x00\r\n"):
		return false
	case strings.HasPrefix(path, "/"), strings.HasPrefix(path, "./"), strings.HasPrefix(path, "../"):
		return true
	case strings.ContainsAny(path, "@()=;"):
		return false
	case len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/'): // C:\
		return true
	case strings.Contains(path, ":"):
		return false
	}
	return strings.ContainsAny(path, `/\`) || slices.ContainsFunc(sqliteExtensions, func(ext string) bool { return strings.HasSuffix(path, ext) })
}

// looksBroken reports a keyword/value DSN that its driver would refuse.
func looksBroken(dsn string) bool {
	l, ok := kvSyntax.scan(dsn)
	return !ok && len(l.params) > 0 && slices.Contains(kvKeys, l.params[0].key)
}

// looksUnescaped reports MySQL's most common mistake, loc=Europe/Berlin: its driver looks for the last '/'.
func looksUnescaped(dsn string) bool {
	before, value, ok := strings.Cut(dsn, ")/")
	return ok && strings.Contains(before, "(") && strings.Contains(value, "?") && strings.Contains(value, "/")
}
