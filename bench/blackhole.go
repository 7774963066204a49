package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// HolePlan is a load on connections that are renewed all the time.
type HolePlan struct {
	PerSecond float64
	FindOut   time.Duration // from the beginning; what is slow then does not count
	Measured  time.Duration
}

const (
	holeSleep   = 2 * time.Millisecond // of a request on the server
	holeRenewal = time.Second          // how long a connection lives
)

// HoleContenders renew their connections each second. Those that are tuned by hand give up a connect after two. Go's
// driver for MySQL takes one host, so that only pooled is left there. pooled is the last.
func HoleContenders(s Server) []AwayContender {
	pooled := AwayContender{"pooled", inProcess(func(s Server) (*sql.DB, error) {
		return s.Pooled(sixteen + "&pool_recycle=1s")
	})}
	if s.driver != "postgres" {
		return []AwayContender{pooled}
	}
	return []AwayContender{
		{"tuned by hand", inProcess(func(s Server) (*sql.DB, error) {
			s.DSN = keywords(s.DSN) + " connect_timeout=2"
			db, err := s.Tuned(AwayConnections)
			if err == nil {
				db.SetConnMaxLifetime(holeRenewal)
			}
			return db, err
		})},
		{"pgxpool", func(ctx context.Context, s Server, statement string) (AwayUser, error) {
			s.DSN = withOptions(s.DSN, "connect_timeout=2&pool_max_conn_lifetime="+holeRenewal.String())
			return openPgxPool(ctx, s, statement)
		}},
		pooled,
	}
}

// Hole is the outcome of a run.
type Hole struct {
	Sent
	plan  HolePlan
	began time.Time
}

// Latency is that of the requests after the time to find out, also of those that failed.
func (h Hole) Latency() Latency {
	return h.Within(h.began.Add(h.plan.FindOut), h.began.Add(h.plan.FindOut+h.plan.Measured))
}

// RunHole has a contender use a server which is the last of several hosts.
func RunHole(ctx context.Context, s Server, contender AwayContender, plan HolePlan, seed uint64) (h Hole, err error) {
	u, err := contender.Open(ctx, s, s.Sleep(holeSleep))
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	h.plan = plan
	h.began, err = u.Send(arrivals(plan.PerSecond, plan.FindOut+plan.Measured, seed))
	if err != nil {
		return h, err
	}
	time.Sleep(time.Until(h.began.Add(plan.FindOut + plan.Measured)))
	h.Sent, err = u.Stop()
	return h, err
}

// At is the server at other addresses, one after another.
func (s Server) At(dsn func(addresses string) string, addresses ...string) Server {
	s.DSN = dsn(strings.Join(addresses, ","))
	return s
}

// keywords is a URL for PostgreSQL as keywords and values, the only form in which lib/pq takes several hosts with
// ports.
func keywords(dsn string) string {
	user, rest, _ := strings.Cut(strings.TrimPrefix(dsn, "postgres://"), "@")
	name, password, _ := strings.Cut(user, ":")
	addresses, rest, _ := strings.Cut(rest, "/")
	database, options, _ := strings.Cut(rest, "?")
	var hosts, ports []string
	for address := range strings.SplitSeq(addresses, ",") {
		host, port, _ := strings.Cut(address, ":")
		hosts, ports = append(hosts, host), append(ports, port)
	}
	return fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s %s",
		strings.Join(hosts, ","), strings.Join(ports, ","), name, password, database, strings.ReplaceAll(options, "&", " "))
}
