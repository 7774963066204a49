package dsn

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lib/pq"
)

const postgresPort = "5432"

// postgresHosts reads lists of hosts by libpq's rules: as many ports as hosts or one for all, and the port behind a
// host in a URL is that of this host alone.
func postgresHosts(driver, dsn string) (split Split, err error) {
	s := nativeSyntax(postgresFamily, driver, dsn)
	if _, ok := s.scan(dsn); !ok { // the driver says what is wrong
		return Split{Hosts: []Host{{Name: driver, DSN: dsn}}}, nil
	}
	if dsn, err = split.takeAttrs(driver, s, dsn); err != nil {
		return Split{}, err
	}
	list := readPostgresList(driver, s, dsn)
	if err := list.check(); err != nil {
		return Split{}, err
	}
	for i := range list.len() {
		one := dsn
		if list.len() > 1 {
			one = list.alone(i)
		}
		split.Hosts = append(split.Hosts, list.host(i, one))
	}
	return split, nil
}

// postgresList is what a DSN says of its hosts.
type postgresList struct {
	driver     string
	syntax     *syntax
	dsn        string
	start, end int // where the hosts of a URL are

	hosts, ports, addrs []string // as the driver reads them
	written             []string // hosts as they are written in the URL; nil: they are in a parameter
	portsInQuery        bool     // or in keywords; else they are in the URL or the environment
}

func readPostgresList(driver string, s *syntax, dsn string) *postgresList {
	p := &postgresList{driver: driver, syntax: s, dsn: dsn}
	l, _ := s.scan(dsn)
	split := func(key string) []string {
		if text, _ := s.value(l, key); text != "" {
			return strings.Split(text, ",")
		}
		return nil
	}
	p.hosts, p.ports = split("host"), split("port")
	p.portsInQuery = p.ports != nil
	if !isPgx(driver) { // pgx does not know it
		p.addrs = split("hostaddr")
	}
	if s == urlSyntax || s == libpqURLSyntax {
		p.start, p.end = hostsAt(s, dsn)
		p.readURL()
	}
	if env := os.Getenv("PGPORT"); p.ports == nil && p.len() > 1 && strings.Contains(env, ",") {
		p.ports = strings.Split(env, ",")
	}
	return p
}

// hostsAt is where the hosts of a URL are, behind the user and before the path.
func hostsAt(s *syntax, dsn string) (start, end int) {
	start = strings.Index(dsn, "://") + len("://")
	ends := "/?#"
	if s == libpqURLSyntax {
		ends = "/?"
		if i := strings.IndexAny(dsn[start:], "@/"); i >= 0 && dsn[start+i] == '@' {
			start += i + 1
		}
	}
	end = len(dsn)
	if i := strings.IndexAny(dsn[start:], ends); i >= 0 {
		end = start + i
	}
	if s == urlSyntax {
		start += strings.LastIndexByte(dsn[start:end], '@') + 1
	}
	return start, end
}

// readURL reads host1:port1,host2:port2. Parameters of the URL have precedence.
func (p *postgresList) readURL() {
	text := strings.NewReplacer("%2C", ",", "%2c", ",").Replace(p.dsn[p.start:p.end])
	if text == "" {
		return
	}
	var hosts, ports, written []string
	anyPort := false
	for item := range strings.SplitSeq(text, ",") {
		host := withoutPort(item)
		port, hasPort := strings.CutPrefix(item[len(host):], ":")
		anyPort = anyPort || hasPort
		decoded, err := url.PathUnescape(host)
		if err != nil {
			decoded = host
		}
		written = append(written, host)
		hosts, ports = append(hosts, strings.Trim(decoded, "[]")), append(ports, port)
	}
	if p.hosts == nil && (len(hosts) > 1 || hosts[0] != "") { // else there is only a port
		p.hosts, p.written = hosts, written
	}
	if p.ports == nil && anyPort {
		p.ports = ports
	}
}

// len is how many hosts there are, at least one.
func (p *postgresList) len() int { return max(1, len(p.hosts), len(p.addrs)) }

