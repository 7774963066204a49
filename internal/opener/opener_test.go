package opener_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	"modernc.org/sqlite"

	"github.com/pooled-go/pooled/internal/opener"
)

var errClosed = errors.New("closed")

// named is a driver of which only the name is known; closable connectors note that they were closed.
type named struct{ closed *[]string }

func (named) Open(string) (driver.Conn, error) { return nil, errors.New("not reached") }

func (n named) OpenConnector(dsn string) (driver.Connector, error) {
	if strings.Contains(dsn, "wrong") {
		return nil, fmt.Errorf("cannot parse %q", dsn)
	}
	return &closable{n, dsn}, nil
}

type closable struct {
	named
	dsn string
}

func (c *closable) Connect(context.Context) (driver.Conn, error) { return c.Open(c.dsn) }
func (c *closable) Driver() driver.Driver                        { return c.named }

func (c *closable) Close() error {
	*c.named.closed = append(*c.named.closed, c.dsn)
	return nil
}

// plain is a driver without connectors.
type plain struct{}

func (plain) Open(dsn string) (driver.Conn, error) { return nil, errors.New("opened " + dsn) }

var closed []string

func init() {
	sql.Register("opener-named", named{&closed})
	sql.Register("opener-plain", plain{})
}

// The name comes before the driver's type, so that a program can say what a driver of its own speaks.
func TestDialectOf(t *testing.T) {
	for _, test := range []struct {
		name   string
		driver driver.Driver
		want   string
	}{
		{"postgres", nil, "postgres"}, {"pgx", nil, "postgres"}, {"cloudsqlpostgres", nil, "postgres"},
		{"mysql", nil, "mysql"}, {"MariaDB", nil, "mysql"}, {"nrmysql", nil, "mysql"},
		{"sqlite", nil, "sqlite"}, {"sqlite3", nil, "sqlite"},
		{"sqlserver", nil, "sqlserver"}, {"mssql", nil, "sqlserver"}, {"azuresql", nil, "sqlserver"},
		{"oracle", nil, "pool"}, {"", nil, "pool"}, {"", plain{}, "pool"},
		{"", &pq.Driver{}, "postgres"}, {"", &mysql.MySQLDriver{}, "mysql"}, {"", &sqlite.Driver{}, "sqlite"},
		{"mysql", &pq.Driver{}, "mysql"},
	} {
		if have := opener.DialectOf(test.name, test.driver).Name; have != test.want {
			t.Errorf("%q, %T: have %s, want %s", test.name, test.driver, have, test.want)
		}
	}
}

func TestOpen(t *testing.T) {
	for _, test := range []struct {
		name, dsn, dialect string
		hasDSN, private    bool
		err                string
	}{
		{"mysql", "u:p@tcp(127.0.0.1:1)/db", "mysql", true, false, ""},
		{"mysql", "u:p@tcp(h", "mysql", false, false, "invalid DSN"},
		{"postgres", "postgres://u:p@127.0.0.1:1/db", "postgres", true, false, ""},
		{"sqlite", "app.db", "sqlite", true, false, ""},
		{"sqlite", ":memory:", "sqlite", false, false, ""},
		{"opener-named", "x", "pool", true, false, ""},
		{"opener-plain", "", "pool", true, false, ""},
		{"opener-nobody", "x", "", false, false, `sql: unknown driver "opener-nobody"`},
	} {
		d, err := opener.Open(test.name, test.dsn, false, errClosed)
		if err != nil {
			if test.err == "" || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s %q: have %v, want %q", test.name, test.dsn, err, test.err)
			}
			continue
		}
		if test.err != "" {
			t.Errorf("%s %q: have no error, want %q", test.name, test.dsn, test.err)
			continue
		}
		if d.Dialect.Name != test.dialect || d.HasDSN() != test.hasDSN || d.Private() != test.private {
			t.Errorf("%s %q: have %s, DSN %t, private %t", test.name, test.dsn, d.Dialect.Name, d.HasDSN(), d.Private())
		}
		if want := test.dsn; test.hasDSN && d.DSN != want {
			t.Errorf("%s: have DSN %q, want %q", test.name, d.DSN, want)
		}
		if (d.Veto() != nil) != (test.dsn == ":memory:") {
			t.Errorf("%s %q: veto %t", test.name, test.dsn, d.Veto() != nil)
		}
		d.CloseConnector()
	}
}

