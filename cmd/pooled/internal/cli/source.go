package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pooled-go/pooled/internal/dsn"
)

// DSN is a data source name, and where it comes from.
type DSN struct {
	Text string
	From From
}

// From says where a DSN comes from. The words are part of the JSON.
type From string

const (
	FromArgument From = "argument"
	FromStdin    From = "standard input"
	FromFile     From = "--dsn-file"
	FromEnv      From = envName
	FromDefault  From = "default"
)

const envName = "DATABASE_URL"

// Note is where the DSN comes from, in brackets after a blank; empty if it is plain to see.
func (f From) Note() string {
	if f == FromArgument || f == FromDefault {
		return ""
	}
	return " (DSN from " + string(f) + ")"
}

// Masked is the DSN without its password.
func (d DSN) Masked() string { return dsn.Mask(d.Text) }

// Explain adds to an error where the DSN comes from, if that is not plain to see.
func (d DSN) Explain(err error) error {
	if note := d.From.Note(); err != nil && note != "" {
		return fmt.Errorf("%w%s", err, note)
	}
	return err
}

// mostLine is how long a DSN may be that is read.
const mostLine = 64 << 10

// Parts of the help of each command that takes a DSN.
const (
	dsnHelp = "DSN is any that sql.Open(\"pooled\", DSN) takes. Give it as the argument, or as - for the first line of " +
		"standard input, or by --dsn-file for the first line of a file."
	envHelp = " If none of these is given, it is the environment variable " + envName + "."
	psHelp  = "\n\nOthers can see an argument in ps, and the history of the shell keeps it: give a DSN with a password " +
		"in another way."
)

// DSNFlags are the flags that say where a DSN comes from.
type DSNFlags struct {
	file      string
	otherwise string
}

// TakeDSN makes a command one that takes a DSN as its argument, or in one of the other ways. otherwise is used if there
// is none. If that is empty, DATABASE_URL is used, and without it the command line is wrong.
func TakeDSN(c *cobra.Command, otherwise string) *DSNFlags {
	f := &DSNFlags{otherwise: otherwise}
	c.Flags().StringVar(&f.file, "dsn-file", "", "read the DSN from the first line of `FILE`")
	c.Long += "\n\n" + dsnHelp
	if otherwise == "" {
		c.Long += envHelp
	}
	c.Long += psHelp
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveDefault // a file: SQLite's DSN is one
	}
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("want one DSN, have %d arguments: put it in quotes", len(args))
		}
		return nil
	}
	return f
}

// DSN is the one that was given. No error shows any of it, nor the name of a file: that may be a DSN in the wrong
// place.
func (f *DSNFlags) DSN(c *cobra.Command, args []string) (DSN, error) {
	file := c.Flags().Changed("dsn-file")
	switch {
	case len(args) > 0 && file:
		return DSN{}, Mistake("have a DSN as an argument and --dsn-file: give one of them")
	case len(args) > 0 && args[0] == "-":
		text, err := firstLine(c.Context(), c.InOrStdin())
		return DSN{text, FromStdin}, fromError("standard input", err)
	case len(args) > 0:
		return DSN{args[0], FromArgument}, nil
	case file:
		text, err := f.read(c.Context())
		return DSN{text, FromFile}, fromError("--dsn-file", err)
	case f.otherwise != "":
		return DSN{f.otherwise, FromDefault}, nil
	case os.Getenv(envName) != "":
		return DSN{os.Getenv(envName), FromEnv}, nil
	}
	return DSN{}, Mistake("no DSN: give it as an argument, as - for standard input, by --dsn-file, or in %s", envName)
}

func (f *DSNFlags) read(ctx context.Context) (string, error) {
	file, err := os.Open(f.file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("there is no such file: write the name of a file that has the DSN in its first line")
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	return firstLine(ctx, file)
}

// fromError says what could not be read, without the name that an error of a file has.
func fromError(from string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if err != nil {
		return fmt.Errorf("read the DSN from %s: %w", from, err)
	}
	return nil
}

// firstLine reads until the line ends. A context that ends first doesn't wait for the rest.
func firstLine(ctx context.Context, r io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(r, mostLine+1)).ReadString('\n')
		if err == io.EOF {
			err = nil
		}
		done <- result{strings.TrimRight(line, "\r\n"), err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case got := <-done:
		switch {
		case got.err != nil:
			return "", got.err
		case got.line == "":
			return "", errors.New("its first line is empty")
		case len(got.line) > mostLine:
			return "", fmt.Errorf("its first line is longer than %d bytes", mostLine)
		}
		return got.line, nil
	}
}
