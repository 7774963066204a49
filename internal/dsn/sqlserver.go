package dsn

import (
	"slices"
	"strings"
	"unicode"
)

// adoKeys are the names of the server in an ADO DSN, of which it holds one.
var adoKeys = []string{"server", "data source", "address", "network address", "addr"}

func fitsADO(dsn string) bool {
	l, _ := adoSyntax.scan(dsn)
	return slices.ContainsFunc(l.params, func(p param) bool {
		return slices.Contains(adoKeys, strings.ToLower(p.key)) && strings.Contains(dsn[p.start:p.end], "=")
	})
}

func scanADO(dsn string) (layout, bool) {
	l := layout{dsn: dsn, to: len(dsn)}
	for start := 0; start < len(dsn); {
		stop, quoted := start, false
		for ; stop < len(dsn) && (quoted || dsn[stop] != ';'); stop++ {
			if dsn[stop] == '"' {
				// A doubled quote ends the quoted part and begins it again, which comes to the same.
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

func quoteADO(v string) string {
	if v == strings.TrimSpace(v) && !strings.ContainsAny(v, `;"`) {
		return v
	}
	return `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
}

func quoteODBC(v string) string {
	if v == strings.TrimSpace(v) && !strings.ContainsAny(v, "{};") {
		return v
	}
	return "{" + strings.ReplaceAll(v, "}", "}}") + "}"
}

// adoSynonyms are the names that go-mssqldb takes for the same key in its ADO form.
var adoSynonyms = map[string]string{
	"app": "app name", "application name": "app name", "data source": "server", "address": "server",
	"network address": "server", "addr": "server", "user": "user id", "uid": "user id", "pwd": "password",
	"initial catalog": "database", "connect timeout": "connection timeout", "timeout": "connection timeout",
	"failover partner": "failoverpartner", "failover partner spn": "failoverpartnerspn",
	"application intent": "applicationintent", "trust server certificate": "trustservercertificate",
	"multi subnet failover": "multisubnetfailover", "host name in certificate": "hostnameincertificate",
	"server spn": "serverspn", "server certificate": "servercertificate", "wsid": "workstation id",
	"column encryption setting": "columnencryption",
}
