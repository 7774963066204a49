package main

import (
	"strings"
	"testing"

	"golang.org/x/exp/apidiff"
)

const (
	apiBefore = "package pooled\n\n// Open opens.\nfunc Open(name string) error { return nil }\n"
	apiAdded  = apiBefore + "\n// Close closes.\nfunc Close() error { return nil }\n"
	apiBroken = "package pooled\n\n// Open opens.\nfunc Open(name, dsn string) error { return nil }\n"
)

// Two versions of a library: one is tagged, the other is in the tree.
func TestAPIComparedWithLastRelease(t *testing.T) {
	repo := newRepository(t, map[string]string{
		"go.mod": "module " + library + "\n\ngo 1.26.0\n", "pooled.go": apiBefore,
		"internal/inside/inside.go": "package inside\n\nfunc F() {}\n",
		"cmd/tool/main.go":          "package main\n\nfunc main() {}\n",
	})
	compare := func(version string, tagging bool) (string, error) {
		r := releaseOf(t, repo.root, version, tagging)
		if err := r.publishAs(t.Context(), ".", version, r.commit); err != nil {
			t.Fatal(err)
		}
		return r.compareAPI(t.Context(), ".")
	}
	if said, err := compare("v0.1.0", true); err != nil || !strings.Contains(said, "nothing to compare with") {
		t.Errorf("the first release: have %q, %v", said, err)
	}
	mustGit(t, repo, "tag", "v0.1.0")
	mustGit(t, repo, "tag", "v0.2.0-rc.1") // no release
	for _, tt := range []struct{ source, version, fault string }{
		{apiBefore, "v0.1.1", ""},
		{apiAdded, "v0.2.0", ""},
		{apiAdded, "v0.1.1", "1 additions to the API, so that the version is at least v0.2.0, not v0.1.1"},
		{apiBroken, "v0.2.0", ""},
		{apiBroken, "v0.1.1", "Open: changed from func(string) error to func(string, string) error"},
	} {
		// What is internal, and commands, are no API.
		writeFiles(t, repo.root, map[string]string{
			"pooled.go": tt.source, "internal/inside/inside.go": "package inside\n",
		})
		_, err := compare(tt.version, true)
		if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: have %v, want %q", tt.version, err, tt.fault)
		}
	}
	// The tree after a release, whose version is still in it.
	said, err := compare("v0.1.0", false)
	if want := "the next version is at least v0.2.0"; err != nil || !strings.Contains(said, want) {
		t.Errorf("have %q, %v, want %s", said, err, want)
	}
}

func TestLeastVersion(t *testing.T) {
	added, broken := apidiff.Change{Message: "added", Compatible: true}, apidiff.Change{Message: "removed"}
	for _, tt := range []struct {
		last    string
		changes []apidiff.Change
		want    string
	}{
		{"v0.1.0", nil, "v0.1.1"},
		{"v0.1.3", []apidiff.Change{added}, "v0.2.0"},
		{"v0.1.3", []apidiff.Change{added, broken}, "v0.2.0"},
		{"v1.2.3", nil, "v1.2.4"},
		{"v1.2.3", []apidiff.Change{added}, "v1.3.0"},
		{"v1.2.3", []apidiff.Change{broken, added}, "v2.0.0"},
	} {
		if have := leastVersion(tt.last, apidiff.Report{Changes: tt.changes}); have.version != tt.want {
			t.Errorf("%s, %v: have %s, want %s", tt.last, tt.changes, have.version, tt.want)
		}
	}
}
