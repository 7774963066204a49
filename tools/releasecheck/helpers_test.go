package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// newRepository makes a git repository of these files, with one commit.
func newRepository(t *testing.T, files map[string]string) repository {
	t.Helper()
	dir := t.TempDir()
	fresh := repository{root: dir}
	mustGit(t, fresh, "init", "-q")
	writeFiles(t, dir, files)
	commit(t, fresh)
	r, err := openRepository(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(files[name]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func mustGit(t *testing.T, r repository, args ...string) {
	t.Helper()
	if _, err := r.git(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, r repository) {
	t.Helper()
	mustGit(t, r, "add", "-A")
	mustGit(t, r, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "-m", "change")
}

// releaseOf is the release of what a repository has now, about to be tagged or not.
func releaseOf(t *testing.T, root, version string, tagging bool) *release {
	t.Helper()
	r, err := openRepository(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	u, err := newUser(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &release{repository: r, version: version, tagging: tagging, user: u, out: io.Discard}
}
