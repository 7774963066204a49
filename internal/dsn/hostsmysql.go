package dsn

import (
	"errors"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const mysqlPort = "3306"

// mysqlHosts reads go-sql-driver's user:password@tcp(host1:3306,host2:3306)/db. The driver itself knows one host.
func mysqlHosts(dsn string) (split Split, err error) {
	if err := checkMySQLAttrs(dsn); err != nil {
		return Split{}, err
	}
	d := mysqlParts(dsn)
	if !d.hasAddr || d.network != "" && d.network != "tcp" || !strings.Contains(d.address, ",") {
		name, lookup := mysqlName(dsn)
		return Split{Hosts: []Host{{name, dsn, lookup}}}, nil
	}
	if strings.Contains(d.address, ")") {
		return Split{}, errMySQLLists
	}
	start := strings.LastIndexByte(dsn, '/') - len(d.address) - len(")")
	for item := range strings.SplitSeq(d.address, ",") {
		if item, err = mysqlItem(item); err != nil {
			return Split{}, err
		}
		one := dsn[:start] + item + dsn[start+len(d.address):]
		name, lookup := mysqlName(one)
		split.Hosts = append(split.Hosts, Host{name, one, lookup})
	}
	return split, nil
}

// errMySQLLists is for tcp(host1),tcp(host2).
var errMySQLLists = errors.New("pooled: host: one pair of parentheses holds the list: write " +
	"tcp(host1:3306,host2:3306)")

// mysqlItem checks one host of a list. To an IPv6 address in brackets the driver can't add a port.
func mysqlItem(item string) (string, error) {
	host := withoutPort(item)
	port, hasPort := strings.CutPrefix(item[len(host):], ":")
	switch {
	case host == "":
		return "", errEmptyHost
	case hasPort && !isPort(port):
		return "", errListPort(mysqlPort)
	case !hasPort && strings.HasPrefix(host, "["):
		return item + ":" + mysqlPort, nil
	}
	return item, nil
}

// mysqlName is what the driver dials.
func mysqlName(dsn string) (name string, lookup bool) {
	l, _ := scanMySQL(dsn)
	if l.mark {
		dsn = dsn[:l.from-1]
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "mysql", false
	}
	name, ok := shownHost(cfg.Addr)
	host, _, err := net.SplitHostPort(cfg.Addr)
	return name, ok && err == nil && cfg.Net == "tcp" && canLookUp(host)
}
