// Package doctor is the command pooled doctor: it examines a DSN, its options, the server and everything in between,
// and reports what is ok, a warning or a problem, with what to change.
//
// It opens at most 3 connections at one time, makes only temporary objects in sessions of its own, and leaves nothing
// behind, also when it is interrupted. Each check has a limit on its time. No text of the report shows a password,
// whatever a driver or a server put into its message.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// totalLimit is far above what an examination takes on a server at some distance. Each check has a limit of its own.
const totalLimit = 3 * time.Minute

// Command is the command pooled doctor.
func Command() *cobra.Command {
	var instances int
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor [DSN]",
		Short: "examine a DSN, its options, the server and what is in between",
		Long: "Connects to the database of DSN as a program would, and says what it finds: ok, warning or problem, with " +
			"what to change. " +
			"https://github.com/pooled-go/pooled/blob/main/docs/doctor.md explains each finding.\n\n" +
			"It can be run on a server in use: it opens at most 3 connections at one time, makes only temporary objects " +
			"in sessions of its own, and leaves nothing behind. It creates no SQLite file: one that is not there is an error.",
		Example: `pooled doctor "postgres://scott@localhost/shop?pool_max_conns=10" --instances 4
pooled doctor --dsn-file dsn.txt
echo "$DSN" | pooled doctor - --json
DATABASE_URL=mysql://scott@localhost/shop pooled doctor`,
	}
	from := cli.TakeDSN(c, "")
	c.Flags().IntVar(&instances, "instances", 1, "`N` processes share the server, with those that a rollout starts "+
		"before it stops the old ones")
	c.Flags().BoolVar(&asJSON, "json", false, "write the report as JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		if instances < 1 {
			return cli.Mistake("--instances %d: want at least 1", instances)
		}
		dsn, err := from.DSN(c, args)
		if err != nil {
			return err
		}
		return show(c.Context(), dsn, instances, asJSON, c.OutOrStdout())
	}
	return c
}

// show writes the report. A problem in it is an error.
func show(ctx context.Context, dsn cli.DSN, instances int, asJSON bool, stdout io.Writer) error {
	x, err := newExam(dsn.Text, instances)
	if err != nil {
		return dsn.Explain(err)
	}
	x.report.DSN, x.report.From = dsn.Masked(), dsn.From
	x.progress = newProgress(os.Stderr)
	stderr := os.Stderr
	defer context.AfterFunc(ctx, func() { x.progress.interrupted(stderr) })()
	r, err := x.run(ctx)
	if asJSON {
		err = errors.Join(cli.WriteJSON(stdout, r), err)
	} else {
		err = errors.Join(r.print(cli.NewPage(stdout)), err)
	}
	if err != nil {
		return err
	}
	return r.err()
}

// progress says on a terminal, in one line that is rewritten, what is being done. Nil says nothing.
type progress struct {
	w     io.Writer
	width int // of what is shown now
}

// newProgress is for a terminal only: in a file or a log it would be noise.
func newProgress(f *os.File) *progress {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &progress{w: f}
}

// show replaces the line; an empty text leaves none. Blanks wipe what was there on terminals of every kind.
func (p *progress) show(text string) {
	if p == nil {
		return
	}
	text = cli.Cut(text, 79) // a longer one would wrap, and stay
	blank := strings.Repeat(" ", p.width)
	fmt.Fprintf(p.w, "\r%s\r%s", blank, text)
	p.width = len([]rune(text))
}

// interrupted says why the end takes a while. Without a terminal, too: whoever waits is there.
func (p *progress) interrupted(w io.Writer) {
	before := ""
	if p != nil {
		before = "\n" // the line that shows what was being done stays
	}
	fmt.Fprint(w, before+"pooled: doctor: closing what was opened; Ctrl-C again to leave now\n")
}
