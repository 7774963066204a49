//go:build linux

package bench

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// FailoverServer is a primary or a standby of pooledtest/cluster.
type FailoverServer[S any] interface {
	cluster.Backend
	DSNAt(address string) string
	SetReadOnly(bool)
	Promote()
	Follow(primary S)
	CatchUp(primary S)
}

// FailoverPlan is when another server becomes the primary.
type FailoverPlan struct {
	PerSecond     float64
	Before, After time.Duration
}

// Failover is the outcome of a run.
type Failover struct {
	Sent
	Version  string
	Demoted  time.Time // the old primary takes no writes from then on
	Accepted time.Time // the address leads to the new one, which takes writes
	end      time.Time
}

// FirstWrite is the time from the new primary's readiness until a write succeeds; -1: none did.
func (f Failover) FirstWrite() time.Duration {
	first := f.FirstSuccess(f.Accepted)
	if first.IsZero() {
		return -1
	}
	return first.Sub(f.Accepted)
}

// Stuck is the share of the last second's writes that failed.
func (f Failover) Stuck() float64 {
	last := func(r Request) bool { return r.Due.After(f.end.Add(-time.Second)) }
	failed := f.Count(func(r Request) bool { return last(r) && r.Kind != "" })
	return float64(failed) / float64(max(1, f.Count(last)))
}

// Pair is a primary and its standby, which clients reach by one address. They change places in each run.
type Pair[S FailoverServer[S]] struct {
	server    Server
	tb        testing.TB
	primary   S
	standby   S
	proxy     *cluster.ProxyServer // nil: a name leads to the primary
	names     *cluster.Names
	hostsFile string // for who does not ask our DNS server
}

// pairName is the name that leads to the primary.
const pairName = "primary.test"

// ByProxy has HAProxy lead to the primary. It leaves connections to the old one as they are.
func ByProxy[S FailoverServer[S]](tb testing.TB, s Server, primary, standby S) *Pair[S] {
	p := &Pair[S]{server: s, tb: tb, primary: primary, standby: standby}
	p.proxy = cluster.HAProxy(tb, cluster.ProxyConfig{}, primary, standby)
	p.proxy.Await(primary)
	return p
}

// ByName has a name lead to the primary, which each look-up asks for anew.
func ByName[S FailoverServer[S]](tb testing.TB, s Server, primary, standby S) *Pair[S] {
	p := &Pair[S]{server: s, tb: tb, primary: primary, standby: standby, names: cluster.DNS(tb)}
	p.names.UseByDefault()
	p.hostsFile = filepath.Join(tb.TempDir(), "hosts")
	p.lead()
	return p
}

// lead has the name lead to the primary.
func (p *Pair[S]) lead() {
	host, _, _ := net.SplitHostPort(p.primary.Addr())
	p.names.Set(pairName, host)
	if err := os.WriteFile(p.hostsFile, []byte(host+" "+pairName+"\n"), 0o644); err != nil {
		p.tb.Fatal(err)
	}
}

// address is what clients connect to.
func (p *Pair[S]) address() string {
	if p.proxy != nil {
		return p.proxy.Addr()
	}
	_, port, _ := net.SplitHostPort(p.primary.Addr())
	return net.JoinHostPort(pairName, port)
}

// fail demotes the primary, which goes on to run, and makes the standby the primary.
func (p *Pair[S]) fail(f *Failover) {
	f.Demoted = time.Now()
	p.primary.SetReadOnly(true)
	p.standby.CatchUp(p.primary)
	p.standby.Promote()
	p.primary, p.standby = p.standby, p.primary
	if p.proxy != nil {
		p.proxy.Await(p.primary)
	} else {
		p.lead()
	}
	f.Accepted = time.Now()
}

// Run has a contender write while the servers change places.
func (p *Pair[S]) Run(
	ctx context.Context, contender AwayContender, plan FailoverPlan, seed uint64,
) (f Failover, err error) {
	s := p.server
	s.DSN = p.primary.DSNAt(p.primary.Addr())
	if err := s.makeTable(ctx); err != nil {
		return f, err
	}
	s.DSN, s.hostsFile = p.primary.DSNAt(p.address()), p.hostsFile
	u, err := contender.Open(ctx, s, "INSERT INTO bench_writes VALUES (1)")
	if err != nil {
		return f, err
	}
	f.Version = u.Version()
	defer func() { err = errors.Join(err, u.Close()) }()
	began, err := u.Send(arrivals(plan.PerSecond, plan.Before+changeTakes+plan.After, seed))
	if err != nil {
		return f, err
	}
	time.Sleep(time.Until(began.Add(plan.Before)))
	p.fail(&f)
	time.Sleep(plan.After)
	f.end = time.Now()
	f.Sent, err = u.Stop()
	p.standby.Follow(p.primary)
	p.standby.CatchUp(p.primary)
	return f, err
}

// makeTable makes the table that is written to, if it is not there.
func (s Server) makeTable(ctx context.Context) error {
	db, err := s.Bare()
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS bench_writes (n INT)")
	return err
}