// check refuses lists that do not fit together. Of a single host the driver says what is wrong.
func (p *postgresList) check() error {
	n := p.len()
	switch {
	case n > 1 && len(p.hosts) > 0 && len(p.addrs) > 0 && len(p.hosts) != len(p.addrs):
		return fmt.Errorf("pooled: hostaddr: the list has %d addresses, that of the hosts %d: write one for each host",
			len(p.addrs), len(p.hosts))
	case len(p.ports) > 1 && len(p.ports) != n && (n > 1 || p.hosts != nil || os.Getenv("PGHOST") == ""):
		return fmt.Errorf("pooled: port: the list has %d ports, that of the hosts %d: write one port for all hosts, or "+
			"one for each", len(p.ports), n)
	case n == 1:
		return nil
	}
	for i := range n {
		if at(p.hosts, i) == "" && at(p.addrs, i) == "" {
			return errEmptyHost
		}
	}
	for i, port := range p.ports {
		if port == "" && len(p.ports) > 1 {
			p.ports[i] = postgresPort
		} else if !isPort(port) {
			return errListPort(postgresPort)
		}
	}
	return nil
}

// at is an item of a list that may be shorter.
func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// port is that of one host, empty if the DSN says nothing of it.
func (p *postgresList) port(i int) string {
	if len(p.ports) == 1 {
		return p.ports[0]
	}
	return at(p.ports, i)
}

// alone is the DSN with one host of several.
func (p *postgresList) alone(i int) string {
	s, dsn := p.syntax, p.dsn
	set := func(key, value string, in bool) {
		l, _ := s.scan(dsn)
		if in && value != "" {
			dsn = s.set(l, key, value)
		} else {
			dsn = s.remove(l, func(p param) bool { return p.key == key })
		}
	}
	portInURL := p.written != nil && !p.portsInQuery
	if p.end > 0 {
		host := at(p.written, i)
		if port := p.port(i); portInURL && port != "" {
			host += ":" + port
		}
		dsn = dsn[:p.start] + host + dsn[p.end:]
	}
	set("host", at(p.hosts, i), p.written == nil)
	set("port", p.port(i), !portInURL)
	if !isPgx(p.driver) {
		set("hostaddr", at(p.addrs, i), true)
	}
	return dsn
}

// host describes one host, whose DSN is given.
func (p *postgresList) host(i int, dsn string) Host {
	if !isPgx(p.driver) {
		if cfg, err := pq.NewConfig(dsn); err == nil { // which also knows the environment
			return pqHost(cfg, dsn)
		}
	}
	host := cmp.Or(at(p.addrs, i), at(p.hosts, i), os.Getenv("PGHOST"), "localhost")
	port := cmp.Or(p.port(i), os.Getenv("PGPORT"), postgresPort)
	name, lookup := postgresName(host, port)
	return Host{Name: name, DSN: dsn, Lookup: lookup && isPgx(p.driver)}
}

// pqHost is what lib/pq dials.
func pqHost(cfg pq.Config, dsn string) Host {
	host := cfg.Host
	if cfg.Hostaddr.IsValid() {
		host = cfg.Hostaddr.String()
	}
	name, lookup := postgresName(host, strconv.Itoa(int(cfg.Port)))
	for _, m := range cfg.Multi { // a list that is not in the DSN is the driver's own business
		if m.Hostaddr.IsValid() {
			m.Host = m.Hostaddr.String()
		}
		next, _ := postgresName(m.Host, strconv.Itoa(int(m.Port)))
		name += "," + next
	}
	return Host{Name: name, DSN: dsn, Lookup: lookup && cfg.Multi == nil && cfg.Service == ""}
}

// postgresName is what is dialed for a host and a port.
func postgresName(host, port string) (name string, lookup bool) {
	if filepath.IsAbs(host) || strings.HasPrefix(host, "@") {
		name, _ = shownHost(filepath.Join(host, ".s.PGSQL."+port))
		return name, false
	}
	name, ok := shownHost(net.JoinHostPort(host, port))
	return name, ok && canLookUp(host)
}
