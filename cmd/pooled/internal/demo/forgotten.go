package demo

import (
	"context"
	"database/sql"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// forgotten: a connection is returned with a transaction that nobody ended. Who gets it next?
func forgotten(ctx context.Context, d *database, p *page) error {
	p.section("A forgotten transaction: BEGIN, INSERT, and the connection is returned. Who gets it next ...")
	rows := [][]string{{"", "... sees", "... and its own BEGIN"}}
	err := d.beside(nil, func(s *subject) error {
		t := d.server.temporary()
		if err := forget(ctx, s.db, d.server, t); err != nil {
			return err
		}
		n, err := useNext(ctx, s.db, t)
		if err != nil {
			return err
		}
		rows = append(rows, []string{s.name, n.sees(), n.begins()})
		p.figures.Forgotten = append(p.figures.Forgotten,
			forgottenFigures{Subject: s.name, StrayRows: n.seen, BeginError: textOf(n.begin), KeptRows: n.survived})
		if s.pooled {
			p.promise(n == next{}, "after a forgotten transaction the next user saw %d rows, its BEGIN: %s", n.seen,
				n.begins())
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Table(rows)
	return nil
}

// forget is the mistake: no path leads to COMMIT or ROLLBACK.
func forget(ctx context.Context, db *sql.DB, s *server, t table) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range []string{t.create, s.begin, t.insert(1)} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// next is what the next user finds.
type next struct {
	seen     int   // rows that nobody committed
	begin    error // of its own BEGIN
	survived int   // rows that are there after it rolled back
}

// useNext takes the connection that was just returned: nobody else is here, so it is the one that is free.
func useNext(ctx context.Context, db *sql.DB, t table) (n next, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return n, err
	}
	defer conn.Close()
	if n.seen, err = count(ctx, conn, t); err != nil {
		return n, err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		n.begin = err
		return n, nil
	}
	if err := tx.Rollback(); err != nil {
		return n, err
	}
	n.survived, err = count(ctx, conn, t)
	return n, err
}

func (n next) sees() string {
	if n.seen == 0 {
		return "no row"
	}
	return "a stray row"
}

func (n next) begins() string {
	switch {
	case n.survived > 0:
		return "ok, but it committed what was forgotten"
	case n == next{}:
		return "ok: the other was rolled back on return"
	}
	return cli.Outcome(n.begin)
}
