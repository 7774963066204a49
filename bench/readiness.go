package bench

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
)

// ReadinessPlan is how often a program is asked whether it is ready, as an orchestrator does.
type ReadinessPlan struct {
	Every   time.Duration // between two probes; so long one may take
	Busy    int           // probes while all connections are in use and callers wait for one
	Stopped int           // probes at most after the end of the server
}

const (
	readinessConnections = 4
	readinessWaiting     = 8 // callers that wait for a connection
)

// Prober is a program's answer to such a probe.
type Prober struct {
	Name  string
	Open  func(Server, int) (*sql.DB, error)
	Ready func(context.Context, *sql.DB) bool
}

// Probers are what a program does with database/sql, and what it does with pooled.
func Probers() []Prober {
	return []Prober{
		{"tuned by hand, `PingContext`", Server.Tuned, func(ctx context.Context, db *sql.DB) bool {
			return db.PingContext(ctx) == nil
		}},
		{"pooled, `debug.Ready`", Server.pooledOf, func(ctx context.Context, db *sql.DB) bool {
			pool, _ := pooled.PoolOf(db)
			answer := httptest.NewRecorder()
			debug.Ready(pool).ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil))
			return answer.Code == http.StatusOK
		}},
	}
}

// Readiness is the outcome of a run.
type Readiness struct {
	BusyUnready int // probes that were told "unready" while nothing was wrong with the server
	NoticedAt   int // the first probe after the server's end that was told "unready"; 0: none was
}

// RunReadiness has a program use all its connections, then give them back, and then lose its server.
func RunReadiness(
	ctx context.Context, server CrashServer, s Server, p Prober, plan ReadinessPlan,
) (r Readiness, err error) {
	s.DSN = server.DSN()
	db, err := p.Open(s, readinessConnections)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := r.busy(ctx, db, p, plan); err != nil {
		return r, err
	}
	server.Kill()
	defer server.Start()
	for probe := 1; probe <= plan.Stopped && r.NoticedAt == 0; probe++ {
		if !plan.probe(ctx, db, p) {
			r.NoticedAt = probe
		}
	}
	return r, nil
}

// busy probes while all connections are in use.
func (r *Readiness) busy(ctx context.Context, db *sql.DB, p Prober, plan ReadinessPlan) error {
	var held []*sql.Conn
	defer func() {
		for _, conn := range held {
			conn.Close()
		}
	}()
	for range readinessConnections {
		conn, err := db.Conn(ctx)
		if err == nil {
			held = append(held, conn)
			err = conn.PingContext(ctx)
		}
		if err != nil {
			return err
		}
	}
	waiting, stop := context.WithCancel(ctx)
	done := make(chan error, readinessWaiting)
	for range readinessWaiting {
		go func() { done <- db.PingContext(waiting) }()
	}
	for range plan.Busy {
		if !plan.probe(ctx, db, p) {
			r.BusyUnready++
		}
	}
	stop()
	for range readinessWaiting {
		<-done
	}
	return nil
}

// probe takes as long as the time between two probes.
func (plan ReadinessPlan) probe(ctx context.Context, db *sql.DB, p Prober) bool {
	next := time.Now().Add(plan.Every)
	ctx, cancel := context.WithDeadline(ctx, next)
	defer cancel()
	ready := p.Ready(ctx, db)
	time.Sleep(time.Until(next))
	return ready
}
