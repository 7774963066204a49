// Package doctor is the subcommand pooled doctor: it examines a DSN, its options, the server and what is between, and
// reports findings, each ok, warning or problem, with what to change.
//
// It opens at most 3 connections at one time, makes only temporary objects in sessions of its own, and leaves nothing
// behind, also when it is interrupted. Each check has a limit on its time. No text of the report shows a password,
// whatever a driver or a server put into its message.
package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/visible"
)

const usage = `usage: pooled doctor DSN [--instances N] [--json]

Connects to the database of DSN as a program would, by any form of DSN that
sql.Open("pooled", DSN) takes, and says what it finds: ok, warning or problem,
with what to change. docs/doctor.md explains each finding.

  --instances N  processes that share the server, 1 by default; those that a
                 deployment starts before it stops the old ones count
  --json         the report as JSON on standard output

It opens at most 3 connections at one time, makes only temporary objects, in
sessions of its own, and leaves nothing behind. The exit code is 0 without a
problem, 1 with one or if the examination could not be finished, 2 if the
command line or the DSN is wrong.
`

// totalLimit is far above what an examination takes on a server at some distance. Each check has a limit of its own.
const totalLimit = 3 * time.Minute

// commandLine is the command line.
type commandLine struct {
	dsn       string
	instances int
	json      bool
}

// Run is the subcommand: it writes the report to stdout. Its error is a *cli.UsageError for a mistake on the command
// line.
func Run(ctx context.Context, args []string, stdout io.Writer) error {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(stdout, usage)
		return err
	case err != nil:
		return &cli.UsageError{Err: err}
	}
	x, err := newExam(o.dsn, o.instances)
	if err != nil {
		return &cli.UsageError{Err: err}
	}
	x.progress = newProgress(os.Stderr)
	stderr := os.Stderr
	defer context.AfterFunc(ctx, func() { x.progress.interrupted(stderr) })()
	r, err := x.run(ctx)
	if err := o.write(r, stdout); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	return r.err()
}

// parse takes the DSN before, between and behind the flags. No error repeats an argument: a DSN that was not
// quoted for the shell comes in pieces, and one of them may be the password.
func parse(args []string) (o commandLine, err error) {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&o.instances, "instances", 1, "")
	flags.BoolVar(&o.json, "json", false, "")
	var dsns []string
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return o, err
		} else if err != nil {
			return o, whatFlag(err, args[:len(args)-flags.NArg()])
		}
		if flags.NArg() == 0 {
			break
		}
		dsns, args = append(dsns, flags.Arg(0)), flags.Args()[1:]
	}
	switch {
	case len(dsns) == 0:
		return o, errors.New("no DSN: want DSN [--instances N] [--json]")
	case len(dsns) > 1:
		return o, fmt.Errorf("want one DSN, have %d arguments: put it in quotes", len(dsns))
	case o.instances < 1:
		return o, fmt.Errorf("--instances %d: want at least 1", o.instances)
	}
	o.dsn = dsns[0]
	return o, nil
}

// whatFlag names the flag that is wrong, the last of those that were read, and never its value.
func whatFlag(err error, read []string) error {
	const want = "want DSN [--instances N] [--json]"
	switch text := err.Error(); {
	case strings.HasPrefix(text, "flag needs an argument: -instances"):
		return errors.New("--instances has no value: " + want)
	case strings.HasPrefix(text, "invalid") && strings.Contains(text, "for flag -instances:"):
		return errors.New("--instances: not a number: " + want)
	case strings.HasPrefix(text, "invalid") && strings.Contains(text, "for -json:"):
		return errors.New("--json takes no value: " + want)
	}
	if strings.HasPrefix(err.Error(), "flag provided but not defined") {
		if name, _, _ := strings.Cut(read[len(read)-1], "="); plainFlag.MatchString(name) {
			return fmt.Errorf("there is no flag %s: %s", name, want)
		}
	}
	return errors.New("bad flag: " + want)
}

// plainFlag is what was meant for a flag, and not a piece of a password that happens to begin with a dash.
var plainFlag = regexp.MustCompile(`^--[a-z]+(-[a-z]+)*$`)

func (o commandLine) write(r *diagnosis, stdout io.Writer) error {
	if !o.json {
		return r.print(cli.NewPage(stdout))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return err
	}
	_, err := stdout.Write(visible.JSON(b.Bytes()))
	return err
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
