package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/dsn"
)

// examinedHost is one of several hosts of the DSN.
type examinedHost struct {
	Name      string   `json:"name"`
	State     string   `json:"state"`      // up or down
	Role      string   `json:"role"`       // primary, standby or unknown
	ConnectMS *float64 `json:"connect_ms"` // what it took to connect and ask for the role; null: there was no answer
	Error     string   `json:"error,omitempty"`

	took time.Duration
}

// hostLimit is how long a host may take to answer. All are asked at the same time.
const hostLimit = 5 * time.Second

// checkHosts asks each of several hosts whether it is there, and what it is.
func checkHosts(ctx context.Context, x *exam) error {
	split, err := dsn.Hosts(x.cfg.Driver, x.cfg.DSN)
	if err != nil || len(split.Hosts) < 2 {
		return nil // what is wrong is said by whoever connects
	}
	found := make([]examinedHost, len(split.Hosts))
	var all sync.WaitGroup
	for i, h := range split.Hosts {
		all.Go(func() { found[i] = x.lookAtHost(ctx, h.Name, h.DSN) })
	}
	all.Wait()
	x.report.record(func() { x.report.Hosts = found })
	x.judgeHosts(found)
	target := x.cfg.Target
	if split.Target != "" {
		target = pooled.Target(split.Target) // by target_session_attrs
	}
	x.judgeTarget(target, found)
	return nil
}

// lookAtHost connects to one host, and asks for its role.
func (x *exam) lookAtHost(ctx context.Context, name, text string) examinedHost {
	h := examinedHost{Name: x.secrets.mask(name), State: string(pooled.HostDown), Role: string(pooled.RoleUnknown)}
	ctx, cancel := context.WithTimeout(ctx, hostLimit)
	defer cancel()
	s, err := x.open(func(cfg *pooled.Config) {
		cfg.DSN, cfg.Target, cfg.HostOrder, cfg.OutageWait = text, pooled.TargetAny, pooled.HostsInOrder, 0
	})
	if err != nil {
		h.Error = x.say(err)
		return h
	}
	defer s.close()
	began := time.Now()
	health := s.pool.Health(ctx)
	if !health.Reachable {
		h.Error = x.say(health.Err)
		return h
	}
	h.took = time.Since(began)
	h.State, h.Role, h.ConnectMS = string(pooled.HostUp), string(health.Role), new(cli.Milliseconds(h.took))
	return h
}

// judgeHosts is about hosts that do not answer.
func (x *exam) judgeHosts(found []examinedHost) {
	var down []string
	for _, h := range found {
		if h.State == string(pooled.HostDown) {
			down = append(down, h.Name)
		}
	}
	switch len(down) {
	case 0:
		x.report.add("hosts", levelOK, fmt.Sprintf("all %d hosts answer", len(found)), "")
	case len(found):
		x.report.add("hosts", levelProblem, fmt.Sprintf("none of the %d hosts answers", len(found)),
			"see the errors, and check names and ports")
	default:
		x.report.add("hosts", levelWarning, fmt.Sprintf("%d of %d hosts: no answer from %s",
			len(down), len(found), strings.Join(down, ", ")),
			"see the error; start it, or take it out of the DSN: each process dials it once before it uses the others")
	}
}

// judgeTarget compares pool_target with what the hosts are. It says nothing where they can't tell.
func (x *exam) judgeTarget(target pooled.Target, found []examinedHost) {
	primaries, standbys := 0, 0
	for _, h := range found {
		switch h.Role {
		case string(pooled.RolePrimary):
			primaries++
		case string(pooled.RoleStandby):
			standbys++
		}
	}
	has := fmt.Sprintf("pool_target=%s: of the hosts that answer, %d take writes and %d do not",
		target, primaries, standbys)
	switch {
	case primaries+standbys == 0:
	case target == pooled.TargetPrimary && primaries == 0, target == pooled.TargetStandby && standbys == 0:
		x.report.add("target", levelProblem, has, "no host fits, so the program gets no connection: add one, or change "+
			"pool_target")
	case target == pooled.TargetPreferStandby && standbys == 0:
		x.report.add("target", levelWarning, has, "add a standby: until then the primary is used")
	case target == pooled.TargetAny && primaries > 0 && standbys > 0:
		x.report.add("target", levelWarning, has+": which one a connection leads to depends on which is up",
			"pool_target=primary for a program that writes, prefer-standby for one that only reads")
	default:
		x.report.add("target", levelOK, has, "")
	}
}

// which says to which of several hosts a pool of one connection is connected, if that is certain.
func (x *exam) which(list []pooled.Host) string {
	up := slices.DeleteFunc(slices.Clone(list), func(h pooled.Host) bool { return h.State != pooled.HostUp })
	if len(list) < 2 || len(up) != 1 {
		return ""
	}
	return ", at " + x.secrets.mask(up[0].Name)
}

func (r *diagnosis) hostRows() [][]string {
	rows := [][]string{{"host", "state", "role", "connected in", "error"}}
	for _, h := range r.Hosts {
		took := "–"
		if h.ConnectMS != nil {
			took = precise(h.took)
		}
		rows = append(rows, []string{h.Name, h.State, h.Role, took, h.Error})
	}
	return rows
}
