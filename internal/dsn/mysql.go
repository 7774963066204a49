package dsn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// isMySQLWithSlashes reports user://password@net(address)/db, where the password begins with two slashes: no URL has a
// host like that.
func isMySQLWithSlashes(dsn, scheme string) bool {
	_, known := schemes[strings.ToLower(scheme)]
	at := strings.LastIndexByte(dsn, '@')
	return !known && at >= 0 && !strings.Contains(scheme, "+") && strings.Contains(dsn[at:], ")/") && fitsMySQL(dsn)
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

// addressed reports a user@net(addr)/, which is in no other form, whatever the user looks like.
func (d mysqlDSN) addressed() bool { return d.hasUser && d.hasAddr }

// fitsMySQL reports a DSN that go-sql-driver would read. White space, a ;, = or ? in the user's name are legal, but
// signs of another form. With an address behind the user only the = counts, which is in every key of another form: a
// password there may look like an address. Without an address, the net must be one that has a default.
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

// looksUnescaped reports MySQL's most common mistake, loc=Europe/Berlin: its driver looks for the last '/'.
func looksUnescaped(dsn string) bool {
	before, value, ok := strings.Cut(dsn, ")/")
	return ok && strings.Contains(before, "(") && strings.Contains(value, "?") && strings.Contains(value, "/")
}

func scanMySQL(dsn string) (layout, bool) {
	slash := strings.LastIndexByte(dsn, '/')
	q := strings.IndexByte(dsn[slash+1:], '?')
	if slash < 0 || q < 0 {
		return scanQuery(dsn, -1, len(dsn), nil), slash >= 0
	}
	return scanQuery(dsn, slash+1+q, len(dsn), func(k string) string { return k }), true
}

// mysqlNative turns user:password@host:port/db?query into user:password@tcp(host:port)/db?query.
func mysqlNative(rest string) (string, error) {
	if strings.Contains(rest, "#") {
		return "", errors.New("pooled: mysql URL: a # must be written %23")
	}
	beforeQuery, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(beforeQuery, "/")
	at := strings.LastIndexByte(authority, '@')
	first, _, _ := strings.Cut(query, "&")
	if at < 0 && (strings.Contains(path, "@") || strings.Contains(first, "@") && !strings.Contains(first, "=")) {
		// A ? or / in the password was not encoded, and what stands before it is not a host.
		return "", errMySQLEncoding
	}
	if strings.Contains(path, "/") {
		return "", errors.New("pooled: mysql URL: a / in the name of the database must be written %2F")
	}
	var user, password string
	var hasPassword bool
	if at >= 0 {
		user, password, hasPassword = strings.Cut(authority[:at], ":")
	}
	decoded, err := decodeAll(user, password, path)
	if err != nil {
		return "", err
	}
	user, password, path = decoded[0], decoded[1], decoded[2]
	network, address, err := mysqlAddress(authority[at+1:])
	if err != nil {
		return "", err
	}
	network, address, query, err = mysqlSocket(network, address, query)
	if err != nil {
		return "", err
	}
	head := ""
	if at >= 0 {
		head = user
		if hasPassword {
			head += ":" + password
		}
		head += "@"
	}
	if address != "" {
		head += network + "(" + address + ")"
	}
	head += "/" + url.PathEscape(path)
	if !roundTrips(head, user, password, network, address, path) {
		return "", errors.New("pooled: mysql URL: the MySQL driver's own form cannot express this user, host or " +
			"socket (a : in a user, an @ in a socket)")
	}
	if query != "" {
		// The driver looks for the last slash of all.
		head += "?" + strings.ReplaceAll(query, "/", "%2F")
	}
	return head, nil
}

var errMySQLEncoding = errors.New("pooled: mysql URL: percent-encode reserved characters in its user and password")

func decodeAll(parts ...string) ([]string, error) {
	for i, p := range parts {
		d, err := url.PathUnescape(p)
		if err != nil {
			return nil, errors.New("pooled: mysql URL: a % is not followed by two hexadecimal digits")
		}
		parts[i] = d
	}
	return parts, nil
}

// roundTrips reports whether the driver reads these parts from its own form.
func roundTrips(native, user, password, network, address, db string) bool {
	c, err := mysql.ParseDSN(native)
	return err == nil && c.User == user && c.Passwd == password && c.DBName == db &&
		(address == "" || c.Net == network && c.Addr == address)
}

// mysqlAddress reads host:port. The port is always written out, because the driver cannot add one to an IPv6 address.
func mysqlAddress(hostport string) (network, address string, err error) {
	if hostport == "" {
		return "tcp", "", nil
	}
	host, port := hostport, "3306"
	switch i := strings.LastIndexByte(hostport, ':'); {
	case strings.HasPrefix(hostport, "["):
		end := strings.IndexByte(hostport, ']')
		if end < 0 || end+1 < len(hostport) && hostport[end+1] != ':' {
			return "", "", errMySQLEncoding
		}
		host = hostport[1:end]
		if i > end {
			port = hostport[i+1:]
		}
	case i >= 0:
		host, port = hostport[:i], hostport[i+1:]
	}
	host, err = url.PathUnescape(host)
	// The port is not shown: it may be a password with the @ left out.
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 1 || n > 65535 {
		return "", "", errors.New("pooled: mysql URL: the port is not a number from 1 to 65535: percent-encode " +
			"reserved characters in the user and password")
	}
	if strings.HasPrefix(host, "/") {
		return "unix", host, nil
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || strings.ContainsRune("@/()", r) }) ||
		!strings.HasPrefix(hostport, "[") && strings.Contains(host, ":") {
		return "", "", errors.New("pooled: mysql URL: the host has a character that no host has; an IPv6 address " +
			"stands in brackets")
	}
	return "tcp", net.JoinHostPort(host, port), nil
}

