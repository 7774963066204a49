package dsn

import (
	"slices"
	"strings"
)

// passwordsOf returns the passwords of a DSN as they are written, and as a driver may have decoded them. They are fewer
// than what Mask masks: too much does no harm there, but here it would make other texts unreadable.
func passwordsOf(dsn string) []string {
	spans, understood := secretSpans(dsn)
	f, _ := Detect(dsn)
	var list []string
	switch {
	case !understood:
		list = append(guessedPasswords(dsn), dsn)
	case f.scheme != "" || f.family == mysqlFamily:
		list = behindUser(dsn, ":")
	}
	others := map[int]bool{} // where values begin that are no passwords, whatever their key looks like
	if f.syntax != nil {
		l, _ := f.syntax.scan(dsn)
		list = append(list, passwordParams(l)...)
		for _, p := range l.params {
			if eq := strings.IndexByte(dsn[p.start:p.end], '='); eq >= 0 {
				others[p.start+eq+1] = !namesPassword(p.key)
			}
		}
	}
	for _, s := range spans {
		if !others[s.start] {
			list = append(list, variants(dsn[s.start:s.end])...)
		}
	}
	return searchable(list)
}

// searchable returns the secrets that are long enough to be looked for, sorted.
func searchable(secrets []string) []string {
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return len(s) < leastSecret })
	slices.Sort(secrets)
	return slices.Compact(secrets)
}

// passwordParams returns the values of the parameters that are passwords, as the driver reads them.
func passwordParams(l layout) (list []string) {
	for _, p := range l.params {
		switch {
		case IsOption(p.key):
		case namesPassword(p.key):
			list = append(list, variants(p.value)...)
		case p.key == "_pragma" && isSecret(p.value): // key('secret')
			_, value, _ := strings.Cut(p.value, "(")
			list = append(list, strings.Trim(value, `)'"`))
		}
	}
	return list
}

// behindUser returns what may be the password between a user and an @. Drivers differ in which @ they take, so each @
// ends one.
func behindUser(dsn, separators string) (list []string) {
	rest := dsn
	if _, behind, isURL := cutScheme(dsn); isURL {
		rest = behind
	}
	user := strings.IndexAny(rest, separators)
	if user < 0 {
		return nil
	}
	pieces := strings.Split(rest[user+1:], "@")
	ends := min(len(pieces)-1, mostAts)
	for n := range ends {
		list = append(list, variants(strings.Join(pieces[:n+1], "@"))...)
	}
	return append(list, variants(strings.Join(pieces[:len(pieces)-1], "@"))...)
}

// mostAts is at how many @ a password may end, besides the last one.
const mostAts = 8

// guessedPasswords returns the passwords of a DSN that is not understood, as most drivers would write them.
func guessedPasswords(dsn string) []string {
	list := behindUser(dsn, ":/")
	for _, s := range []*syntax{anyQuerySyntax, adoSyntax, anyWordsSyntax} {
		l, _ := s.scan(dsn)
		list = append(list, passwordParams(l)...)
	}
	return list
}

// namesPassword reports a key whose value is a password or as good as one: password, sslpassword, _auth_pass, pwd,
// token, but not allowNativePasswords, passfile, sslkey.
func namesPassword(key string) bool {
	key = strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(key))
	ends := slices.ContainsFunc(passwordEnds, func(end string) bool { return strings.HasSuffix(key, end) })
	return ends || isMisspelt(key)
}

// passwordEnds are the ends of the keys whose values are passwords or as good as one.
var passwordEnds = []string{"password", "passwd", "pass", "pwd", "passphrase", "passcode", "secret", "token",
	"secretkey", "accesskey", "apikey", "privatekey", "pragmakey"}
