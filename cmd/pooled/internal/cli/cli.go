// Package cli holds what the subcommands of pooled have in common: how a mistake on the command line and any other
// error are reported, a page of text for a terminal, and which database a DSN names.
//
// Nothing that goes through it does anything to a terminal, whatever a server or a driver said, and no text of it shows
// a password that was written where none belongs.
package cli

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/pooled-go/pooled/internal/visible"
)

// UsageError is a mistake on the command line.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// ShownArg is an argument that is wrong, behind a blank; or nothing, if it may be a DSN with its password.
func ShownArg(arg string) string {
	if !plainArg.MatchString(arg) {
		return ""
	}
	return fmt.Sprintf(" %q", arg)
}

var plainArg = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)

// Report writes the error of a subcommand in one line and returns the exit code: 0 without an error, 2 for a
// UsageError, 1 for any other.
func Report(subcommand string, err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	text := strings.TrimPrefix(err.Error(), "pooled: ")
	fmt.Fprintf(stderr, "pooled: %s: %s\n", subcommand, visible.Line(strings.ReplaceAll(text, "\n", "; ")))
	var mistake *UsageError
	if errors.As(err, &mistake) {
		return 2
	}
	return 1
}