// mysqlSocket takes unix_socket, as SQLAlchemy's users write it, out of the query.
func mysqlSocket(network, address, query string) (string, string, string, error) {
	l := scanQuery("?"+query, 0, len(query)+1, decodeKey)
	socket, ok := l.get("unix_socket")
	if !ok {
		return network, address, query, nil
	}
	if host, _, _ := net.SplitHostPort(address); network == "unix" || host != "" && host != "localhost" {
		return "", "", "", errors.New("pooled: mysql URL: unix_socket and a host: give one of them")
	}
	rest := mysqlSyntax.remove(l, func(p param) bool { return p.key == "unix_socket" })
	return "unix", socket, strings.TrimPrefix(rest, "?"), nil
}

// notMySQLArgs are no parameters of MySQL's DSN. Its driver would send them as SET statements, and SET PASSWORD changes
// the password.
var notMySQLArgs = []string{"user", "username", "password", "passwd", "host", "port", "db", "database", "dbname",
	"unix_socket"}

// mysqlRaw are the parameters whose values go-sql-driver does not decode.
var mysqlRaw = []string{"allowAllFiles", "allowCleartextPasswords", "allowFallbackToPlaintext", "allowNativePasswords",
	"allowOldPasswords", "charset", "checkConnLiveness", "clientFoundRows", "collation", "columnsWithAlias", "compress",
	"interpolateParams", "maxAllowedPacket", "multiStatements", "parseTime", "readTimeout", "rejectReadOnly",
	"timeTruncate",
	"timeout", "writeTimeout"}

// mysqlLogin writes a user and a password into the DSN, in which they are no arguments.
func mysqlLogin(dsn, user, password string) (string, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "", Scrub(fmt.Errorf("BeforeConnect hook: mysql: %w", err), dsn)
	}
	if strings.Contains(user, ":") {
		return "", errors.New("pooled: BeforeConnect hook: a MySQL DSN cannot express a user with a colon")
	}
	if user != "" {
		cfg.User = user
	}
	if password != "" {
		cfg.Passwd = password
	}
	return cfg.FormatDSN(), nil
}
