// Package demo is the subcommand pooled demo: it runs the same program on the bare driver and on pooled, and shows side
// by side what each did.
//
// Every figure is measured in the run that prints it. Of a database that is not the demo's own it uses temporary tables
// and at most 30 connections. What pooled promises and does not keep is the error of Run.
package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

const usage = `usage: pooled demo [--dsn DSN]

Shows with figures measured in this run what changes when a program opens its
database with the driver "pooled": the bare driver first, pooled below it.
The exit code is 1 if pooled did not do what it promises.

  --dsn DSN  a database of yours instead of an embedded SQLite, in any form that
             sql.Open("pooled", DSN) takes. Only temporary tables are made in it,
             and at most 30 connections at one time. Of pool_ options in DSN,
             those of the pool's size count, and pool_name.
`

// embedded is a database that needs no server: SQLite's, in memory.
const embedded = ":memory:"

// totalLimit is far above what a demo takes. It ends one whose database does not answer.
const totalLimit = 2 * time.Minute

// scenario shows one thing. Its error means that it could not be shown; what pooled fails to keep goes to page.promise.
type scenario func(ctx context.Context, d *database, p *page) error

var scenarios = []scenario{shared, forgotten, limit, burst}

// Run is the subcommand: it writes the page to stdout. Its error is a *cli.UsageError for a mistake on the command
// line.
func Run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dsn := flags.String("dsn", embedded, "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return nil
	case err != nil:
		return &cli.UsageError{Err: err}
	case flags.NArg() > 0:
		return &cli.UsageError{Err: fmt.Errorf("unexpected argument%s", cli.ShownArg(flags.Arg(0)))}
	}
	return showOn(ctx, *dsn, stdout)
}

// showOn shows everything on the database of a DSN.
func showOn(ctx context.Context, dsn string, stdout io.Writer) error {
	cfg, err := pooled.ParseDSN(dsn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, totalLimit, fmt.Errorf("not done within %v", totalLimit))
	defer cancel()
	err = showAll(ctx, cfg, &page{Page: cli.NewPage(stdout)})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx) // all else is what came of it
	}
	return err
}

func showAll(ctx context.Context, cfg pooled.Config, p *page) error {
	began := time.Now()
	d, err := reach(ctx, cfg)
	if err != nil {
		return err
	}
	p.Line("The same program twice: with sql.Open(%q, ...) and with sql.Open(%q, ...)", d.cfg.Driver, pooled.DriverName)
	p.Line("database: %s", d)
	for _, show := range scenarios {
		if err := show(ctx, d, p); err != nil {
			return err
		}
	}
	p.Line("")
	if err := p.verdict(); err != nil {
		return err
	}
	p.Line("pooled kept every promise in this run, which took %s.", cli.Short(time.Since(began)))
	return p.Err()
}
