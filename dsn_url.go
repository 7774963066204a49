package pooled

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// rewrite returns a URL of ours, from which our options were taken, in the form its driver reads. A DSN that is in its
// driver's form already comes back as it is.
func (f form) rewrite(dsn string) (string, error) {
	_, rest, isURL := cutScheme(dsn)
	if !isURL || f.native {
		return dsn, nil
	}
	switch f.family {
	case mysqlFamily:
		return mysqlNative(rest)
	case sqliteFamily:
		return sqliteNative(rest)
	case sqlserverFamily:
		return "sqlserver://" + rest, nil
	}
	// What is left to do is to take the "+driver" off.
	return f.scheme + "://" + rest, nil
}

// checkURL refuses a URL that its driver's net/url would refuse. Its own error shows the URL, password included.
func (f form) checkURL(dsn string) error {
	if f.syntax != urlSyntax || f.family != postgresFamily && f.family != sqlserverFamily {
		return nil
	}
	if _, err := url.Parse(dsn); err != nil {
		return errors.New("pooled: the URL does not parse: percent-encode reserved characters in its user, password and host")
	}
	return nil
}

// mysqlNative turns user:password@host:port/db?query into user:password@tcp(host:port)/db?query.
func mysqlNative(rest string) (string, error) {
	if strings.Contains(rest, "#") {
		return "", errors.New("pooled: mysql URL: a # must be written %23")
	}
	beforeQuery, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(beforeQuery, "/")
	at := strings.LastIndexByte(authority, '@')
	if first, _, _ := strings.Cut(query, "&"); at < 0 && (strings.Contains(path, "@") || strings.Contains(first, "@") && !strings.Contains(first, "=")) {
		// The password was cut short, and what is left of it is not a host.
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
	if !reads(head, user, password, network, address, path) {
		return "", errors.New("pooled: mysql URL: the MySQL driver's own form cannot express this user, host or socket (a : in a user, an @ in a socket)")
	}
	if query != "" {
		// The native form looks for the last slash of all.
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

// reads reports whether the driver reads from a native DSN what was meant.
func reads(native, user, password, network, address, db string) bool {
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
	// The port may be what follows an unencoded password's colon, so it is not shown.
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 1 || n > 65535 {
		return "", "", errors.New("pooled: mysql URL: the port is not a number from 1 to 65535: percent-encode reserved characters in the user and password")
	}
	if strings.HasPrefix(host, "/") {
		return "unix", host, nil
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || strings.ContainsRune("@/()", r) }) ||
		!strings.HasPrefix(hostport, "[") && strings.Contains(host, ":") {
		return "", "", errors.New("pooled: mysql URL: the host has a character that no host has; an IPv6 address stands in brackets")
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
	rest := mysqlSyntax.without(l, func(p param) bool { return p.key == "unix_socket" })
	return "unix", socket, strings.TrimPrefix(rest, "?"), nil
}

// sqliteNative turns what follows sqlite:// into the name of a file.
func sqliteNative(rest string) (string, error) {
	path, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery {
		query = "?" + query
	}
	if path != "" && path[0] != '/' {
		return "", errors.New("pooled: sqlite URL: there is no host: write sqlite:///relative or sqlite:////absolute")
	}
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return ":memory:" + query, nil
	}
	if strings.HasPrefix(path, "file:") {
		// A URI in the URL: SQLite decodes it.
		return path + query, nil
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return "", errors.New("pooled: sqlite URL: a % is not followed by two hexadecimal digits")
	}
	if strings.ContainsAny(decoded, "?\x00") {
		return "", errors.New("pooled: sqlite URL: the path has a ?, which only a file: URI can express")
	}
	return decoded + query, nil
}

// pythonDrivers are SQLAlchemy's names behind the +, none of which is a driver here.
var pythonDrivers = []string{
	"psycopg", "psycopg2", "psycopg2cffi", "psycopg_async", "asyncpg", "pg8000", "pygresql",
	"pymysql", "mysqldb", "mysqlclient", "mysqlconnector", "aiomysql", "asyncmy", "cymysql", "mariadbconnector",
	"pysqlite", "pysqlcipher", "aiosqlite",
	"pyodbc", "pymssql", "aioodbc", "cx_oracle", "oracledb",
}

// checkPython refuses a Python driver and says what to write in its place.
func checkPython(driver, dialect string) error {
	if !slices.Contains(pythonDrivers, strings.ToLower(driver)) {
		return nil
	}
	instead := "the registered name of a Go driver"
	switch schemes[dialect].family {
	case mysqlFamily:
		instead = "mysql://"
	case postgresFamily:
		instead = "postgresql:// or postgresql+pgx://"
	case sqliteFamily:
		instead = "sqlite://"
	case sqlserverFamily:
		instead = "sqlserver://"
	}
	return fmt.Errorf("pooled: %s is a Python driver: write %s", driver, instead)
}
