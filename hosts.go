package pooled

import (
	"context"
	"net"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
	"github.com/pooled-go/pooled/internal/intercept"
	"github.com/pooled-go/pooled/internal/serverconn"
	"github.com/pooled-go/pooled/internal/socket"
)

// HostState is what a pool knows of a host.
type HostState string

const (
	// HostUnknown: it was not dialed yet.
	HostUnknown HostState = "unknown"
	// HostUp: the last dial or probe succeeded.
	HostUp HostState = "up"
	// HostDown: the last dial or probe did not reach a server that is ready.
	HostDown HostState = "down"
	// HostWrongRole: it is up, but takes no writes though the pool needs a primary, or it is not the standby that
	// pool_target asks for.
	HostWrongRole HostState = "wrong role"
)

// Role is what a server is for.
type Role string

const (
	// RoleUnknown: the server was not asked, or could not tell.
	RoleUnknown Role = "unknown"
	// RolePrimary: it takes writes.
	RolePrimary Role = "primary"
	// RoleStandby: it takes none.
	RoleStandby Role = "standby"
)

// Host is one server that a pool may connect to, at one moment.
type Host struct {
	Name    string // as in the DSN: host:port, or a socket's path; with a connector of the program's, its dialect
	Address string // as ip:port, if the pool has looked it up
	State   HostState
	Role    Role
	Since   time.Time // of State
	// Err is the error of the last dial or probe, nil: it succeeded, or there was none.
	Err error
}

// Hosts returns the servers that the pool may connect to: those in the DSN, in its order, and each address of a name
// that the pool looks up by itself.
func (p *Pool) Hosts() []Host { return p.current().knownHosts() }

// knownHosts is Hosts of p, with or without the core's lock.
func (p *Pool) knownHosts() []Host {
	known := p.hosts.Hosts()
	list := make([]Host, len(known))
	for i, h := range known {
		list[i] = Host{
			Name: h.Name, Address: h.IP, State: HostState(h.State.String()), Role: Role(h.Role.String()),
			Since: h.Since, Err: p.secrets.Error(h.Err),
		}
	}
	return list
}

// hostSet is the state of the hosts, for the pool's life. With a BeforeConnect hook nothing is looked up: the name in
// the DSN may stand for another that only the hook knows.
func (p *Pool) hostSet() *hosts.Set {
	var entries []hosts.Entry
	for _, h := range p.driver.Hosts() {
		entries = append(entries, hosts.Entry{Name: h.Name, Lookup: h.Lookup && len(p.hooks.beforeConnect) == 0})
	}
	return hosts.New(hosts.Config{
		Entries: entries, Target: targets[p.cfg.Target], Random: p.cfg.HostOrder == HostsRandom, Wait: p.outageWait(),
		Check:   p.checkHost,
		Away:    p.driver.Dialect.IsAway,
		Lookup:  lookUp,
		Go:      func(f func()) { p.core.Go(f) },
		Changed: p.hostsChanged,
		Began:   p.outageBegan,
		Ended:   p.outageEnded,
		Demoted: p.fireDemoted,

		Restored: func(a hosts.Address) {
			p.log().Warn("pooled: a server takes writes again", "pool", p.name, "host", a.String())
		},
		Moved: func(from, to hosts.Address) {
			p.log().Warn("pooled: connections are opened to another host",
				"pool", p.name, "hosts", hostsLine(p.knownHosts()), "host", to.String())
		},
	})
}

// lookUp finds the addresses of a name as net.Dialer does.
func lookUp(ctx context.Context, name string) ([]string, error) {
	found, err := net.DefaultResolver.LookupIPAddr(ctx, name)
	if ctx.Err() != nil { // of which the resolver makes an error of its own
		return nil, ctx.Err()
	}
	list := make([]string, len(found))
	for i, address := range found {
		list[i] = address.String()
	}
	return list, err
}

var targets = map[Target]hosts.Target{
	TargetAny: hosts.Any, TargetPrimary: hosts.WantPrimary, TargetStandby: hosts.WantStandby,
	TargetPreferStandby: hosts.PreferStandby,
}

func (p *Pool) outageWait() time.Duration {
	if p.cfg.OutageWait == OutageWaitAuto {
		return hosts.WaitAuto
	}
	return p.cfg.OutageWait
}

// hostsChanged is told when it may have changed whether connections can be opened, and which of them fit.
func (p *Pool) hostsChanged() {
	p.core.CloseWhere(func(s *ServerConn) bool { return !p.hosts.Fits(s.address) }, errUnfit, errUnfit)
	p.core.Regate()
}

// dial connects to one host.
func (p *Pool) dial(ctx context.Context, o opening, a hosts.Address) (*ServerConn, hosts.Role, error) {
	connector, err := p.connector(ctx, a)
	if err != nil {
		return nil, hosts.RoleUnknown, &hosts.OwnError{Err: err}
	}
	watched, collector := socket.Collect(socket.At(ctx, a.IP))
	collector.DeadAfter = p.cfg.DeadAfter
	conn, err := intercept.Connect(watched, p.shared.Interceptors, connector)
	if err != nil { // then conn may be a nil pointer in an interface that isn't nil
		return nil, hosts.RoleUnknown, p.secrets.Error(err)
	}
	var s *ServerConn
	defer func() {
		if s == nil { // something panicked
			conn.Close()
		}
	}()
	s = p.newServerConn(o, conn, connector, collector.Last())
	s.address = a
	role, err := p.greet(ctx, &s.conn, p.hosts.AsksRole())
	if err != nil {
		p.closeUnopened(s)
		return nil, hosts.RoleUnknown, err
	}
	return s, role, nil
}

// checkHost opens a connection of its own to one host, asks for its role, and closes it.
func (p *Pool) checkHost(ctx context.Context, a hosts.Address) (_ hosts.Role, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &hosts.OwnError{Err: p.panicked("open", v)}
		}
	}()
	if p.current() != p { // a copy of a goroutine of the parent process
		return hosts.RoleUnknown, &hosts.OwnError{Err: errForked}
	}
	connector, err := p.connector(ctx, a)
	if err != nil {
		return hosts.RoleUnknown, &hosts.OwnError{Err: err}
	}
	dialing, collector := socket.Collect(socket.At(ctx, a.IP))
	opened, err := intercept.Connect(dialing, p.shared.Interceptors, connector)
	if err != nil {
		return hosts.RoleUnknown, p.secrets.Error(err)
	}
	var conn serverconn.Conn
	conn.Init(p.shared, 0, opened, connector, collector.Last())
	defer conn.Close()
	role, err := p.greet(ctx, &conn, true)
	if err != nil && !p.hosts.AsksRole() && ctx.Err() == nil && !p.driver.Dialect.IsAway(err) {
		return hosts.RoleUnknown, nil // it is there, and can't tell
	}
	return role, err
}
