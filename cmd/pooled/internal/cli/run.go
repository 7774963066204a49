package cli

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// Streams are what a program reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run is a whole program, made of its commands: it returns the exit code. One of the commands is "version".
func Run(ctx context.Context, args []string, s Streams, commands ...*cobra.Command) int {
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		// A shell that completes a command line shows no errors, and cobra's repeat what was typed.
		defer func(before *os.File) { os.Stderr = before }(os.Stderr)
		os.Stderr, s.Err = nil, io.Discard
	}
	root := newRoot(commands)
	root.SetArgs(append([]string{}, args...)) // nil would be os.Args
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	c, err := root.ExecuteContextC(ctx)
	name := ""
	if c != root {
		name = c.Name()
	}
	return Report(name, err, s.Err)
}

func newRoot(commands []*cobra.Command) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "pooled",
		Short: "pooled: a connection pool for every database/sql driver",
		Long:  "pooled: a connection pool for every database/sql driver",
		Args:  cobra.ArbitraryArgs, // runRoot looks at them: cobra's own error shows what may be a DSN
		RunE: func(c *cobra.Command, args []string) error {
			return runRoot(c, args, version)
		},
		SilenceErrors:              true, // Report says them, without showing an argument that may be a DSN
		SilenceUsage:               true,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
		SuggestionsMinimumDistance: mostSlips,
	}
	root.Flags().BoolVar(&version, "version", false, "the same as the command version")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { writeHelp(c, c.OutOrStdout()) })
	for _, c := range commands {
		c.Args = mistakes(c.Args)
		if c.ValidArgsFunction == nil {
			c.ValidArgsFunction = noCompletion
		}
		root.AddCommand(c)
	}
	root.AddCommand(completionCommand())
	root.SetHelpCommand(helpCommand())
	root.InitDefaultHelpCmd() // adds it
	for _, c := range append(root.Commands(), root) {
		c.Flags().BoolP("help", "h", false, "show this help")
	}
	return root
}

// noCompletion is for arguments of which nothing is known.
func noCompletion(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// mistakes makes the errors of a check of arguments mistakes on the command line. Without a check, no argument may be
// there.
func mistakes(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case check == nil && len(args) > 0:
			return Mistake("want no argument, have %d", len(args))
		case check == nil:
			return nil
		}
		if err := check(c, args); err != nil {
			return &UsageError{err}
		}
		return nil
	}
}

// runRoot is the program without a command that it knows.
func runRoot(root *cobra.Command, args []string, version bool) error {
	switch {
	case len(args) > 0:
		return unknownCommand(root, args[0])
	case version:
		for _, c := range root.Commands() {
			if c.Name() == "version" {
				return c.RunE(c, nil)
			}
		}
	}
	writeHelp(root, root.ErrOrStderr())
	return Mistake("no command")
}

// unknownCommand repeats only what is nearly a command: all else may be a DSN, or a password.
func unknownCommand(root *cobra.Command, name string) error {
	if near := root.SuggestionsFor(name); name != "" && len(near) > 0 {
		return Mistake("unknown command %q: did you mean %s?", name, strings.Join(near, " or "))
	}
	return Mistake(`unknown command: "pooled help" lists them; a DSN comes after one, as in pooled doctor DSN`)
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "show how to use the program or one of its commands",
		Long:  "Shows how to use the program or one of its commands. COMMAND -h does the same.",
		Example: `pooled help
pooled help doctor`,
		ValidArgsFunction: func(c *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, other := range c.Root().Commands() {
				if len(args) == 0 && !other.Hidden && strings.HasPrefix(other.Name(), begin) {
					names = append(names, cobra.CompletionWithDesc(other.Name(), other.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			about := c.Root()
			switch {
			case len(args) > 1:
				return Mistake("want one command, have %d arguments", len(args))
			case len(args) == 1:
				found, rest, err := c.Root().Find(args)
				if err != nil || len(rest) > 0 {
					return unknownCommand(c.Root(), args[0])
				}
				about = found
			}
			writeHelp(about, c.OutOrStdout())
			return nil
		},
	}
}