// A driver without connectors opens by its DSN.
func TestOpenPlainDriver(t *testing.T) {
	d, err := opener.Open("opener-plain", "some where", false, errClosed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Connector().Connect(t.Context()); err == nil || err.Error() != "opened some where" {
		t.Errorf("have %v", err)
	}
	if _, ok := d.Connector().Driver().(plain); !ok {
		t.Errorf("have a %T", d.Connector().Driver())
	}
}

// Of what was asked for by another DSN the last four are kept, and all are closed with the pool.
func TestConnectorFor(t *testing.T) {
	d, err := opener.Open("opener-named", "first", false, errClosed)
	if err != nil {
		t.Fatal(err)
	}
	closed = nil // database/sql has closed one when it was asked for the driver
	connector := func(d *opener.Driver, dsn string) driver.Connector {
		t.Helper()
		c, err := d.ConnectorFor(dsn)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a := connector(d, "a")
	if connector(d, "a") != a {
		t.Error("a second connector for the same DSN")
	}
	for _, dsn := range []string{"b", "c", "d", "e"} {
		connector(d, dsn)
	}
	if connector(d, "a") == a {
		t.Error("kept for more than four")
	}
	_, err = d.ConnectorFor("wrong://u:hunter2@h")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("have %v, want an error without the password", err)
	}
	other := d.Anew()
	connector(other, "of another pool")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "d", "e", "a"}; !slices.Equal(closed, want) {
		t.Errorf("closed: have %q, want %q", closed, want)
	}
	if _, err := d.ConnectorFor("b"); err != errClosed {
		t.Errorf("have %v, want %v", err, errClosed)
	}
	connector(other, "that pool is open")
	if err := d.CloseConnector(); err != nil || closed[len(closed)-1] != "first" {
		t.Errorf("have %v, closed %q", err, closed)
	}
}

// A program's connector is used as it is; its DSN is not known.
func TestOf(t *testing.T) {
	given := &closable{named{new([]string)}, "x"}
	d := opener.Of("mysql", given)
	if d.Connector() != given || d.HasDSN() || d.Private() || d.Veto() != nil || d.Dialect.Name != "mysql" {
		t.Errorf("have %+v of %s", d.Connector(), d.Dialect.Name)
	}
	if _, ok := d.Connector().(io.Closer); !ok || d.CloseConnector() != nil || len(*given.closed) != 1 {
		t.Errorf("closed: have %q", *given.closed)
	}
}

// state is an error with a SQLSTATE, as each driver for PostgreSQL has them.
type state string

func (s state) Error() string    { return "SQLSTATE " + string(s) }
func (s state) SQLState() string { return string(s) }

func TestWhatIsLost(t *testing.T) {
	for _, test := range []struct {
		speaks string
		err    error
		lost   bool
	}{
		{"postgres", state("57P01"), true},
		{"postgres", state("57P02"), true},
		{"postgres", state("57P03"), true},
		{"postgres", state("08006"), true},
		{"postgres", state("57014"), false}, // canceled
		{"postgres", state("23505"), false},
		{"mysql", &mysql.MySQLError{Number: 1053}, true},
		{"mysql", &mysql.MySQLError{Number: 1927}, true},
		{"mysql", &mysql.MySQLError{Number: 2006}, true},
		{"mysql", &mysql.MySQLError{Number: 2013}, true},
		{"mysql", &mysql.MySQLError{Number: 4031}, true},
		{"mysql", &mysql.MySQLError{Number: 1062}, false},
		{"", state("57P01"), true},
		{"", &mysql.MySQLError{Number: 2013}, true},
		{"sqlite", io.EOF, true},
		{"sqlserver", errors.New("no"), false},
	} {
		if have := opener.DialectOf(test.speaks, nil).IsLost(test.err); have != test.lost {
			t.Errorf("%s: %v: have %t, want %t", test.speaks, test.err, have, test.lost)
		}
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded} {
		if opener.DialectOf("", nil).IsLost(err) {
			t.Errorf("%v is no loss", err)
		}
	}
}

