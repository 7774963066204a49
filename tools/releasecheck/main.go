// Command releasecheck tries the released modules of this repository as their users will have them: from a module
// proxy, outside of the checkout. It is make release-check; CONTRIBUTING.md says when to run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	version := flag.String("version", "", "the `version` that is about to be tagged; none: the tree as it is")
	root := flag.String("root", ".", "the repository")
	writeLicences := flag.Bool("write-licences", false, "write "+licencesFile+" and do nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *version, *writeLicences, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release-check:", err)
		stop()
		os.Exit(1)
	}
}

// release is what is checked.
type release struct {
	repository
	version string // what go.mod files require of the library
	tagging bool   // it is about to be tagged
	user    *user
	out     io.Writer
}

func run(ctx context.Context, root, version string, writeLicences bool, out io.Writer) (err error) {
	repo, err := openRepository(ctx, root)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "pooled-release-check-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	r := &release{repository: repo, version: version, tagging: version != "", out: out}
	if r.version, err = r.checkVersions(); err != nil {
		return err
	}
	if r.user, err = newUser(ctx, temp); err != nil {
		return err
	}
	if err := r.publish(ctx); err != nil {
		return err
	}
	if writeLicences {
		text, err := r.licences(ctx)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(r.root, filepath.FromSlash(licencesFile)), []byte(text), 0o644)
	}
	fmt.Fprintf(out, "release-check of %s, from %s\n", r.version, r.described)
	return runChecks(ctx, out, r.checks())
}

// check returns what it has to say, and what is wrong.
type check struct {
	name string
	do   func(context.Context) (said string, err error)
}

func (r *release) checks() []check {
	return []check{
		{"zips hold what belongs into them", r.checkZips},
		{"go get of the library, a program runs", r.checkLibrary},
		{"go get of metrics, a program runs", r.checkMetrics},
		{"go install of the command", r.checkCommand},
		{"modules build and vet, outside of the checkout", r.checkModules},
		{"licences of dependencies", r.checkLicences},
		{"API, compared with the last release", r.checkAPI},
		{"known vulnerabilities", r.checkVulnerabilities},
	}
}

// errNotDone is why a check could not be done. It does not fail, and does not pass as ok.
var errNotDone = errors.New("not done")

// runChecks runs each check, also after one has failed.
func runChecks(ctx context.Context, out io.Writer, checks []check) error {
	failed := 0
	for _, c := range checks {
		began := time.Now()
		said, err := c.do(ctx)
		took := time.Since(began).Round(time.Second / 10)
		state := "ok      "
		switch {
		case errors.Is(err, errNotDone):
			state = "NOT DONE"
		case err != nil:
			state = "FAIL    "
			failed++
		}
		if err != nil {
			said += err.Error()
		}
		fmt.Fprintf(out, "%s  %s (%v)\n%s", state, c.name, took, indented(said))
	}
	if failed > 0 {
		return fmt.Errorf("%d of the checks failed, see above", failed)
	}
	return nil
}

// indented is text below a check.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("          " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
