package dsn

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Merge puts arguments into a driver's DSN, sorted by their names. Each replaces those of the same name.
func Merge(driver, dsn string, args map[string]string) (string, error) {
	if len(args) == 0 {
		return dsn, nil
	}
	args = maps.Clone(args)
	fam := families[driver]
	s := argSyntax(fam, driver, dsn)
	if _, ok := s.scan(dsn); !ok {
		return "", fmt.Errorf("pooled: ConnectArgs: the DSN of driver %s cannot be taken apart to merge them in",
			driver)
	}
	given := map[string]bool{} // also those that mergeURL takes: they may stand in the query as well
	for key := range args {
		given[s.canonical(fam, key)] = true
	}
	dsn, err := mergeURL(fam, s, dsn, args)
	if err != nil {
		return "", err
	}
	l, _ := s.scan(dsn)
	var pairs []Pair
	for _, key := range slices.Sorted(maps.Keys(args)) {
		p, err := s.arg(fam, key, args[key])
		if err != nil {
			return "", err
		}
		pairs = append(pairs, p)
	}
	dsn = s.remove(l, func(p param) bool { return given[s.canonical(fam, p.key)] })
	l, _ = s.scan(dsn)
	if fam == mysqlFamily {
		// The values are encoded already: the driver does not decode those of every key.
		s = &syntax{scan: s.scan, quote: func(v string) string { return v }, sep: s.sep}
	}
	return s.append(l, pairs), nil
}

// MergeLogin is Merge with a user and a password, where they are not empty.
func MergeLogin(driver, dsn, user, password string, args map[string]string) (string, error) {
	if user == "" && password == "" {
		return Merge(driver, dsn, args)
	}
	userKey := "user"
	switch families[driver] {
	case mysqlFamily:
		dsn, err := mysqlLogin(dsn, user, password)
		if err != nil {
			return "", err
		}
		return Merge(driver, dsn, args)
	case sqlserverFamily:
		userKey = "user id"
	case postgresFamily:
	default:
		return "", fmt.Errorf("pooled: BeforeConnect hook: how driver %s is told a user and a password is not known: "+
			"write them into the DSN", driver)
	}
	all := map[string]string{}
	maps.Copy(all, args)
	if user != "" {
		all[userKey] = user
	}
	if password != "" {
		all["password"] = password
	}
	return Merge(driver, dsn, all)
}

// argSyntax is how a driver reads its DSN. For an unknown driver it is what the DSN looks like.
func argSyntax(fam family, driver, dsn string) *syntax {
	if _, _, isURL := cutScheme(dsn); isURL || fam != otherFamily {
		return nativeSyntax(fam, driver, dsn)
	}
	if f, err := Detect(dsn); err == nil {
		return f.syntax
	}
	hasKey := func(p param) bool { return p.key != "" && strings.Contains(dsn[p.start:p.end], "=") }
	if l, ok := adoSyntax.scan(dsn); ok && strings.Contains(dsn, ";") && slices.ContainsFunc(l.params, hasKey) {
		return adoSyntax
	}
	if l, ok := anyWordsSyntax.scan(dsn); ok && !strings.Contains(dsn, "?") && slices.ContainsFunc(l.params, hasKey) {
		return anyWordsSyntax
	}
	return anyQuerySyntax
}

// canonical returns the one name that stands for all names of a key.
func (s *syntax) canonical(fam family, key string) string {
	switch {
	case fam == postgresFamily && key == "dbname":
		return "database"
	case fam == sqlserverFamily && s == adoSyntax:
		key = strings.ToLower(key)
		if name, ok := adoSynonyms[key]; ok {
			return name
		}
	case fam == sqlserverFamily:
		return strings.ToLower(key)
	}
	return key
}

// arg returns an argument as it will be written, without its quotes.
func (s *syntax) arg(fam family, key, value string) (Pair, error) {
	const reserved = "&=/?#;'\"\\{}"
	switch {
	case IsOption(key):
		return Pair{}, fmt.Errorf("pooled: ConnectArgs: %s is the pool's: it has a field in Config", shownKey(key))
	case key == "", s.sep != "&" && strings.ContainsAny(key, reserved),
		s.sep == " " && strings.ContainsAny(key, " \t\r\n"):
		return Pair{}, fmt.Errorf("pooled: ConnectArgs: a key that the DSN cannot express: %s", shownKey(key))
	case strings.ContainsRune(value, 0):
		return Pair{}, fmt.Errorf("pooled: ConnectArgs: the value of %s has a zero byte", shownKey(key))
	case fam != mysqlFamily && s.sep == "&":
		return Pair{quoteQuery(key), value}, nil
	case fam != mysqlFamily:
		return Pair{key, value}, nil
	case slices.Contains(notMySQLArgs, strings.ToLower(key)):
		return Pair{}, fmt.Errorf("pooled: ConnectArgs: %s is no parameter of MySQL's driver: write it into the DSN",
			key)
	case strings.ContainsAny(key, reserved+" %"):
		return Pair{}, fmt.Errorf("pooled: ConnectArgs: a key that the DSN cannot express: %s", shownKey(key))
	case !slices.Contains(mysqlRaw, key):
		return Pair{key, quoteQuery(value)}, nil
	case strings.ContainsAny(value, "&/"):
		return Pair{}, fmt.Errorf("pooled: ConnectArgs: the value of %s has a character that the DSN cannot express",
			key)
	}
	return Pair{key, value}, nil
}

func shownKey(key string) string {
	if key == "" || !IsPlain(key) {
		return "(not shown)"
	}
	return key
}

// mergeURL puts the arguments that are parts of a URL into their places and takes them out of args. In the query they
// would stand beside the part of the same name: lib/pq takes the greater of the two then, and go-mssqldb neither.
func mergeURL(fam family, s *syntax, dsn string, args map[string]string) (string, error) {
	name, rest, isURL := cutScheme(dsn)
	if !isURL || s != urlSyntax || fam != postgresFamily && fam != sqlserverFamily {
		return dsn, nil
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	at := strings.LastIndexByte(authority, '@')
	userinfo, host := authority[:max(at, 0)], authority[at+1:]
	user := "user"
	if fam == sqlserverFamily {
		user = "user id"
	}
	userinfo = mergeUserinfo(userinfo, take(args, user), take(args, "password"))
	if fam == sqlserverFamily {
		if _, ok := args["server"]; ok {
			return "", fmt.Errorf("pooled: ConnectArgs: server: write it into the URL")
		}
		if port := take(args, "port"); port != nil {
			host = withoutPort(host) + ":" + url.QueryEscape(*port)
		}
	} else {
		host, tail = dropReplaced(host, tail, args)
	}
	if userinfo != "" {
		userinfo += "@"
	}
	return name + "://" + userinfo + host + tail, nil
}

func take(args map[string]string, key string) *string {
	v, ok := args[key]
	if !ok {
		return nil
	}
	delete(args, key)
	return &v
}

func mergeUserinfo(userinfo string, user, password *string) string {
	name, pass, hasPass := strings.Cut(userinfo, ":")
	if user != nil {
		name = quoteQuery(*user)
	}
	if password != nil {
		pass, hasPass = quoteQuery(*password), true
	}
	if hasPass {
		return name + ":" + pass
	}
	return name
}
