package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// checkVulnerabilities has govulncheck look whether the released modules call what is known to be vulnerable. A
// dependency of that kind fails. One of the standard library is said, since programs are built with a Go of their own.
func (r *release) checkVulnerabilities(ctx context.Context) (string, error) {
	tool := exec.CommandContext(ctx, "go", "tool", "-n", "govulncheck")
	tool.Dir, tool.Env = filepath.Join(r.root, "tools"), setEnv(tool.Environ(), "GOWORK=off")
	path, err := tool.Output()
	if err != nil {
		return "", fmt.Errorf("go tool -n govulncheck: %w", err)
	}
	govulncheck := strings.TrimSpace(string(path))
	database, from, err := r.vulnerabilityDatabase(ctx, govulncheck)
	if err != nil {
		return "", fmt.Errorf("%w: the vulnerability database cannot be had\n%w", errNotDone, err)
	}
	inModules, inGo := map[string]bool{}, map[string]bool{}
	for _, m := range modules {
		if !m.released {
			continue
		}
		in, err := r.unpacked(ctx, m.dir, r.version)
		if err != nil {
			return "", err
		}
		out, err := r.user.command(ctx, in, govulncheck, "-format=json", "-db="+database, "./...")
		if err != nil {
			return "", err
		}
		if err := addFindings(out, inModules, inGo); err != nil {
			return "", err
		}
	}
	said := "by " + from + "\n"
	for _, line := range slices.Sorted(maps.Keys(inGo)) {
		said += "of this Go's standard library, not of ours: " + line + "\n"
	}
	if len(inModules) > 0 {
		return said, errors.New(strings.Join(slices.Sorted(maps.Keys(inModules)), "\n"))
	}
	return said, nil
}

// vulnerabilityDatabase is Go's own, or the copy in the module golang.org/x/vulndb if only the module proxy can be
// reached.
func (r *release) vulnerabilityDatabase(ctx context.Context, govulncheck string) (url, from string, err error) {
	const official = "https://vuln.go.dev"
	in, err := r.unpacked(ctx, ".", r.version)
	if err != nil {
		return "", "", err
	}
	_, unreachable := r.user.command(ctx, in, govulncheck, "-format=json", "-scan=module", "-db="+official)
	if unreachable == nil {
		return official, official, nil
	}
	out, err := r.user.command(ctx, r.user.dir, "go", "mod", "download", "-json", "golang.org/x/vulndb@latest")
	if err != nil {
		return "", "", errors.Join(unreachable, err)
	}
	var copied struct{ Dir, Version string }
	if err := json.Unmarshal([]byte(out), &copied); err != nil {
		return "", "", err
	}
	return fileURL(filepath.Join(copied.Dir, "data", "osv")), "golang.org/x/vulndb " + copied.Version, nil
}

// finding is a line of govulncheck's JSON, as far as it is used.
type finding struct {
	Finding *struct {
		OSV          string `json:"osv"`
		FixedVersion string `json:"fixed_version"`
		Trace        []struct {
			Module, Version, Package, Function string
		} `json:"trace"`
	} `json:"finding"`
}

// addFindings takes those of functions that are called.
func addFindings(out string, inModules, inGo map[string]bool) error {
	messages := json.NewDecoder(strings.NewReader(out))
	for {
		var f finding
		if err := messages.Decode(&f); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("govulncheck's JSON: %w", err)
		}
		if f.Finding == nil || len(f.Finding.Trace) == 0 || f.Finding.Trace[0].Function == "" {
			continue
		}
		at := f.Finding.Trace[0]
		line := fmt.Sprintf("%s in %s, mended in %s", f.Finding.OSV, at.Package, f.Finding.FixedVersion)
		if at.Module == "stdlib" {
			inGo[line] = true
		} else {
			inModules[line+" of "+at.Module] = true
		}
	}
}
