package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

const (
	limitSize = 2 // connections
	leastWait = 200 * time.Millisecond
	mostWait  = 5 * time.Second
	// limitSlack is for machines that are busy with other things.
	limitSlack = 5 * time.Second
	limitTries = 10 // to open a connection, for the same reason
)

// limit: as many connections as may be open are in use, and one more is wanted. How long a query may wait is the
// context's affair with database/sql and the pool's with pooled, whose query gets all the time of the demo.
func limit(ctx context.Context, d *database, p *page) error {
	p.section("The limit: %d connections, each in a transaction, and a query that wants a third", limitSize)
	rows := [][]string{{"", "set by", "gave up after", "one returned"}}
	var texts []string
	wait := d.limitWait()
	change := func(cfg *pooled.Config) { cfg.Size, cfg.MaxOverflow, cfg.Timeout = limitSize, 0, wait }
	err := d.beside(change, func(s *subject) error {
		set, patience := fmt.Sprintf("pool_size=%d&pool_max_overflow=0&pool_timeout=%v", limitSize, wait), totalLimit
		if !s.pooled {
			set, patience = fmt.Sprintf("db.SetMaxOpenConns(%d), context.WithTimeout(ctx, %v)", limitSize, wait), wait
			s.db.SetMaxOpenConns(limitSize)
		}
		e, err := oneTooMany(ctx, s.db, patience)
		if err != nil {
			return err
		}
		rows = append(rows, []string{s.name, set, cli.Short(e.waited), cli.Outcome(e.after)})
		p.figures.Limit = append(p.figures.Limit, limitFigures{Subject: s.name, Waited: cli.Milliseconds(e.waited),
			Error: textOf(e.refusal), IsTimeout: errors.Is(e.refusal, pooled.ErrTimeout), Returned: textOf(e.after)})
		texts = append(texts, s.name+" says: "+cli.Outcome(e.refusal))
		if s.pooled {
			texts = append(texts, fmt.Sprintf("errors.Is(err, pooled.ErrTimeout) = %t", errors.Is(e.refusal, pooled.ErrTimeout)))
			e.judge(p, wait)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Table(rows)
	for _, text := range texts {
		p.Paragraph(text)
	}
	return nil
}

// limitWait is short, yet long enough for the connections that have to be opened first, for which pool_timeout holds
// too.
func (d *database) limitWait() time.Duration {
	const step = 100 * time.Millisecond
	return min(max(leastWait, (10*d.opening).Truncate(step)), mostWait)
}

// excess is what became of the query that was one too many.
type excess struct {
	refusal error
	waited  time.Duration
	after   error // of a query when one connection had come back
}

func (e excess) judge(p *page, wait time.Duration) {
	p.promise(errors.Is(e.refusal, pooled.ErrTimeout), "the error at the limit is not pooled.ErrTimeout: %s",
		cli.Outcome(e.refusal))
	p.promise(e.waited >= wait && e.waited < wait+limitSlack, "pool_timeout=%v took %v", wait, e.waited)
	p.promise(e.after == nil, "no connection though one had come back: %s", cli.Outcome(e.after))
}

func oneTooMany(ctx context.Context, db *sql.DB, patience time.Duration) (e excess, err error) {
	var open []*sql.Tx
	defer func() {
		for _, tx := range open {
			tx.Rollback() // of one that is over: no harm
		}
	}()
	for tries := 0; len(open) < limitSize; tries++ {
		tx, err := db.BeginTx(ctx, nil)
		switch {
		case err == nil:
			open = append(open, tx)
			var report string
			text := fmt.Sprintf("SELECT 'report %d'", len(open))
			if err := tx.QueryRowContext(ctx, text).Scan(&report); err != nil { // so that pooled's error names it
				return e, err
			}
		case tries == limitTries || !errors.Is(err, pooled.ErrTimeout):
			return e, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	e.refusal = query(limited, db, "SELECT 1")
	e.waited = time.Since(began)
	if err := errors.Join(ctx.Err(), open[0].Rollback()); err != nil {
		return e, err
	}
	e.after = query(ctx, db, "SELECT 1")
	return e, nil
}

// query runs a query of one value, which is of no interest.
func query(ctx context.Context, db *sql.DB, text string) error {
	var value any
	return db.QueryRowContext(ctx, text).Scan(&value)
}
