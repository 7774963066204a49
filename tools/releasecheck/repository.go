package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

const library = "github.com/pooled-go/pooled"

// modules are those of the repository by their folders. Only those that are released get tags.
var modules = []struct {
	dir      string
	released bool
}{
	{".", true}, {"cmd/pooled", true}, {"metrics", true},
	{"bench", false}, {"browser", false}, {"integration", false},
}

func modulePath(dir string) string { return path.Join(library, dir) }

// tagName is the tag of a module's version: metrics/v0.1.0.
func tagName(dir, version string) string { return path.Join(dir, version) }

// repository is a git checkout.
type repository struct {
	root      string
	commit    string // what is checked
	described string
}

func openRepository(ctx context.Context, root string) (repository, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return repository{}, err
	}
	r := repository{root: abs}
	// A checkout may belong to another account. git and x/mod/zip, which calls it, refuse that without this.
	for key, value := range map[string]string{
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": abs,
	} {
		if err := os.Setenv(key, value); err != nil {
			return r, err
		}
	}
	// A commit of the tree with what has changed in it, that no branch has; empty if nothing has changed.
	if r.commit, err = r.git(ctx, "-c", "user.name=release-check", "-c", "user.email=", "stash", "create"); err != nil {
		return r, err
	}
	r.described = "the tree, with what is not committed (but not files that git does not know)"
	if r.commit == "" {
		if r.commit, err = r.git(ctx, "rev-parse", "HEAD"); err != nil {
			return r, err
		}
		r.described = "commit " + r.commit[:12]
	}
	return r, nil
}

// git runs a command in the repository and returns what it printed.
func (r repository) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", r.root}, args...)...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("git %s: %w: %s", args[0], err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// file reads a file of the commit.
func (r repository) file(ctx context.Context, name string) (string, error) {
	return r.git(ctx, "show", r.commit+":"+name)
}

const lacksTags = "this clone may lack tags: get them by git fetch --unshallow --tags"

// shallow tells whether the clone may lack tags.
func (r repository) shallow(ctx context.Context) (bool, error) {
	answer, err := r.git(ctx, "rev-parse", "--is-shallow-repository")
	return answer == "true", err
}

// lastRelease is the highest version of a module's tags, before one; empty if there is none.
func (r repository) lastRelease(ctx context.Context, dir, before string) (string, error) {
	tags, err := r.git(ctx, "tag", "--list", tagName(dir, "v*"))
	if err != nil {
		return "", err
	}
	last := ""
	for tag := range strings.FieldsSeq(tags) {
		version := strings.TrimPrefix(strings.TrimPrefix(tag, dir), "/")
		valid := semver.IsValid(version) && semver.Prerelease(version) == "" && !strings.Contains(version, "/")
		if valid && (before == "" || semver.Compare(version, before) < 0) && semver.Compare(version, last) > 0 {
			last = version
		}
	}
	return last, nil
}

// checkVersions returns the version that all go.mod files and go.work agree on, none of which replaces anything (but
// for go.work, which is of the checkout alone).
func (r *release) checkVersions() (string, error) {
	want, faults := r.version, []error(nil)
	agree := func(file, version string) {
		if want == "" {
			want = version
		}
		if version != want {
			faults = append(faults, fmt.Errorf("%s has %s, want %s: scripts/set-version writes it", file, version, want))
		}
	}
	for _, m := range modules {
		name := path.Join(m.dir, "go.mod")
		mod, err := readMod(filepath.Join(r.root, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		if len(mod.Replace)+len(mod.Exclude) > 0 {
			faults = append(faults, fmt.Errorf("%s has replace or exclude, which users of the module do not get", name))
		}
		if m.dir != "." {
			agree(name, required(mod))
		}
	}
	text, err := os.ReadFile(filepath.Join(r.root, "go.work"))
	if err != nil {
		return "", err
	}
	work, err := modfile.ParseWork("go.work", text, nil)
	if err != nil {
		return "", err
	}
	for _, replace := range work.Replace {
		agree("go.work", replace.Old.Version)
	}
	if err := module.Check(library, want); err != nil {
		faults = append(faults, err)
	}
	if r.tagging {
		faults = append(faults, r.checkTagging(want)...)
	}
	return want, errors.Join(faults...)
}

func readMod(file string) (*modfile.File, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(file, text, nil)
}

// required is the version of the library that a module requires.
func required(mod *modfile.File) string {
	for _, r := range mod.Require {
		if r.Mod.Path == library {
			return r.Mod.Version
		}
	}
	return ""
}

// checkTagging holds the repository to what is asked of a commit that gets the tags of a version.
func (r *release) checkTagging(version string) (faults []error) {
	ctx := context.Background()
	shallow, err := r.shallow(ctx)
	if shallow {
		err = errors.New(lacksTags)
	}
	changed, errStatus := r.git(ctx, "status", "--porcelain")
	if err := errors.Join(err, errStatus); err != nil {
		return []error{err}
	}
	if changed != "" {
		faults = append(faults, fmt.Errorf("a release is a commit, and these are not committed:\n%s", changed))
	}
	changelog, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return append(faults, err)
	}
	heading := regexp.MustCompile(`(?m)^## ` + regexp.QuoteMeta(strings.TrimPrefix(version, "v")) + ` - \d{4}-\d\d-\d\d$`)
	if !heading.Match(changelog) {
		faults = append(faults, fmt.Errorf("CHANGELOG.md has no section of %s: scripts/set-version writes it", version))
	}
	for _, m := range modules {
		tag := tagName(m.dir, version)
		if known, err := r.git(ctx, "tag", "--list", tag); err != nil || known != "" {
			faults = append(faults, errors.Join(err, fmt.Errorf("the tag %s exists: a version is released once", tag)))
		}
	}
	return faults
}
