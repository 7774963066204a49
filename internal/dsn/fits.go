package dsn

import "strings"

// formsByDriver reads the DSN in every way and returns those in which it holds a pool_driver that goes with that way.
func formsByDriver(dsn string, fits []Form) []Form {
	var found []Form
	for _, f := range fits {
		named, ok := f.layout.get("pool_driver")
		if ok && (families[named] == f.family || families[named] == otherFamily) {
			f.driver = named
			found = append(found, f)
		}
	}
	for named, fam := range families {
		s := nativeSyntax(fam, named, dsn)
		l, ok := s.scan(dsn)
		if seen, sees := l.get("pool_driver"); ok && sees && seen == named {
			found = append(found, Form{driver: named, family: fam, syntax: s, layout: l, native: true})
		}
	}
	for _, s := range []*syntax{anyQuerySyntax, adoSyntax, anyWordsSyntax} {
		l, ok := s.scan(dsn)
		named, sees := l.get("pool_driver")
		// Known drivers are found above, unless their DSN consists of options alone. A value that is no name was cut at
		// the wrong place.
		if ok && sees && IsDriverName(named) && (families[named] == otherFamily || s.remove(l, isOption) == "") {
			found = append(found, Form{driver: named, family: families[named], syntax: s, layout: l, native: true})
		}
	}
	return found
}

// nativeSyntax returns how the drivers of a family read this DSN.
func nativeSyntax(fam family, driver, dsn string) *syntax {
	name, _, isURL := cutScheme(dsn)
	switch {
	case isURL && fam == mysqlFamily && isMySQLWithSlashes(dsn, name):
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

func nativeForm(driver string, fam family, s *syntax, dsn string) Form {
	l, _ := s.scan(dsn)
	return Form{driver: driver, family: fam, syntax: s, layout: l, native: true}
}

// fittingForms returns every native form that a DSN without a scheme fits. They are told by what the driver would
// accept and a program would plausibly mean, so that few DSNs fit two.
func fittingForms(dsn string) []Form {
	var fits []Form
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
			// user@…/ is MySQL's. What looks like another form is in the password.
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
