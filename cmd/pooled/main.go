// Command pooled shows what the database/sql driver "pooled" does.
//
//	pooled demo              on an embedded database: no server, no network, no flags
//	pooled demo --dsn DSN    on a database of yours
//	pooled doctor DSN        examines the DSN, its options, the server and what is between
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/cmd/pooled/internal/demo"
	"github.com/pooled-go/pooled/cmd/pooled/internal/doctor"
)

func main() {
	// A first Ctrl-C ends what is under way and lets it clean up, a second one ends the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// command is a subcommand. Its run writes results to stdout and returns what went wrong; a *cli.UsageError if it was
// called in a wrong way.
type command struct {
	name, doc string
	run       func(ctx context.Context, args []string, stdout io.Writer) error
}

var commands = []command{
	{"demo", "show on a real database what pooled does, beside the bare driver", demo.Run},
	{"doctor", "examine a DSN, its server and what is between", doctor.Run},
}

// run is the whole program: it returns the exit code, which is 0, 1 for an error, or 2 for a mistake on the command
// line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return 2
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(stdout)
		return 0
	}
	for _, c := range commands {
		if c.name == args[0] {
			return cli.Report(c.name, c.run(ctx, args[1:], stdout), stderr)
		}
	}
	fmt.Fprintf(stderr, "pooled: unknown command%s\n\n", cli.ShownArg(args[0]))
	usage(stderr)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprint(w, "pooled: a connection pool for every database/sql driver\n\nusage:\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  pooled %-6s %s\n", c.name, c.doc)
	}
	fmt.Fprint(w, "  pooled help   this text\n\npooled COMMAND -h says more.\n")
}
