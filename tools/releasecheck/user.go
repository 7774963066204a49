package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// user runs the go command as somebody else would: with the modules of the proxy, in folders outside of the checkout,
// and with a module cache that is thrown away, so that the cache of the machine never holds a version that was not
// released. What others have made comes from the machine's cache, or else from its proxy.
type user struct {
	dir string
	env []string
}

func newUser(ctx context.Context, dir string) (*user, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOPROXY", "GOMODCACHE", "GONOSUMDB").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	settings := strings.Split(string(out), "\n")
	u := &user{dir: dir}
	cached := fileURL(filepath.Join(settings[1], "cache", "download"))
	u.env = setEnv(os.Environ(),
		"GOWORK=off", "GO111MODULE=on", "GOPRIVATE=", "GONOPROXY=",
		"GOFLAGS=-modcacherw -trimpath -buildvcs=false",
		"GOMODCACHE="+filepath.Join(dir, "cache"),
		"GOBIN="+filepath.Join(dir, "bin"),
		"GOPROXY="+strings.Join([]string{fileURL(u.proxy()), cached, settings[0]}, ","),
		"GONOSUMDB="+strings.Trim(settings[2]+","+library, ","),
	)
	return u, nil
}

func (u *user) proxy() string { return filepath.Join(u.dir, "proxy") }

func fileURL(path string) string {
	path = filepath.ToSlash(path)
	return (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(path, "/")}).String()
}

// setEnv replaces variables.
func setEnv(env []string, set ...string) []string {
	return append(slices.DeleteFunc(slices.Clone(env), func(have string) bool {
		return slices.ContainsFunc(set, func(s string) bool {
			name, _, _ := strings.Cut(s, "=")
			return strings.HasPrefix(have, name+"=")
		})
	}), set...)
}

var unreachable = regexp.MustCompile(`no such host|dial tcp|i/o timeout|TLS handshake timeout|connection refused|` +
	`server misbehaving|network is unreachable`)

// command runs a program, and returns what it printed. Its error has all of it.
func (u *user) command(ctx context.Context, dir, name string, args ...string) (string, error) {
	return u.commandEnv(ctx, nil, dir, name, args...)
}

func (u *user) commandEnv(ctx context.Context, env []string, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, setEnv(u.env, env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	said := strings.TrimSpace(stdout.String() + stderr.String())
	err = fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, said)
	if unreachable.MatchString(said) {
		err = fmt.Errorf("the module proxy or its checksum database cannot be reached: try again with a network, or set "+
			"GOPROXY and GOSUMDB\n%w", err)
	}
	return stdout.String(), err
}

// program makes a module of a user with one file, and runs it with what a module of the proxy gives.
func (u *user) program(ctx context.Context, name, source, get string) (string, error) {
	dir := filepath.Join(u.dir, "programs", name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o666); err != nil {
		return "", err
	}
	for _, args := range [][]string{{"mod", "init", "example.com/" + name}, {"get", get}, {"get", "."}, {"vet", "."}} {
		if _, err := u.command(ctx, dir, "go", args...); err != nil {
			return "", err
		}
	}
	if mod, err := readMod(filepath.Join(dir, "go.mod")); err != nil || len(mod.Replace) > 0 {
		return "", errors.Join(err, errors.New("go get wrote a replace"))
	}
	return u.command(ctx, dir, "go", "run", ".")
}

const libraryProgram = `package main

import (
	"database/sql"
	"fmt"
	"log"

	"github.com/pooled-go/pooled"
	_ "modernc.org/sqlite"
)

func main() {
	db, err := sql.Open("pooled", "sqlite://?pool_size=2&pool_name=shop")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRow("SELECT 6 * 7").Scan(&n); err != nil {
		log.Fatal(err)
	}
	pool, _ := pooled.PoolOf(db)
	fmt.Println(n, pool.Name())
}
`

func (r *release) checkLibrary(ctx context.Context) (string, error) {
	have, err := r.user.program(ctx, "shop", libraryProgram, library+"@"+r.version)
	if want := "42 shop\n"; err == nil && have != want {
		err = fmt.Errorf("the program: have %q, want %q", have, want)
	}
	return "", err
}

const metricsProgram = `package main

import (
	"database/sql"
	"fmt"
	"log"

	"github.com/pooled-go/pooled/metrics"
	"github.com/pooled-go/pooled/metrics/prom"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
)

func main() {
	db, err := sql.Open("pooled", "postgres://localhost/shop?pool_name=shop")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	stop, err := metrics.Register(otel.GetMeterProvider())
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector())
	families, err := registry.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "pooled_connections_idle_max" {
			fmt.Println(f.GetMetric()[0].GetLabel()[0].GetValue(), f.GetMetric()[0].GetGauge().GetValue())
		}
	}
}
`

func (r *release) checkMetrics(ctx context.Context) (string, error) {
	have, err := r.user.program(ctx, "measured", metricsProgram, modulePath("metrics")+"@"+r.version)
	if want := "shop 5\n"; err == nil && have != want {
		err = fmt.Errorf("the program: have %q, want %q", have, want)
	}
	return "", err
}

func (r *release) checkCommand(ctx context.Context) (string, error) {
	if _, err := r.user.command(ctx, r.user.dir, "go", "install", modulePath("cmd/pooled")+"@"+r.version); err != nil {
		return "", err
	}
	have, err := r.user.command(ctx, r.user.dir, filepath.Join(r.user.dir, "bin", "pooled"), "version")
	if err == nil && !slices.Contains(strings.Fields(have), r.version) {
		return "", fmt.Errorf("pooled version: have %q, want %s in it", have, r.version)
	}
	if err == nil { // without installing it, as README.md does
		_, err = r.user.command(ctx, r.user.dir, "go", "run", modulePath("cmd/pooled")+"@"+r.version, "demo")
	}
	return "", err
}

// exists tells whether there is a file.
func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
