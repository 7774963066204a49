// Command pooled is a tool for users of the database/sql driver "pooled": it shows what the driver does, examines a
// database and the connection to it, explains a DSN, and watches the pools of a running program.
//
//	pooled demo           the bare driver and pooled side by side, on an embedded database
//	pooled doctor DSN     what is wrong with the DSN, its options, the server and what is in between
//	pooled parse DSN      what pooled reads in the DSN, and what reaches the driver
//	pooled top URL        the pools of a running program, in a terminal
//	pooled version        which version this is
//
// docs/cli.md says more, as does pooled help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/cmd/pooled/internal/demo"
	"github.com/pooled-go/pooled/cmd/pooled/internal/doctor"
	"github.com/pooled-go/pooled/cmd/pooled/internal/parse"
	"github.com/pooled-go/pooled/cmd/pooled/internal/top"
	"github.com/pooled-go/pooled/cmd/pooled/internal/version"
)

func main() {
	// A first Ctrl-C ends what is under way and lets it clean up, a second one ends the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args []string, s cli.Streams) int {
	return cli.Run(ctx, args, s, demo.Command(), doctor.Command(), parse.Command(), top.Command(), version.Command())
}