// Each host has a connector and a DSN of its own, and the pool looks names up where its own dialer dials.
func TestOpenHosts(t *testing.T) {
	for _, test := range []struct {
		name, dsn string
		want      []opener.Host // without connectors
	}{
		{"postgres", "postgres://u:p@h1,10.0.0.2:7/db", []opener.Host{
			{Name: "h1:5432", Lookup: true, DSN: "postgres://u:p@h1:5432/db"},
			{Name: "10.0.0.2:7", DSN: "postgres://u:p@10.0.0.2:7/db"}}},
		{"mysql", "u:p@tcp(h1,h2:7)/db", []opener.Host{{Name: "h1:3306", Lookup: true, DSN: "u:p@tcp(h1)/db"},
			{Name: "h2:7", Lookup: true, DSN: "u:p@tcp(h2:7)/db"}}},
		{"mysql", "u:p@unix(/run/s)/db", []opener.Host{{Name: "/run/s", DSN: "u:p@unix(/run/s)/db"}}},
		{"sqlite", "app.db", []opener.Host{{Name: "sqlite", DSN: "app.db"}}},
		{"sqlite", ":memory:", []opener.Host{{Name: "sqlite"}}},
		{"opener-named", "h1,h2", []opener.Host{{Name: "opener-named", DSN: "h1,h2"}}},
	} {
		d, err := opener.Open(test.name, test.dsn, false, errClosed)
		if err != nil {
			t.Errorf("%s: %v", test.dsn, err)
			continue
		}
		hosts := d.Hosts()
		if len(hosts) != len(test.want) || !slices.Equal(d.Anew().Hosts(), hosts) {
			t.Fatalf("%s: have %v, want %v", test.dsn, hosts, test.want)
		}
		for i, have := range hosts {
			if have.Connector == nil || i > 0 && have.Connector == d.Connector() {
				t.Errorf("%s, host %d: have %v, want a connector of its own", test.dsn, i, have.Connector)
			}
			if changed, is, err := d.Changed(have, have.DSN, "", "", nil); is || err != nil {
				t.Errorf("%s, host %d unchanged: have %s, %v", test.dsn, i, changed, err)
			}
			have.Connector = nil
			if have != test.want[i] {
				t.Errorf("%s, host %d: have %v, want %v", test.dsn, i, have, test.want[i])
			}
		}
		if d.HasDSN() && d.DSN != test.dsn {
			t.Errorf("%s: have the DSN %s as a whole", test.dsn, d.DSN)
		}
		d.CloseConnector()
	}
	if _, err := opener.Open("postgres", "postgres://h1,/db", false, errClosed); err == nil {
		t.Error("an empty host is accepted")
	}
}

// What a hook changes counts for the host that is dialed.
func TestChangedHost(t *testing.T) {
	d, err := opener.Open("postgres", "postgres://u:p@h1,h2/db", false, errClosed)
	if err != nil {
		t.Fatal(err)
	}
	first, second := d.Hosts()[0], d.Hosts()[1]
	changed, is, err := d.Changed(second, second.DSN, "", "other", nil)
	if want := "postgres://u:other@h2/db"; err != nil || !is || changed != want {
		t.Errorf("have %s, %t, %v; want %s", changed, is, err, want)
	}
	if _, is, err = d.Changed(second, first.DSN, "", "", nil); !is || err != nil {
		t.Errorf("the DSN of another host: have %t, %v, want a change", is, err)
	}
}

func TestHasRoles(t *testing.T) {
	for name, want := range map[string]bool{"postgres": true, "pgx": true, "mysql": true, "sqlite": false, "x": false} {
		if opener.Of(name, &closable{named{new([]string)}, "x"}).HasRoles() != want {
			t.Errorf("%s: want %t", name, want)
		}
	}
	for name, want := range map[string]bool{"postgres": false, "mysql": false, "x": false, "pgx/v5": false,
		"": true, "sqlite": true, "sqlite3_own": true, "sqlserver": true, "mssql": true, "azuresql": true} {
		if opener.LacksRoles(name) != want {
			t.Errorf("the name %q alone: want LacksRoles %t", name, want)
		}
	}
	if have := opener.Of("", &closable{named{new([]string)}, "x"}).Hosts(); len(have) != 1 || have[0].Name == "" {
		t.Errorf("have %v, want one host with a name", have)
	}
}
