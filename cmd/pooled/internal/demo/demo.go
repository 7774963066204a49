// Package demo is the command pooled demo: it runs the same program with the driver alone and with pooled, and shows
// the results side by side.
//
// Every figure is measured in the run that prints it. Of a database that is not the demo's own it uses temporary tables
// and at most 30 connections. What pooled promises and does not keep is an error.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// embedded is a database that needs no server: SQLite's, in memory.
const embedded = ":memory:"

// totalLimit is far above what a demo takes. It ends one whose database does not answer.
const totalLimit = 2 * time.Minute

// scenario shows one thing. Its error means that it could not be shown; what pooled fails to keep goes to page.promise.
type scenario func(ctx context.Context, d *database, p *page) error

var scenarios = []scenario{shared, forgotten, limit, burst}

// Command is the command pooled demo.
func Command() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "demo [DSN]",
		Short: "show on a real database what pooled does, next to the bare driver alone",
		Long: "Runs the same program twice, with the driver alone (bare) and with pooled, and shows what each did. Every " +
			"figure is measured in this run. The exit code is 1 if pooled did not do what it promises.\n\n" +
			"Without a DSN it uses a SQLite database in memory, even if DATABASE_URL is set. In a database of yours it makes " +
			"only temporary tables, and opens at most 30 connections at one time. Of the options in DSN it uses " +
			"only those of the pool's size, and pool_name. It creates no SQLite file: one that is not there is an error.",
		Example: `pooled demo
pooled demo "postgres://scott@localhost/shop?pool_max_conns=10"
pooled demo --dsn-file dsn.txt --json
printenv DATABASE_URL | pooled demo -`,
	}
	from := cli.TakeDSN(c, embedded)
	c.Flags().BoolVar(&asJSON, "json", false, "write the figures as JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		dsn, err := from.DSN(c, args)
		if err != nil {
			return err
		}
		return showOn(c.Context(), dsn, asJSON, c.OutOrStdout())
	}
	return c
}

// showOn shows everything on the database of a DSN. A broken promise is an error.
func showOn(ctx context.Context, dsn cli.DSN, asJSON bool, stdout io.Writer) error {
	cfg, err := pooled.ParseDSN(dsn.Text)
	if err != nil {
		return dsn.Explain(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, totalLimit, fmt.Errorf("not done within %v", totalLimit))
	defer cancel()
	p := newPage(stdout, asJSON)
	err = showAll(ctx, cfg, dsn, p)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx) // all else is what came of it
	}
	return err
}

func showAll(ctx context.Context, cfg pooled.Config, dsn cli.DSN, p *page) error {
	began := time.Now()
	d, err := reach(ctx, cfg)
	if err != nil {
		return dsn.Explain(err)
	}
	d.shown = dsn.Masked()
	p.figures.DSN, p.figures.From, p.figures.Driver = d.shown, dsn.From, d.cfg.Driver
	p.Line("The same program twice: with sql.Open(%q, ...) and with sql.Open(%q, ...)", d.cfg.Driver, pooled.DriverName)
	p.Line("database: %s%s", d, dsn.From.Note())
	for _, show := range scenarios {
		if err := show(ctx, d, p); err != nil {
			return err
		}
	}
	p.Line("")
	p.figures.Duration = cli.Milliseconds(time.Since(began))
	if err := errors.Join(p.finish(), p.verdict()); err != nil {
		return err
	}
	p.Mark(cli.Good, "pooled kept every promise", " in this run, which took %s.", cli.Short(time.Since(began)))
	return p.Err()
}
