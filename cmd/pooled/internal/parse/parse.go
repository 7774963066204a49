// Package parse is the command pooled parse: it shows how pooled reads a DSN, and what it passes to the driver. It
// connects to nothing, and opens no file but the one that the DSN is in.
//
// No text of it shows a password.
package parse

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// Command is the command pooled parse.
func Command() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "parse [DSN]",
		Short: "show what pooled reads in a DSN, and what is passed to the driver",
		Long: "Shows how a DSN is understood: its form, the driver, what is passed to the driver, and each option " +
			"of the pool with its value and where that comes from. Passwords are masked. It connects to nothing.\n\n" +
			"A wrong DSN is an error, the same as that of sql.Open.",
		Example: `pooled parse "postgres://scott@localhost/shop?pool_max_conns=10"
pooled parse --dsn-file dsn.txt --json
printenv DSN | pooled parse -`,
	}
	from := cli.TakeDSN(c, "")
	c.Flags().BoolVar(&asJSON, "json", false, "write it as JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		dsn, err := from.DSN(c, args)
		if err != nil {
			return err
		}
		r, err := read(dsn)
		if err != nil {
			return dsn.Explain(err)
		}
		if asJSON {
			return cli.WriteJSON(c.OutOrStdout(), r)
		}
		return r.print(c.OutOrStdout())
	}
	return c
}

// print writes the report for people.
func (r *report) print(w io.Writer) error {
	p := cli.NewPage(w)
	p.Line("%s%s", r.DSN, r.From.Note())
	p.Line("")
	p.Line("   form      %s", r.Form)
	p.Line("   driver    %s%s", r.Driver, r.aboutDriver())
	if len(r.Hosts) == 1 {
		p.Line("   its DSN   %s", r.Hosts[0].DriverDSN)
	}
	for i, h := range r.Hosts {
		if len(r.Hosts) > 1 {
			p.Line("   host %d    %s: %s", i+1, h.Name, h.DriverDSN)
		}
	}
	p.Line("")
	rows := [][]string{{"option", "value", "from"}}
	for _, set := range []bool{true, false} { // what was set comes first
		for _, o := range r.Options {
			if set == (o.Origin != originDefault) {
				rows = append(rows, []string{o.Key, cmp.Or(o.Value, "(empty)"), o.from()})
			}
		}
	}
	p.Table(rows)
	if len(r.Warnings) > 0 {
		p.Line("")
	}
	for _, w := range r.Warnings {
		p.Finding("warning", w.ID, w.Text, w.Change)
	}
	return p.Err()
}

// aboutDriver says which program has the driver.
func (r *report) aboutDriver() string {
	switch {
	case r.anySQLite:
		return ", or sqlite3 if your program has that one"
	case !r.BuiltIn:
		return " (not built into this command; your program must import it)"
	}
	return ""
}

// from is where the value comes from, for people.
func (shown option) from() string {
	switch {
	case shown.Origin == originImplied:
		return "implied by " + shown.By
	case shown.By != "":
		return fmt.Sprintf("%s, as %s", shown.Origin, shown.By)
	}
	return string(shown.Origin)
}
