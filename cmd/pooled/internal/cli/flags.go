package cli

import (
	"errors"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pooled-go/pooled/internal/spelling"
)

// mostSlips is how many letters may be wrong in a name that was meant.
const mostSlips = 2

// flagError says which flag is wrong, and never its value: that may be a DSN or a piece of one.
func flagError(c *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case errors.As(err, &unknown):
		return unknownFlag(c, unknown)
	case errors.As(err, &missing):
		return Mistake("--%s has no value: want %s", missing.GetFlag().Name, wanted(missing.GetFlag()))
	case errors.As(err, &invalid):
		return Mistake("--%s: want %s", invalid.GetFlag().Name, wanted(invalid.GetFlag()))
	}
	return Mistake("wrong flag: %s", seeHelp(c))
}

// unknownFlag shows a name that was meant for a flag, and not a piece of a password that happens to begin with a dash.
func unknownFlag(c *cobra.Command, err *pflag.NotExistError) error {
	name, dashes := err.GetSpecifiedName(), "--"
	letter := false // alone, and so no piece of a password
	if short := err.GetSpecifiedShortnames(); short != "" {
		name, _, _ = strings.Cut(short, "=")
		dashes, letter = "-", len(name) == 1
	}
	near := nearestFlag(c, name)
	switch {
	case name == "dsn" && c.Flags().Lookup("dsn-file") != nil:
		return Mistake("there is no flag %sdsn: write the DSN as an argument, as in pooled %s DSN", dashes, c.Name())
	case !plainFlag.MatchString(name) || dashes == "-" && near != name && !letter:
		return Mistake("there is no such flag: %s", seeHelp(c))
	case near != "":
		return Mistake("there is no flag %s%s: did you mean --%s?", dashes, name, near)
	}
	return Mistake("there is no flag %s%s: %s", dashes, name, seeHelp(c))
}

var plainFlag = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

func seeHelp(c *cobra.Command) string { return `"` + c.CommandPath() + ` -h" lists the flags` }

// nearestFlag is the flag that was probably meant, or "".
func nearestFlag(c *cobra.Command, name string) (nearest string) {
	least := mostSlips + 1
	c.Flags().VisitAll(func(f *pflag.Flag) {
		d := spelling.Distance(name, f.Name)
		if name != "" && strings.HasPrefix(f.Name, name) {
			d = min(d, 1)
		}
		if d < least && !f.Hidden && d < len(f.Name)/2+1 {
			nearest, least = f.Name, d
		}
	})
	return nearest
}

// wanted is what the value of a flag has to be.
func wanted(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "no value"
	case "int":
		return "a number"
	case "duration":
		return "a duration, such as 500ms or 2s"
	}
	name, _ := pflag.UnquoteUsage(f)
	return name
}
