package pooled

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
	kvSyntax = &syntax{scan: func(s string) (layout, bool) { return scanKV(s, unicode.IsSpace) }, quote: quoteKV, sep: " ", front: true}
	// libpqKVSyntax is the same for libpq and pgx, to whom only ASCII has white space.
	libpqKVSyntax = &syntax{scan: func(s string) (layout, bool) { return scanKV(s, asciiSpace) }, quote: quoteKV, sep: " ", front: true}
	// adoSyntax is SQL Server's "server=…;user id=…", with double quotes around what holds a ';'.
	adoSyntax = &syntax{scan: scanADO, quote: quoteADO, sep: ";", front: true}
	// odbcSyntax is SQL Server's "odbc:…", with braces.
	odbcSyntax = &syntax{scan: scanODBC, quote: quoteODBC, sep: ";", front: true}

	// The rest is for drivers of which nothing is known, found by where pool_driver stands.
	anyQuerySyntax = &syntax{scan: scanAnyQuery, quote: quoteQuery, sep: "&"}
	anyWordsSyntax = &syntax{scan: scanWords, quote: quoteKV, sep: " ", front: true}
)

func asciiSpace(r rune) bool { return r < utf8.RuneSelf && unicode.IsSpace(r) }

func scanURL(dsn string) (layout, bool) {
	end := strings.IndexByte(dsn, '#')
	if end < 0 {
		end = len(dsn)
	}
	return scanQuery(dsn, strings.IndexByte(dsn[:end], '?'), end, decodeURLKey), true
}

// decodeURLKey finds one of our keys among encoded white space: lib/pq makes the keyword/value form of a URL, without quotes
// around keys, so that the key " pool_size" is sent to the server as pool_size.
func decodeURLKey(s string) string {
	key := decodeKey(s)
	for _, word := range strings.FieldsFunc(key, unicode.IsSpace) {
		if name, _, _ := strings.Cut(word, "="); isOption(name) {
			return name
		}
	}
	return key
}

func scanLibpqURL(dsn string) (layout, bool) {
	start := strings.Index(dsn, "://") + len("://")
	if i := strings.IndexAny(dsn[start:], "@/"); i >= 0 && dsn[start+i] == '@' {
		start += i
	}
	q := strings.IndexByte(dsn[start:], '?')
	if q >= 0 {
		q += start
	}
	// Blanks around a key are dropped, encoded ones too.
	return scanQuery(dsn, q, len(dsn), func(k string) string { return strings.Trim(decodeKey(k), " ") }), true
}

func scanMySQL(dsn string) (layout, bool) {
	slash := strings.LastIndexByte(dsn, '/')
	q := strings.IndexByte(dsn[slash+1:], '?')
	if slash < 0 || q < 0 {
		return scanQuery(dsn, -1, len(dsn), nil), slash >= 0
	}
	return scanQuery(dsn, slash+1+q, len(dsn), func(k string) string { return k }), true
}

func scanPath(dsn string) (layout, bool) {
	q := strings.IndexByte(dsn, '?')
	if q == 0 {
		q = -1
	}
	return scanQuery(dsn, q, len(dsn), decodeKey), true
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

// decodeValue decodes what is encoded and lets a '%' that encodes nothing stand, so that pool_recycle_jitter=10% means it.
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

// scanKV reads keyword = value pairs: white space around the '=' is allowed, a value may stand in single quotes, and a
// backslash makes the next character literal, in quotes and outside.
func scanKV(dsn string, space func(rune) bool) (layout, bool) {
	l := layout{dsn: dsn, to: len(dsn)}
	skip := func(i int) int {
		return len(dsn) - len(strings.TrimLeftFunc(dsn[i:], space))
	}
	for i := skip(0); i < len(dsn); i = skip(i) {
		start := i
		for i < len(dsn) && dsn[i] != '=' {
			r, n := utf8.DecodeRuneInString(dsn[i:])
			if space(r) {
				break
			}
			i += n
		}
		key := dsn[start:i]
		i = skip(i)
		if i == len(dsn) || dsn[i] != '=' {
			return l, false
		}
		end := i + 1
		value, ok := "", true
		if i = skip(end); i < len(dsn) {
			value, i, ok = scanKVValue(dsn, i, space)
			end = i
		}
		if !ok {
			return l, false
		}
		l.params = append(l.params, param{start, end, key, value})
	}
	return l, true
}

// scanKVValue reads the value that begins at i and returns where it ends.
func scanKVValue(dsn string, i int, space func(rune) bool) (value string, end int, ok bool) {
	quoted := dsn[i] == '\''
	if quoted {
		i++
	}
	var b strings.Builder
	for i < len(dsn) {
		r, n := utf8.DecodeRuneInString(dsn[i:])
		switch {
		case quoted && r == '\'':
			return b.String(), i + 1, true
		case !quoted && space(r):
			return b.String(), i, true
		case r == '\\' && i+1 < len(dsn):
			i++
			_, n = utf8.DecodeRuneInString(dsn[i:])
		}
		b.WriteString(dsn[i : i+n])
		i += n
	}
	return b.String(), i, !quoted
}

func scanADO(dsn string) (layout, bool) {
	l := layout{dsn: dsn, to: len(dsn)}
	for start := 0; start < len(dsn); {
		stop, quoted := start, false
		for ; stop < len(dsn) && (quoted || dsn[stop] != ';'); stop++ {
			if dsn[stop] == '"' {
				// A doubled quote leaves and enters again, which comes to the same.
				quoted = !quoted
			}
		}
		k, v, _ := strings.Cut(dsn[start:stop], "=")
		v = strings.TrimSpace(v)
		if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
			v = strings.ReplaceAll(v[1:len(v)-1], `""`, `"`)
		}
		if start < stop {
			l.params = append(l.params, param{start, stop, strings.TrimSpace(k), v})
		}
		start = stop + 1
	}
	return l, true
}

// scanODBC reads "odbc:key=value;key={value with ; and }}}".
func scanODBC(dsn string) (layout, bool) {
	l := layout{dsn: dsn, from: len("odbc:"), to: len(dsn)}
	for start := l.from; start < len(dsn); {
		stop := start
		for stop < len(dsn) && dsn[stop] != ';' && dsn[stop] != '=' {
			stop++
		}
		key, value, ok := strings.TrimSpace(dsn[start:stop]), "", true
		if stop < len(dsn) && dsn[stop] == '=' {
			value, stop, ok = scanODBCValue(dsn, stop+1)
		}
		if !ok {
			return l, false
		}
		if start < stop {
			l.params = append(l.params, param{start, stop, key, value})
		}
		start = stop + 1
	}
	return l, true
}

func scanODBCValue(dsn string, i int) (value string, end int, ok bool) {
	i = len(dsn) - len(strings.TrimLeftFunc(dsn[i:], unicode.IsSpace))
	if !strings.HasPrefix(dsn[i:], "{") {
		v, _, _ := strings.Cut(dsn[i:], ";")
		return strings.TrimRightFunc(v, unicode.IsSpace), i + len(v), true
	}
	var b strings.Builder
	for i++; i < len(dsn); i++ {
		if dsn[i] == '}' {
			if !strings.HasPrefix(dsn[i:], "}}") {
				break
			}
			i++
		}
		b.WriteByte(dsn[i])
	}
	if i >= len(dsn) {
		return "", 0, false
	}
	behind, _, _ := strings.Cut(dsn[i+1:], ";")
	return b.String(), i + 1 + len(behind), strings.TrimSpace(behind) == ""
}

// scanWords reads words between white space, each key=value or something else; quotes of either kind hold a value together.
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
