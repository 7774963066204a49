// Package version is the command pooled version: it shows the version of the program, how it was built, and which
// drivers it contains.
package version

import (
	"cmp"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// Command is the command pooled version.
func Command() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "say which version this is, and which drivers are in it",
		Long: "Says which version this is: of the program and of the library in it, of Go, and of the drivers that are " +
			"built in. A program that was built from a checkout has no version: it is devel, with the revision if the " +
			"build knew it.",
		Example: `pooled version
pooled version --json
pooled --version`,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write it as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		build, _ := debug.ReadBuildInfo() // always there: modules are on
		about := describe(build)
		if asJSON {
			return cli.WriteJSON(c.OutOrStdout(), about)
		}
		return about.print(c.OutOrStdout())
	}
	return c
}

const (
	devel   = "devel"
	library = "github.com/pooled-go/pooled"
	program = library + "/cmd/pooled"
)

// drivers are those that doctor and demo import, by their modules.
var drivers = []driver{
	{Name: "mysql", Module: "github.com/go-sql-driver/mysql"},
	{Name: "postgres", Module: "github.com/lib/pq"},
	{Name: "sqlite", Module: "modernc.org/sqlite"},
}

type driver struct {
	Name    string `json:"name"` // for sql.Open
	Module  string `json:"module"`
	Version string `json:"version"`
}

// about is the JSON, too: docs/cli.md has its fields.
type about struct {
	Version  string   `json:"version"`
	Revision string   `json:"revision"` // empty: not known
	Modified bool     `json:"modified"` // the checkout had changes that are in no revision
	Library  string   `json:"library"`
	Go       string   `json:"go"`
	OS       string   `json:"os"`
	Arch     string   `json:"arch"`
	Drivers  []driver `json:"drivers"`
}

func describe(build *debug.BuildInfo) about {
	a := about{Version: devel, Library: devel, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	checkout := false
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			a.Revision, checkout = s.Value, true
		case "vcs.modified":
			a.Modified = s.Value == "true"
		}
	}
	if build.Main.Path == program && !checkout {
		a.Version = released(build.Main)
	}
	for _, module := range build.Deps {
		if module.Path == library {
			a.Library = released(*module)
		}
	}
	for _, d := range drivers {
		for _, module := range build.Deps {
			if module.Path == d.Module {
				d.Version = cmp.Or(module.Version, devel)
			}
		}
		a.Drivers = append(a.Drivers, d)
	}
	return a
}

// released is the version of a module, or devel if it is that of a checkout: such as one that a workspace puts in the
// place of the module.
func released(module debug.Module) string {
	if module.Replace != nil || module.Version == "" || module.Version == "(devel)" {
		return devel
	}
	return module.Version
}

func (a about) print(w io.Writer) error {
	p := cli.NewPage(w)
	state := ""
	if a.Revision != "" {
		state = " (revision " + a.Revision
		if a.Modified {
			state += ", modified"
		}
		state += ")"
	}
	p.Line("pooled %s%s", a.Version, state)
	rows := [][]string{
		{"library", library + " " + a.Library},
		{"built with", a.Go + " for " + a.OS + "/" + a.Arch},
	}
	for _, d := range a.Drivers {
		rows = append(rows, []string{"driver " + d.Name, d.Module + " " + d.Version})
	}
	p.Table(rows)
	return p.Err()
}
