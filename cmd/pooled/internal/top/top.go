// Package top is the command pooled top: it shows the pools of a running program in a terminal, with the figures of the
// program's live page (package debug).
//
// What the program sends does nothing to the terminal, and headers and passwords that the command was given are shown
// nowhere.
package top

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

const (
	leastInterval = 100 * time.Millisecond
	example       = "http://localhost:6060/debug/pooled/"
)

// Command is the command pooled top.
func Command() *cobra.Command {
	w := &watch{}
	var headers []string
	c := &cobra.Command{
		Use:   "top URL",
		Short: "show the pools of a running program, from its live page",
		Long: "Shows the pools of a running program, their figures and connections, from the live page that the program " +
			"has mounted (package debug). URL is the page's address; add ?pool=2 to see only that pool.\n\n" +
			"On a terminal it refreshes the screen until Ctrl-C. Elsewhere, and with --json, it prints once, or " +
			"repeatedly if --interval is given. If the program ends or restarts, it says so and keeps trying.\n\n" +
			"Others can see an argument in ps, and the history of the shell keeps it: put a header with a password or " +
			"token into a file, --header @FILE.",
		Example: `pooled top ` + example + `
pooled top ` + example + ` --once
pooled top ` + example + ` --json --interval 10s >>pools.jsonl
pooled top https://app.example.com/debug/pooled/ --header @headers.txt`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Mistake("want the URL of one live page, such as %s", example)
			}
			return nil
		},
	}
	c.Flags().DurationVar(&w.interval, "interval", time.Second, "`time` between two refreshes, at least 100ms")
	c.Flags().BoolVar(&w.once, "once", false, "print once")
	c.Flags().BoolVar(&w.json, "json", false, "print one line of JSON each time")
	c.Flags().StringArrayVar(&headers, "header", nil, "send `'NAME: VALUE'` with each request, or the lines of a file "+
		"with @FILE; may be repeated")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		intervals := c.Flags().Changed("interval")
		switch {
		case w.interval < leastInterval:
			return cli.Mistake("--interval: want at least %v", leastInterval)
		case w.once && intervals:
			return cli.Mistake("have --once and --interval: give one of them")
		}
		if w.client, err = newClient(args[0], headers); err != nil {
			return err
		}
		w.out, w.err = c.OutOrStdout(), c.ErrOrStderr()
		if screen, ok := cli.Screen(w.out); ok && !w.once && !w.json {
			return w.live(c.Context(), screen)
		}
		return w.print(c.Context(), intervals)
	}
	return c
}

// watch looks at a page.
type watch struct {
	client     *client
	interval   time.Duration
	once, json bool
	out, err   io.Writer

	last *look // the last that succeeded
}

// look is one look at the page.
type look struct {
	page   *page
	before *page // the look before, of the same process: nil if there was none
}

// next looks at the page. restarted: another process answers than before.
func (w *watch) next(ctx context.Context, conns int) (now *look, restarted bool, err error) {
	p, err := w.client.get(ctx, conns)
	if err != nil {
		return nil, false, err
	}
	now = &look{page: p}
	if w.last != nil {
		if restarted = !p.follows(w.last.page); !restarted {
			now.before = w.last.page
		}
	}
	w.last = now
	return now, restarted, nil
}

// mostConns is how many connections of each pool are asked for where there is no screen to fill. The JSON has all.
const mostConns = 20

// print prints once, or until the context ends. The first look must succeed; later ones may fail.
func (w *watch) print(ctx context.Context, again bool) error {
	conns := mostConns
	if w.json {
		conns = -1
	}
	ticker := time.NewTicker(w.interval)
	defer ticker.Stop()
	for failing := false; ; {
		now, restarted, err := w.next(ctx, conns)
		switch {
		case err != nil && (w.last == nil || ctx.Err() != nil):
			return w.ended(ctx, err)
		case err != nil && !failing:
			cli.Report("top", err, w.err)
		case err == nil && restarted:
			cli.Note(w.err, "top: the program was restarted: pid %d", now.page.PID)
		case err == nil && failing:
			cli.Note(w.err, "top: the program has answered again")
		}
		if failing = err != nil; !failing {
			if err := w.write(now); err != nil || !again {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return w.ended(ctx, nil)
		case <-ticker.C:
		}
	}
}

// ended tells the end by Ctrl-C from an error: it is how one ends what shows something again and again.
func (w *watch) ended(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil:
		return err
	case w.last == nil:
		return context.Cause(ctx)
	}
	return nil
}

func (w *watch) write(now *look) error {
	v := now.view(w.client.shown)
	if w.json {
		return cli.WriteJSONLine(w.out, v)
	}
	p := cli.NewPage(w.out)
	v.print(p, 0)
	p.Line("")
	return p.Err()
}
