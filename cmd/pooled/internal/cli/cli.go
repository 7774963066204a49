// Package cli holds what the commands of pooled share: the command line with its help and completion, error messages,
// reading a DSN, and printing text to a terminal.
//
// Nothing that goes through it does anything to a terminal, whatever a server or a driver said, and no text of it shows
// a password that was written where none belongs.
package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/pooled-go/pooled/internal/visible"
)

// The exit codes of every command.
const (
	ExitOK      = 0
	ExitError   = 1 // an error, or a problem that was found
	ExitMistake = 2 // on the command line
)

// UsageError is a mistake on the command line.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Mistake is a UsageError with a text.
func Mistake(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Report writes the error of a command in one line and returns the exit code. name is empty for the program itself.
func Report(name string, err error, stderr io.Writer) int {
	if err == nil {
		return ExitOK
	}
	text := strings.TrimPrefix(err.Error(), "pooled: ")
	if name != "" {
		text = name + ": " + text
	}
	Note(stderr, "%s", strings.ReplaceAll(text, "\n", "; "))
	var mistake *UsageError
	if errors.As(err, &mistake) {
		return ExitMistake
	}
	return ExitError
}

// Note writes a line to standard error.
func Note(stderr io.Writer, format string, args ...any) {
	fmt.Fprintf(stderr, "pooled: %s\n", visible.Line(fmt.Sprintf(format, args...)))
}

// Refused tells that nobody listens at an address. Windows has a number of its own for that, WSAECONNREFUSED.
func Refused(err error) bool {
	const onWindows = syscall.Errno(10061)
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, onWindows)
}
