package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pooled-go/pooled/internal/visible"
)

// exitCodes are the same for every command.
const exitCodes = "Exit code: 0 ok, 1 an error or a problem found, 2 a mistake on the command line."

// writeHelp writes how a command is used, as wide as a terminal has room for.
func writeHelp(c *cobra.Command, w io.Writer) {
	width := min(Width(w), helpWidth)
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s\n\n", usageOf(c))
	for paragraph := range strings.SplitSeq(strings.TrimSpace(c.Long), "\n\n") {
		b.WriteString(Wrap(paragraph, width) + "\n\n")
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("commands:\n")
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				fmt.Fprintf(&b, "  %-10s  %s\n", sub.Name(), sub.Short)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("flags:\n" + c.LocalFlags().FlagUsagesWrapped(width) + "\n")
	if c.Example != "" {
		b.WriteString("examples:\n")
		for line := range strings.Lines(c.Example) {
			b.WriteString("  " + line)
		}
		b.WriteString("\n\n")
	}
	b.WriteString(Wrap(exitCodes, width) + "\n")
	if c.HasAvailableSubCommands() {
		b.WriteString("\npooled COMMAND -h says more.\n")
	}
	io.WriteString(w, visible.Text(b.String()))
}

// helpWidth is how wide a text of help is at most.
const helpWidth = 80

func usageOf(c *cobra.Command) string {
	if !c.HasParent() {
		return "pooled COMMAND [flags]"
	}
	return "pooled " + c.Use + " [flags]"
}
