package doctor

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/hosts"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// nobody is an address where nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Each of several hosts is in the report: whether it answers, and how long that took. One that does not is a warning.
func TestHosts(t *testing.T) {
	there, err := url.Parse(pooledtest.NewFakePostgres(t, false).DSN)
	if err != nil {
		t.Fatal(err)
	}
	gone := nobody(t)
	for hosts, want := range map[string]string{
		there.Host + "," + gone:       "hosts:warning",
		there.Host + "," + there.Host: "hosts",
		gone + "," + nobody(t):        "hosts:problem",
		there.Host:                    "", // the other findings are about it
	} {
		x, err := newExam("postgres://scott:tiger@"+hosts+"/shop?sslmode=disable", 1)
		if err != nil {
			t.Fatal(err)
		}
		x.report.Findings = nil
		if err := checkHosts(t.Context(), x); err != nil {
			t.Error(err)
		}
		d := x.report.final()
		if have := levels(d); have != want {
			t.Errorf("%s: have %q, want %q", hosts, have, want)
		}
		for i, h := range d.Hosts {
			up := strings.Split(hosts, ",")[i] == there.Host
			if h.Name != strings.Split(hosts, ",")[i] || (h.State == "up") != up || (h.ConnectMS != nil) != up ||
				(h.Error == "") != up || !up && !strings.Contains(h.Error, "connection refused") ||
				strings.Contains(h.Error, "tiger") {
				t.Errorf("%s: have %+v", hosts, h)
			}
			if row := strings.Join(d.hostRows()[i+1], " "); !strings.Contains(row, h.Name+" "+h.State+" unknown ") {
				t.Errorf("have the row %s", row)
			}
		}
		if want == "" && len(d.Hosts) > 0 {
			t.Errorf("one host: have %+v, want no list", d.Hosts)
		}
	}
}

// pool_target, or what means the same, is compared with the roles that there are.
func TestTarget(t *testing.T) {
	for _, tt := range []struct {
		target pooled.Target
		roles  string
		want   string
	}{
		{pooled.TargetAny, "primary standby", "target:warning"},
		{pooled.TargetAny, "primary primary", "target"},
		{pooled.TargetAny, "standby standby", "target"},
		{pooled.TargetAny, "unknown unknown", ""},
		{pooled.TargetPrimary, "primary standby", "target"},
		{pooled.TargetPrimary, "standby unknown", "target:problem"},
		{pooled.TargetStandby, "primary unknown", "target:problem"},
		{pooled.TargetStandby, "primary standby", "target"},
		{pooled.TargetPreferStandby, "primary", "target:warning"},
		{pooled.TargetPreferStandby, "primary standby", "target"},
	} {
		var found []examinedHost
		for _, role := range strings.Fields(tt.roles) {
			found = append(found, examinedHost{Role: role, took: time.Second})
		}
		x := new(exam)
		x.judgeTarget(tt.target, found)
		if have := levels(&x.report); have != tt.want {
			t.Errorf("%s with %s: have %q, want %q", tt.target, tt.roles, have, tt.want)
		}
	}
}

// Where a server answers that has not the role, the advice is about roles, also if another host is down.
func TestRoleIsMissing(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for target, want := range map[hosts.Target]string{
		hosts.WantStandby: "pool_target=prefer-standby", hosts.WantPrimary: "add the primary's host",
	} {
		role := &hosts.RoleError{Role: hosts.Primary, Target: target}
		for _, err := range []error{role, errors.Join(refused, role), errors.Join(role, refused)} {
			if have := whatToChange(err); !strings.Contains(have, want) || strings.Contains(have, "nothing listens") {
				t.Errorf("%v: have %q, want %q", err, have, want)
			}
		}
	}
	if have := whatToChange(refused); !strings.Contains(have, "nothing listens") {
		t.Errorf("%v: have %q", refused, have)
	}
}

// A server that is read-only is no place to write. The advice is the option for all kinds of servers.
func TestReadOnly(t *testing.T) {
	for target, want := range map[pooled.Target]string{
		pooled.TargetAny: "read-only:warning", pooled.TargetStandby: "read-only",
	} {
		x := &exam{cfg: pooled.Config{Target: target}}
		x.judgeReadOnly(true)
		f := x.report.Findings[0]
		advises := strings.Contains(f.Change, "pool_target=primary")
		if have := levels(&x.report); have != want || advises != (f.Level == levelWarning) {
			t.Errorf("%s: have %q with %+v, want %q", target, have, f, want)
		}
	}
}

// The report says which of several hosts was examined, and why one that is up was not.
func TestHostsOfServer(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	there, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	host, gone := there.Host, nobody(t)
	d := examine(t, strings.Replace(dsn, host, gone+","+host, 1))
	wantFinding(t, d, "server", levelOK, ", at "+host, "")
	d = examine(t, dsn)
	if f := about(t, d, "server"); strings.Contains(f.Text, ", at ") {
		t.Errorf("one host: have %+v, want nothing of it", f)
	}
	d = examine(t, pooledtest.WithOptions(strings.Replace(dsn, host, gone+","+host, 1), "pool_target=standby"))
	wantFinding(t, d, "connect", levelProblem, "is a primary, not a standby", "none that is read-only")
}
