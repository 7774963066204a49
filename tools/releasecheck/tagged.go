package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// unpacked is the folder of a module as its zip has it, outside of the checkout. The sums of the library, which are
// known when it is tagged, are in its go.sum.
func (r *release) unpacked(ctx context.Context, dir, version string) (string, error) {
	to := filepath.Join(r.user.dir, "unpacked", version, filepath.FromSlash(dir), "module")
	if exists(to) {
		return to, nil
	}
	in, err := r.proxyDir(dir)
	if err != nil {
		return "", err
	}
	of := module.Version{Path: modulePath(dir), Version: version}
	if err := modzip.Unzip(to, of, filepath.Join(in, version+".zip")); err != nil {
		return "", err
	}
	if dir == "." {
		return to, nil
	}
	mod := filepath.Join(to, "go.mod")
	before, err := os.ReadFile(mod)
	if err != nil {
		return "", err
	}
	if _, err := r.user.command(ctx, to, "go", "get", library+"@"+version); err != nil {
		return "", err
	}
	after, err := os.ReadFile(mod)
	if err == nil && !bytes.Equal(before, after) {
		err = fmt.Errorf("%s requires other versions than it gets with the library's %s: run make tidy", of.Path, version)
	}
	return to, err
}

// checkModules has each released module vetted, its tests too, which compiles all that they import. Of the others,
// which no user gets, it is enough that each package is found, until a version is about to be tagged: some take long.
func (r *release) checkModules(ctx context.Context) (string, error) {
	var faults []error
	for _, m := range modules {
		if err := r.checkModule(ctx, m.dir, m.released || r.tagging); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", modulePath(m.dir), err))
		}
	}
	return "", errors.Join(faults...)
}

func (r *release) checkModule(ctx context.Context, dir string, vetted bool) error {
	in, err := r.unpacked(ctx, dir, r.version)
	if err != nil {
		return err
	}
	if diff, err := r.user.command(ctx, in, "go", "mod", "tidy", "-diff"); err != nil {
		if strings.HasPrefix(diff, "diff ") {
			return fmt.Errorf("go.mod or go.sum is not tidy, run make tidy:\n%s", diff)
		}
		return err
	}
	if vetted {
		_, err = r.user.command(ctx, in, "go", "vet", "./...")
	} else {
		_, err = r.user.command(ctx, in, "go", "list", "-deps", "-test", "./...")
	}
	return err
}
