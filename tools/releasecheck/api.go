package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/mod/semver"
	"golang.org/x/tools/go/packages"
)

// checkAPI compares what programs can import with that of the last release.
func (r *release) checkAPI(ctx context.Context) (string, error) {
	if shallow, err := r.shallow(ctx); err != nil || shallow {
		return "", cmp.Or(err, fmt.Errorf("%w: %s", errNotDone, lacksTags))
	}
	var said strings.Builder
	var faults []error
	for _, m := range modules {
		if !m.released {
			continue
		}
		text, err := r.compareAPI(ctx, m.dir)
		fmt.Fprintf(&said, "%s: %s\n", modulePath(m.dir), text)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", modulePath(m.dir), err))
		}
	}
	return said.String(), errors.Join(faults...)
}

func (r *release) compareAPI(ctx context.Context, dir string) (string, error) {
	before := ""
	if r.tagging {
		before = r.version
	}
	last, err := r.lastRelease(ctx, dir, before)
	if err != nil {
		return "", err
	}
	if last == "" {
		return "not released before, there is nothing to compare with", nil
	}
	was, err := r.releasedAPI(ctx, dir, last)
	if err != nil {
		return "", err
	}
	is, err := r.api(ctx, dir, r.version)
	if err != nil {
		return "", err
	}
	changes := apidiff.ModuleChanges(was, is)
	least := leastVersion(last, changes)
	said := strings.TrimSpace(fmt.Sprintf("since %s: %s\n%s", last, least.because, changes))
	if !r.tagging {
		return said + "\nthe next version is at least " + least.version, nil
	}
	if semver.Compare(r.version, least.version) < 0 {
		return said, fmt.Errorf("%s, so that the version is at least %s, not %s:\n%s",
			least.because, least.version, r.version, changes.String())
	}
	return said, nil
}

// releasedAPI is that of a version that has been tagged. It has a user of its own: as long as the tree has no new
// version, both have the same number.
func (r *release) releasedAPI(ctx context.Context, dir, last string) (*apidiff.Module, error) {
	user, err := newUser(ctx, filepath.Join(r.user.dir, "past"))
	if err != nil {
		return nil, err
	}
	past := &release{repository: r.repository, version: last, user: user, out: r.out}
	for _, m := range slices.Compact([]string{".", dir}) {
		if err := past.publishAs(ctx, m, last, tagName(m, last)); err != nil {
			return nil, err
		}
	}
	return past.api(ctx, dir, last)
}

// api are the packages of a module that programs can import. Commands and internal packages are none.
func (r *release) api(ctx context.Context, dir, version string) (*apidiff.Module, error) {
	in, err := r.unpacked(ctx, dir, version)
	if err != nil {
		return nil, err
	}
	loaded, err := packages.Load(&packages.Config{
		Context: ctx, Dir: in, Env: r.user.env,
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps,
	}, "./...")
	if err != nil {
		return nil, err
	}
	m := &apidiff.Module{Path: modulePath(dir)}
	var faults []error
	for _, p := range loaded {
		for _, e := range p.Errors {
			faults = append(faults, e)
		}
		if p.Name != "main" && !strings.Contains(p.PkgPath+"/", "/internal/") && hasExported(p.Types) {
			m.Packages = append(m.Packages, p.Types)
		}
	}
	return m, errors.Join(faults...)
}

func hasExported(p *types.Package) bool {
	for _, name := range p.Scope().Names() {
		if p.Scope().Lookup(name).Exported() {
			return true
		}
	}
	return false
}

// least is the lowest version that may follow, and why.
type least struct{ version, because string }

// leastVersion goes by semantic versioning and docs/stability.md: before v1 a minor version may break programs.
func leastVersion(last string, changes apidiff.Report) least {
	var major, minor, patch int
	if _, err := fmt.Sscanf(semver.Canonical(last), "v%d.%d.%d", &major, &minor, &patch); err != nil {
		panic(fmt.Sprintf("release-check: %s is not a version: %v", last, err))
	}
	broken, added := 0, 0
	for _, c := range changes.Changes {
		if c.Compatible {
			added++
		} else {
			broken++
		}
	}
	switch {
	case broken > 0 && major > 0:
		return least{fmt.Sprintf("v%d.0.0", major+1), fmt.Sprintf("%d changes of the API are incompatible", broken)}
	case broken > 0:
		return least{fmt.Sprintf("v0.%d.0", minor+1), fmt.Sprintf("%d changes of the API are incompatible", broken)}
	case added > 0:
		return least{fmt.Sprintf("v%d.%d.0", major, minor+1), fmt.Sprintf("%d additions to the API", added)}
	}
	return least{fmt.Sprintf("v%d.%d.%d", major, minor, patch+1), "the API is the same"}
}
