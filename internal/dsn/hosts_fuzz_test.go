package dsn_test

import (
	"fmt"
	"net"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// FuzzHosts: whatever the DSN, a single host leaves it as it is, each host's DSN has that host alone, and no error
// shows more than it should.
func FuzzHosts(f *testing.F) {
	seedForms(f)
	for _, test := range hostTests {
		f.Add(test.dsn)
	}
	f.Fuzz(func(t *testing.T, text string) {
		driver, native, err := resolve(text)
		if err != nil {
			return
		}
		split, err := dsn.Hosts(driver, native)
		if err != nil {
			pooledtest.CheckError(t, text, err, "pooled: ")
			return
		}
		if len(split.Hosts) == 1 && split.Target == "" && split.Order == "" &&
			split.Hosts[0].DSN != native && !strings.Contains(native, "=") {
			t.Errorf("%q: have %q for the only host, want it unchanged", native, split.Hosts[0].DSN)
		}
		for _, host := range split.Hosts {
			again, err := dsn.Hosts(driver, host.DSN)
			if err != nil || len(again.Hosts) != 1 || again.Hosts[0] != host || again.Target != "" || again.Order != "" {
				t.Errorf("%q: have %+v, %v of its host %+v, want that alone", native, again, err, host)
			}
		}
	})
}

// listForm is a way to write several hosts into a DSN.
type listForm struct {
	driver, scheme string
	inURL          bool // the hosts: else they are parameters
	kv             bool
}

var listForms = []listForm{
	{"postgres", "postgres://", true, false}, {"postgres", "postgresql://", false, false}, {"postgres", "", false, true},
	{"mysql", "mysql://", true, false}, {"mysql", "", true, false},
}

// write is a DSN with these hosts, which have a port each or none.
func (l listForm) write(secret, database string, hosts, ports []string) string {
	user := url.UserPassword("u", secret).String()
	hostports := make([]string, len(hosts))
	for i, host := range hosts {
		hostports[i] = host
		if strings.Contains(host, ":") {
			hostports[i] = "[" + host + "]"
		}
		if len(ports) > 0 && ports[i] != "" {
			hostports[i] += ":" + ports[i]
		}
	}
	query := "host=" + url.QueryEscape(strings.Join(hosts, ",")) + "&port=" + strings.Join(ports, ",") +
		"&connect_timeout=7"
	switch {
	case l.kv:
		return "password=" + quoteKV(secret) + " host='" + strings.Join(hosts, ",") + "' port='" +
			strings.Join(ports, ",") + "' dbname=" + quoteKV(database) + " user=u connect_timeout=7"
	case !l.inURL:
		return l.scheme + user + "@/" + url.PathEscape(database) + "?" + query
	case l.driver == "mysql" && l.scheme == "":
		return "u:" + secret + "@tcp(" + strings.Join(hostports, ",") + ")/" + url.PathEscape(database) + "?timeout=7s"
	case l.driver == "mysql":
		return l.scheme + user + "@" + strings.Join(hostports, ",") + "/" + url.PathEscape(database) + "?timeout=7s"
	}
	return l.scheme + user + "@" + strings.Join(hostports, ",") + "/" + url.PathEscape(database) + "?connect_timeout=7"
}

// FuzzHostList: the driver reads of each host's DSN that host and its port, and of everything else what it reads of a
// DSN with one host.
func FuzzHostList(f *testing.F) {
	for i := range listForms {
		for j, s := range []string{"tiger", "a,b", "h1:5432,h2", "?host=x&port=1,2#", "tcp(a,b)/", "it's \\ ", "@x,y/z%2C"} {
			f.Add(uint8(i), s, "d"+s, uint16(j*7+1), uint8(j))
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, secret, database string, port uint16, which uint8) {
		l := listForms[int(form)%len(listForms)]
		if strings.ContainsAny(secret+database, "\x00") || database == "" || secret == "" ||
			strings.Contains(secret, ",u:") ||
			l.driver == "mysql" && (strings.HasPrefix(secret, "//") || strings.Contains(database, "/")) {
			return
		}
		hosts := []string{"h1", "10.0.0.2", "fe80::3", "db.example.com"}[:2+which%3]
		ports := make([]string, len(hosts))
		for i := range ports {
			ports[i] = strconv.Itoa(max(1, int(port)/(i+1)))
		}
		driver, native, err := resolve(l.write(secret, database, hosts, ports))
		if err != nil {
			t.Skip() // a form that can't express it
		}
		split, err := dsn.Hosts(driver, native)
		if err != nil || len(split.Hosts) != len(hosts) {
			t.Fatalf("%q: have %+v, %v; want %d hosts", native, split, err, len(hosts))
		}
		for i, h := range split.Hosts {
			want := net.JoinHostPort(hosts[i], ports[i])
			if h.Name != want {
				t.Errorf("%q: have %s, want %s", native, h.Name, want)
			}
			_, alone, err := resolve(l.write(secret, database, hosts[i:i+1], ports[i:i+1]))
			if err != nil {
				t.Fatalf("%q: %v", native, err)
			}
			sameButHost(t, driver, h.DSN, alone)
		}
	})
}

// sameButHost is sameForDriver for DSNs that may be written in different ways.
func sameButHost(t *testing.T, driver, have, want string) {
	t.Helper()
	switch driver {
	case "mysql":
		sameForDriver(t, driver, have, want)
	case "postgres":
		h, err1 := pq.NewConfig(have)
		w, err2 := pq.NewConfig(want)
		if fmt.Sprint(err1) != fmt.Sprint(err2) || !reflect.DeepEqual(exported(h), exported(w)) {
			t.Errorf("postgres: have %q, %v; want as from %q, %v", have, err1, want, err2)
		}
	}
}

// exported are the fields of a lib/pq configuration that a program sees.
func exported(cfg pq.Config) map[string]any {
	fields := map[string]any{}
	v := reflect.ValueOf(cfg)
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() {
			fields[field.Name] = v.Field(i).Interface()
		}
	}
	return fields
}
