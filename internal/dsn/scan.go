package dsn

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// urlSyntax is that of drivers that use net/url: the query begins at the first '?' and ends at the first '#'.
	urlSyntax = &syntax{scan: scanURL, quote: quoteQuery, sep: "&"}
	// libpqURLSyntax is libpq's and pgx's: a '?' before the '@' belongs to the password, and a '#' means nothing.
	libpqURLSyntax = &syntax{scan: scanLibpqURL, quote: quoteQuery, sep: "&"}
	// mysqlSyntax is go-sql-driver's: the query begins at the first '?' behind the last '/'.
	mysqlSyntax = &syntax{scan: scanMySQL, quote: quoteQuery, sep: "&"}
	// pathSyntax is that of the SQLite drivers: the query begins at the first '?' that is not the first character.
	pathSyntax = &syntax{scan: scanPath, quote: quoteQuery, sep: "&"}
	// kvSyntax is PostgreSQL's keyword/value form as lib/pq reads it, with any Unicode white space.
	kvSyntax = &syntax{scan: func(s string) (layout, bool) { return scanKV(s, unicode.IsSpace) }, quote: quoteKV,
		sep: " ", front: true}
	// libpqKVSyntax is the same for libpq and pgx, to whom only ASCII has white space.
	libpqKVSyntax = &syntax{scan: func(s string) (layout, bool) { return scanKV(s, asciiSpace) }, quote: quoteKV,
		sep: " ", front: true}
	// adoSyntax is SQL Server's "server=…;user id=…", with double quotes around what holds a ';'.
	adoSyntax = &syntax{scan: scanADO, quote: quoteADO, sep: ";", front: true}
	// odbcSyntax is SQL Server's "odbc:…", with braces.
	odbcSyntax = &syntax{scan: scanODBC, quote: quoteODBC, sep: ";", front: true}

	// The rest is for drivers of which nothing is known, found by where pool_driver stands.
	anyQuerySyntax = &syntax{scan: scanAnyQuery, quote: quoteQuery, sep: "&"}
	anyWordsSyntax = &syntax{scan: scanWords, quote: quoteKV, sep: " ", front: true}
)

func scanURL(dsn string) (layout, bool) {
	end := strings.IndexByte(dsn, '#')
	if end < 0 {
		end = len(dsn)
	}
	return scanQuery(dsn, strings.IndexByte(dsn[:end], '?'), end, decodeURLKey), true
}

// decodeURLKey finds an option's key among encoded white space: lib/pq makes the keyword/value form of a URL, without
// quotes around keys, so that the key " pool_size" is sent to the server as pool_size.
func decodeURLKey(s string) string {
	key := decodeKey(s)
	for _, word := range strings.FieldsFunc(key, unicode.IsSpace) {
		if name, _, _ := strings.Cut(word, "="); IsOption(name) {
			return name
		}
	}
	return key
}

// scanAnyQuery takes the first '?' whose query holds pool_driver: one before it may belong to a password.
func scanAnyQuery(dsn string) (layout, bool) {
	for q := range len(dsn) {
		if dsn[q] != '?' {
			continue
		}
		l := scanQuery(dsn, q, len(dsn), decodeKey)
		if _, ok := l.get("pool_driver"); ok {
			return l, true
		}
	}
	return scanQuery(dsn, strings.IndexByte(dsn, '?'), len(dsn), decodeKey), true
}

// scanQuery reads key=value pairs between '&' behind the '?' at q; q is -1 if there is none.
func scanQuery(dsn string, q, end int, key func(string) string) layout {
	l := layout{dsn: dsn, from: end, to: end, query: true}
	if q < 0 {
		return l
	}
	l.from, l.mark = q+1, true
	for start := l.from; start < end; {
		stop := end
		if i := strings.IndexByte(dsn[start:end], '&'); i >= 0 {
			stop = start + i
		}
		if k, v, _ := strings.Cut(dsn[start:stop], "="); start < stop {
			l.params = append(l.params, param{start, stop, key(k), decodeValue(v)})
		}
		start = stop + 1
	}
	return l
}

func decodeKey(s string) string {
	if k, err := url.QueryUnescape(s); err == nil {
		return k
	}
	return s
}

// decodeValue decodes what is encoded and lets a '%' that encodes nothing stand, so that pool_recycle_jitter=10% means
// it.
func decodeValue(s string) string {
	if v, err := url.QueryUnescape(s); err == nil {
		return v
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		if s[i] == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])) {
			b.WriteString("25")
		}
	}
	v, _ := url.QueryUnescape(b.String())
	return v
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// scanWords reads words between white space, each key=value or something else; quotes of either kind hold a value
// together.
func scanWords(dsn string) (layout, bool) {
	l := layout{dsn: dsn, to: len(dsn)}
	for i := 0; i < len(dsn); {
		r, n := utf8.DecodeRuneInString(dsn[i:])
		if unicode.IsSpace(r) {
			i += n
			continue
		}
		start := i
		for i < len(dsn) && dsn[i] != '=' {
			if r, n = utf8.DecodeRuneInString(dsn[i:]); unicode.IsSpace(r) {
				break
			}
			i += n
		}
		key, value, ok := dsn[start:i], "", true
		if i < len(dsn) && dsn[i] == '=' {
			value, i, ok = scanWord(dsn, i+1)
		}
		if !ok {
			return l, false
		}
		l.params = append(l.params, param{start, i, key, value})
	}
	return l, true
}

func scanWord(dsn string, i int) (value string, end int, ok bool) {
	if strings.HasPrefix(dsn[i:], `"`) {
		if j := strings.IndexByte(dsn[i+1:], '"'); j >= 0 {
			return dsn[i+1 : i+1+j], i + 1 + j + 1, true
		}
		return "", 0, false
	}
	if i == len(dsn) {
		return "", i, true
	}
	return scanKVValue(dsn, i, unicode.IsSpace)
}
