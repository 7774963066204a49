package dsn

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// mysqlNative turns user:password@host:port/db?query into user:password@tcp(host:port)/db?query. The address may also
// be written as the driver does, net(address), as golang-migrate's users know it.
func mysqlNative(rest string) (string, error) {
	if strings.Contains(rest, "#") {
		return "", errors.New("pooled: mysql URL: write %23 for a #")
	}
	beforeQuery, query, _ := strings.Cut(rest, "?")
	authority, path := cutAuthority(beforeQuery)
	if isTemplate(authority) {
		return "", errors.New("pooled: mysql URL: " + writePlaceholder)
	}
	at := strings.LastIndexByte(authority, '@')
	first, _, _ := strings.Cut(query, "&")
	if at < 0 && (strings.Contains(path, "@") || strings.Contains(first, "@") && !strings.Contains(first, "=")) {
		// A ? or / in the password was not encoded, and what stands before it is not a host.
		return "", errMySQLEncoding
	}
	if strings.Contains(path, "/") {
		return "", errors.New("pooled: mysql URL: write %2F for a / in the name of the database")
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
	network, address, err := mysqlAddresses(authority[at+1:])
	if err == errMySQLPort && at < 0 {
		err = errMySQLLogin
	}
	if err != nil {
		return "", err
	}
	network, address, query, err = mysqlSocket(network, address, query)
	if err != nil {
		return "", err
	}
	head := ""
	if hasPassword {
		password = ":" + password
	}
	if at >= 0 {
		head = user + password + "@"
	}
	if address != "" {
		head += network + "(" + address + ")"
	}
	head += "/" + strings.ReplaceAll(url.PathEscape(path), "&", "%26")
	if !roundTrips(head, user, strings.TrimPrefix(password, ":"), network, address, path) {
		return "", errors.New("pooled: mysql URL: the driver cannot express it: use a user without a :, and a host or " +
			"socket without @ and brackets")
	}
	if query != "" {
		// The driver looks for the last slash of all.
		head += "?" + strings.ReplaceAll(query, "/", "%2F")
	}
	return head, nil
}

var (
	errMySQLEncoding = errors.New("pooled: mysql URL: " + encodeReserved)
	errMySQLLogin    = errors.New("pooled: mysql URL: the port must be a number from 1 to 65535: write " +
		"user:password@host:3306, with " + inPassword)
	errMySQLPort = errors.New("pooled: mysql URL: the port must be a number from 1 to 65535: write host:3306")
)

// isNetwork reports what can be the name of a network, before an address in brackets.
func isNetwork(name string) bool { return isPlainName(name) && !strings.ContainsAny(name, ",:%+/") }

// cutAuthority cuts at the / behind the address. Within brackets, a / is part of a socket's path.
func cutAuthority(rest string) (authority, path string) {
	end := 0
	if i := strings.Index(rest, ")/"); i >= 0 && strings.Contains(rest[strings.LastIndexByte(rest[:i], '@')+1:i], "(") {
		end = i
	}
	authority, path, _ = strings.Cut(rest[end:], "/")
	return rest[:end] + authority, path
}

func decodeAll(parts ...string) ([]string, error) {
	for i, p := range parts {
		d, err := url.PathUnescape(p)
		if err != nil {
			return nil, errors.New("pooled: mysql URL: " + encodePercent)
		}
		parts[i] = d
	}
	return parts, nil
}

// roundTrips reports whether the driver reads these parts from its own form.
func roundTrips(native, user, password, network, address, db string) bool {
	c, err := mysql.ParseDSN(native)
	return err == nil && c.User == user && c.Passwd == password && c.DBName == db &&
		(address == "" || c.Net == network && (c.Addr == address || strings.Contains(address, ",")))
}

// mysqlAddresses reads a host, or several.
func mysqlAddresses(list string) (network, address string, err error) {
	if name, inner, ok := strings.Cut(list, "("); ok && (name == "tcp" || name == "") {
		if strings.Contains(inner, "),") {
			return "", "", errMySQLLists
		}
		if strings.HasSuffix(inner, ")") {
			list = strings.TrimSuffix(inner, ")")
		}
	}
	if !strings.Contains(list, ",") || strings.Contains(list, "(") {
		return mysqlAddress(list)
	}
	var addresses []string
	for item := range strings.SplitSeq(list, ",") {
		if item == "" {
			return "", "", errEmptyHost
		}
		network, address, err := mysqlAddress(item)
		switch {
		case err != nil:
			return "", "", err
		case network != "tcp" || address == "":
			return "", "", errors.New("pooled: mysql URL: a list is of hosts, not of sockets: write one socket alone")
		}
		addresses = append(addresses, address)
	}
	return "tcp", strings.Join(addresses, ","), nil
}

// mysqlAddress reads host:port. The port is always written out, because the driver cannot add one to an IPv6 address.
func mysqlAddress(hostport string) (network, address string, err error) {
	if name, inner, ok := strings.Cut(strings.TrimSuffix(hostport, ")"), "("); ok && strings.HasSuffix(hostport, ")") {
		switch {
		case !isNetwork(name):
			return "", "", errMySQLEncoding
		case name != "" && name != "tcp":
			return name, inner, nil
		}
		hostport = inner
	}
	if hostport == "" {
		return "tcp", "", nil
	}
	host, port := hostport, "3306"
	switch i := strings.LastIndexByte(hostport, ':'); {
	case strings.HasPrefix(hostport, "["):
		end := strings.IndexByte(hostport, ']')
		if end < 0 || end+1 < len(hostport) && hostport[end+1] != ':' {
			return "", "", errors.New("pooled: mysql URL: an IPv6 address is written in brackets: write [::1]:3306")
		}
		host = hostport[1:end]
		if i > end {
			port = hostport[i+1:]
		}
	case i >= 0:
		host, port = hostport[:i], hostport[i+1:]
	}
	host, err = url.PathUnescape(host)
	// The port is never shown: it may be a password with the @ left out.
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 1 || n > 65535 {
		return "", "", errMySQLPort
	}
	if strings.HasPrefix(host, "/") {
		return "unix", host, nil
	}
	if strings.Contains(host, "(") {
		return "", "", errors.New("pooled: mysql URL: the ( of its address is not closed: write tcp(host:3306)")
	}
	if !strings.HasPrefix(hostport, "[") && strings.Contains(host, ":") {
		return "", "", errors.New("pooled: mysql URL: an IPv6 address is written in brackets: write [::1]:3306")
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || strings.ContainsRune("@/()", r) }) {
		return "", "", errors.New("pooled: mysql URL: the host has a character that no host has: " + encodeReserved)
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
	host, _, _ := net.SplitHostPort(address)
	if network == "unix" || host != "" && host != "localhost" || strings.Contains(address, ",") {
		return "", "", "", errors.New("pooled: mysql URL: unix_socket and a host: give one of them")
	}
	rest := mysqlSyntax.remove(l, func(p param) bool { return p.key == "unix_socket" })
	return "unix", socket, strings.TrimPrefix(rest, "?"), nil
}
