package demo

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

const (
	burstOurs  = 200 // goroutines, on a database of the demo's own
	burstYours = 30  // on a server that has others to serve: each may become a connection
	burstSleep = 2   // milliseconds
)

// burst: many goroutines want a connection at one moment, and a little later once more.
func burst(ctx context.Context, d *database, p *page) error {
	n := burstYours
	if d.memory {
		n = burstOurs
	}
	size, overflow := d.limits()
	change := func(cfg *pooled.Config) { cfg.Size, cfg.MaxOverflow = size, overflow }
	p.section("A burst, and another: %d goroutines, each with a query of %d ms", n, burstSleep)
	rows := [][]string{{"", "", "connections opened", "and again", "failed", "time"}}
	err := d.beside(change, func(s *subject) error {
		began := time.Now()
		w := new(work)
		text := fmt.Sprintf(d.server.sleep, burstSleep)
		atOnce(ctx, s.db, n, text, w)
		first := s.opened()
		atOnce(ctx, s.db, n, text, w)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		took, options := time.Since(began), "database/sql's defaults"
		if s.pooled {
			options = fmt.Sprintf("pool_size=%d&pool_max_overflow=%d", size, overflow)
			p.promise(s.opened()-size <= overflow, "a burst opened %d connections, want at most %d and %d more",
				s.opened(), size, overflow)
			p.promise(w.failed == 0, "%d of %d queries failed in a burst (first: %s)", w.failed, w.done, cli.Outcome(w.first))
		}
		p.figures.Burst = append(p.figures.Burst, burstFigures{Subject: s.name, Goroutines: n, Queries: w.done,
			Failed: w.failed, FirstError: textOf(w.first), Opened: first, OpenedMore: s.opened() - first,
			Duration: cli.Milliseconds(took)})
		rows = append(rows, []string{s.name, options, fmt.Sprint(first), fmt.Sprintf("%d more", s.opened()-first),
			fmt.Sprintf("%d of %d", w.failed, w.done), cli.Short(took)})
		return nil
	})
	if err != nil {
		return err
	}
	p.Table(rows)
	if d.memory {
		p.Paragraph("(A connection inside this process costs next to nothing. A server starts a session for each.)")
	}
	return nil
}

// limits are the user's, where there are any.
func (d *database) limits() (size, overflow int) {
	size, overflow = d.cfg.Size, max(d.cfg.MaxOverflow, 0)
	if size < 1 {
		size = pooled.NewConfig().Size
	}
	return size, overflow
}

// atOnce runs the query on n goroutines and waits for all.
func atOnce(ctx context.Context, db *sql.DB, n int, text string, w *work) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			<-start
			w.add(query(ctx, db, text))
		})
	}
	close(start)
	all.Wait()
}
