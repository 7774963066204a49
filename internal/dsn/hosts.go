package dsn

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Split is a driver's DSN, taken apart by its hosts.
type Split struct {
	Hosts []Host // at least one

	// Target and Order are what target_session_attrs and load_balance_hosts say, as values of pool_target and
	// pool_hosts; empty: nothing. The driver does not get them.
	Target, Order string
}

// Host is one host of a DSN.
type Host struct {
	Name   string // host:port, the path of a socket, or any other name. It can be shown
	DSN    string // the driver's, with this host alone
	Lookup bool   // it is reached over TCP, by a name that may have several addresses
}

// Hosts returns the hosts of a driver's own DSN. That of a single one stays as it is, but for what [Split] takes out of
// it. If the driver is not known, or knows one host only, there is one.
func Hosts(driver, dsn string) (Split, error) {
	switch families[driver] {
	case postgresFamily:
		return postgresHosts(driver, dsn)
	case mysqlFamily:
		return mysqlHosts(dsn)
	}
	if listsHosts(driver, dsn) {
		return Split{}, errors.New("pooled: server: a list of hosts for a driver that takes one: write one host")
	}
	return Split{Hosts: []Host{{Name: driver, DSN: dsn}}}, nil
}

// listsHosts reports several hosts for a driver that would take them for one. Drivers that are not known may know lists
// themselves, except those that read a DSN of MySQL's.
func listsHosts(driver, dsn string) bool {
	if families[driver] == otherFamily {
		d := mysqlParts(dsn)
		return d.hasAddr && d.hasUser && (d.network == "" || d.network == "tcp") && strings.Contains(d.address, ",")
	}
	if families[driver] != sqlserverFamily {
		return false
	}
	if _, rest, isURL := cutScheme(dsn); isURL {
		return strings.Contains(hostsOf(rest), ",")
	}
	l, _ := nativeSyntax(sqlserverFamily, driver, dsn).scan(dsn)
	return slices.ContainsFunc(l.params, func(p param) bool {
		_, port, list := strings.Cut(p.value, ",") // server=host,1433
		return list && slices.Contains(adoKeys, strings.ToLower(p.key)) && strings.Trim(port, " 0123456789") != ""
	})
}

// shownHost is the name of a host, if that can be one: else it may be a part of a password that was not encoded.
func shownHost(name string) (shown string, ok bool) {
	const special = "-_.:%[]/@"
	plain := len(name) <= 300 && strings.LastIndexByte(name, '@') <= 0 &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
				strings.ContainsRune(special, r))
		})
	if !plain {
		return "(not shown)", false
	}
	return name, true
}

// canLookUp reports a host that is no address itself.
func canLookUp(host string) bool {
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err != nil && host != ""
}

// isPort reports a number that a server can listen at.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

var errEmptyHost = errors.New("pooled: host: a host of the list is empty: write a host before and after each comma")

// errListPort is for a wrong port. usual is the one that servers of this kind have.
func errListPort(usual string) error {
	return fmt.Errorf("pooled: port: a port of the list is no number from 1 to 65535: write host1:%[1]s,host2:%[1]s",
		usual)
}
