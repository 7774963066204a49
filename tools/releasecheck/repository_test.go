package main

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// project is a repository of the modules of this one, without packages.
func project() map[string]string {
	files := map[string]string{
		"go.mod":  "module " + library + "\n\ngo 1.26.0\n",
		"go.work": "go 1.26.0\n\nuse .\n\n// Not released yet.\nreplace " + library + " v0.1.0 => ./\n",
		"CHANGELOG.md": "# Changelog\n\nAn entry goes under Unreleased.\n\n## Unreleased\n\n- All of it.\n\n" +
			"## 0.0.1 - 2026-01-02\n\n- A beginning.\n",
	}
	for _, m := range modules[1:] {
		files[m.dir+"/go.mod"] = "module " + modulePath(m.dir) + "\n\ngo 1.26.0\n\nrequire (\n\texample.com/a v1.0.0\n\t" +
			library + " v0.1.0\n)\n"
	}
	files["tools/go.mod"] = "module " + library + "/tools\n\ngo 1.26.0\n"
	return files
}

func setVersion(t *testing.T, root, version string) (string, error) {
	t.Helper()
	script, err := filepath.Abs("../../scripts/set-version")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), script, version)
	cmd.Env = append(os.Environ(), "ROOT="+root)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The way to a release: set the version, commit, check, tag.
func TestSetVersion(t *testing.T) {
	repo := newRepository(t, project())
	check := func(version string) error {
		r := &release{repository: repo, version: version, tagging: version != ""}
		have, err := r.checkVersions()
		if err == nil && version == "" && have == "" {
			t.Error("have no version")
		}
		return err
	}
	if err := check(""); err != nil {
		t.Errorf("before: %v", err)
	}
	if err := check("v0.2.0"); err == nil || !strings.Contains(err.Error(), "metrics/go.mod has v0.1.0, want v0.2.0") {
		t.Errorf("before: have %v, want what go.mod files have", err)
	}
	if out, err := setVersion(t, repo.root, "v0.2.0"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := check("v0.2.0"); err == nil || !strings.Contains(err.Error(), "these are not committed") {
		t.Errorf("have %v, want what is not committed", err)
	}
	commit(t, repo)
	if err := check("v0.2.0"); err != nil {
		t.Errorf("after: %v", err)
	}
	mustGit(t, repo, "tag", "metrics/v0.2.0")
	if err := check("v0.2.0"); err == nil || !strings.Contains(err.Error(), "the tag metrics/v0.2.0 exists") {
		t.Errorf("have %v, want the tag", err)
	}
	text, err := os.ReadFile(filepath.Join(repo.root, "CHANGELOG.md"))
	if err != nil || !strings.Contains(string(text), "## Unreleased\n\n## 0.2.0 - 20") {
		t.Errorf("CHANGELOG.md: have %q, %v", text, err)
	}
	for _, version := range []string{"v0.2.0", "0.3.0", "v0.3", "v0.3.0-rc.1", "v01.0.0", "v2.0.0", ""} {
		if out, err := setVersion(t, repo.root, version); err == nil {
			t.Errorf("scripts/set-version %q: have %q, want it refused", version, out)
		}
	}
	if changed, err := repo.git(t.Context(), "status", "--porcelain"); err != nil || changed != "" {
		t.Errorf("what was refused has changed %q, %v", changed, err)
	}
}

func TestCheckVersions(t *testing.T) {
	for name, tt := range map[string]struct{ file, old, new, fault string }{
		"replace":  {"metrics/go.mod", ")\n", ")\n\nreplace " + library + " => ../\n", "metrics/go.mod has replace"},
		"version":  {"bench/go.mod", "v0.1.0", "v0.1.1", "bench/go.mod has v0.1.1, want v0.1.0"},
		"none":     {"browser/go.mod", library + " v0.1.0", "example.com/b v1.0.0", "browser/go.mod has , want v0.1.0"},
		"work":     {"go.work", "v0.1.0", "v0.0.9", "go.work has v0.0.9, want v0.1.0"},
		"root":     {"go.mod", "1.26.0\n", "1.26.0\n\nreplace example.com/a => ../a\n", "go.mod has replace"},
		"excluded": {"cmd/pooled/go.mod", ")\n", ")\n\nexclude example.com/a v1.1.0\n", "cmd/pooled/go.mod has replace or"},
	} {
		files := maps.Clone(project())
		files[tt.file] = strings.Replace(files[tt.file], tt.old, tt.new, 1)
		r := &release{repository: newRepository(t, files)}
		if _, err := r.checkVersions(); err == nil || !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: have %v, want %q", name, err, tt.fault)
		}
	}
}

// What is checked is what would be tagged, with what is not committed yet.
func TestOpenRepository(t *testing.T) {
	repo := newRepository(t, project())
	writeFiles(t, repo.root, map[string]string{"CHANGELOG.md": "changed"})
	changed, err := openRepository(t.Context(), repo.root)
	if err != nil {
		t.Fatal(err)
	}
	if have, err := changed.file(t.Context(), "CHANGELOG.md"); err != nil || have != "changed" {
		t.Errorf("have %q, %v, want the file as it is", have, err)
	}
	shallow := t.TempDir()
	mustGit(t, repo, "clone", "-q", "--depth=1", "file://"+repo.root, shallow)
	r := releaseOf(t, shallow, "v0.1.0", false)
	if _, err := r.checkAPI(t.Context()); !errors.Is(err, errNotDone) {
		t.Errorf("have %v, want that a shallow clone has no tags to compare with", err)
	}
	r.tagging = true
	if _, err := r.checkVersions(); err == nil || !strings.Contains(err.Error(), "fetch --unshallow") {
		t.Errorf("have %v, want a shallow clone refused", err)
	}
}
