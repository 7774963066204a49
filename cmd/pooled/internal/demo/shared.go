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
	sharers = 8 // goroutines
	holders = 2 // of them, those that hold a connection first
)

// shared: many goroutines use one database that lives in a connection. For SQLite that is a memory database. On a
// server it is a session with its temporary table, which pool_class=static gives to each goroutine in turn.
func shared(ctx context.Context, d *database, p *page) error {
	t, rounds, what := d.server.permanent(), 50, "One memory database"
	var change func(*pooled.Config)
	if !d.memory {
		t, rounds = d.server.temporary(), 5 // each takes as long as the network
		what = "A session's temporary table (pool_class=static)"
		change = func(cfg *pooled.Config) { cfg.Class = pooled.ClassStatic }
	}
	p.section("%s: %d goroutines, each %d times INSERT and count(*)", what, sharers, rounds)
	rows := [][]string{{"", "failed", "rows", "connections", "time"}}
	var first string
	err := d.beside(change, func(s *subject) error {
		if _, err := s.db.ExecContext(ctx, t.create); err != nil {
			return err
		}
		began := time.Now()
		w := share(ctx, s.db, t, rounds)
		took := time.Since(began)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := count(ctx, s.db, t)
		rows = append(rows, []string{s.name, fmt.Sprintf("%d of %d", w.failed, w.done), inserted(n, err),
			fmt.Sprint(s.opened()), cli.Short(took)})
		f := sharedFigures{Subject: s.name, Operations: w.done, Failed: w.failed, FirstError: textOf(w.first),
			Connections: s.opened(), Duration: cli.Milliseconds(took)}
		if err == nil {
			f.Rows = &n
		}
		p.figures.Shared = append(p.figures.Shared, f)
		if s.pooled {
			want := sharers * rounds
			p.promise(err == nil && w.failed == 0 && n == want,
				"%d of %d operations failed (first: %s) and the rows are %s, want %d",
				w.failed, w.done, cli.Outcome(w.first), inserted(n, err), want)
		} else {
			first = "the bare driver's first error: " + cli.Outcome(w.first)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Table(rows)
	p.Paragraph(first)
	return nil
}

// work is what came of many operations.
type work struct {
	mu           sync.Mutex
	done, failed int
	first        error
}

func (w *work) add(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done++
	if err == nil {
		return
	}
	w.failed++
	if w.first == nil {
		w.first = err
	}
}

// share begins when two goroutines hold a connection each. Otherwise the bare driver might, by luck, do with the one
// that has the table.
func share(ctx context.Context, db *sql.DB, t table, rounds int) *work {
	w := new(work)
	var all, holding sync.WaitGroup
	holding.Add(holders)
	for g := range sharers {
		all.Go(func() {
			id := g * rounds
			end := id + rounds
			if g < holders {
				conn, err := db.Conn(ctx)
				holding.Done()
				if err != nil {
					w.add(err)
					return
				}
				holding.Wait()
				w.round(ctx, conn, t, id)
				conn.Close()
				id++
			}
			for holding.Wait(); id < end; id++ {
				w.round(ctx, db, t, id)
			}
		})
	}
	all.Wait()
	return w
}

func (w *work) round(ctx context.Context, q querier, t table, id int) {
	_, err := q.ExecContext(ctx, t.insert(id))
	w.add(err)
	_, err = count(ctx, q, t)
	w.add(err)
}

// querier is a sql.DB or sql.Conn.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func count(ctx context.Context, q querier, t table) (n int, err error) {
	err = q.QueryRowContext(ctx, t.count()).Scan(&n)
	return n, err
}

func inserted(n int, err error) string {
	if err != nil {
		return "error"
	}
	return fmt.Sprint(n)
}
