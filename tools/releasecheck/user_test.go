package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// What the machine is set to does not reach the user, who has nothing of the checkout and leaves nothing in its cache.
func TestUserEnvironment(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", filepath.Join(t.TempDir(), "go.work"))
	t.Setenv("GOPRIVATE", library)
	t.Setenv("GONOSUMDB", "example.com")
	t.Setenv("GOPROXY", "https://proxy.example")
	t.Setenv("GOMODCACHE", "/machine/cache")
	dir := t.TempDir()
	u, err := newUser(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"env", "GOFLAGS", "GOWORK", "GOPRIVATE", "GOMODCACHE", "GOPROXY", "GONOSUMDB"}
	out, err := u.command(t.Context(), dir, "go", names...)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"-modcacherw -trimpath -buildvcs=false", "off", "", filepath.Join(dir, "cache"),
		fileURL(u.proxy()) + ",file:///machine/cache/cache/download,https://proxy.example", "example.com," + library,
	}, "\n") + "\n"
	if out != want {
		t.Errorf("have\n%s\nwant\n%s", out, want)
	}
}

func TestProxyCannotBeReached(t *testing.T) {
	u, err := newUser(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const unheard = "http://127.0.0.1:1"
	env := []string{"GOPROXY=" + unheard, "GONOSUMDB=*"}
	_, err = u.commandEnv(t.Context(), env, u.dir, "go", "mod", "download", "example.com/a@v1.0.0")
	if err == nil || !strings.HasPrefix(err.Error(), "the module proxy or its checksum database cannot be reached") {
		t.Errorf("have %v, want that the proxy cannot be reached", err)
	}
}
