//go:build unix

package docs_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The tutorials are done from the first block to the last, as a reader does them: files are saved, commands are run in
// a shell, and what they print is compared with what the page says. What go get fetches is this checkout, and the
// drivers in the versions that it uses.
func TestTutorials(t *testing.T) {
	for page, server := range map[string]func(testing.TB) string{
		"docs/tutorial-sqlite.md":   nil,
		"docs/tutorial-postgres.md": pooledtest.Postgres,
		"docs/tutorial-mysql.md":    pooledtest.MySQL,
	} {
		t.Run(strings.TrimPrefix(page, "docs/"), func(t *testing.T) {
			r := &reader{t: t, dir: t.TempDir()}
			if server != nil {
				r.server = server(t)
				emptyDatabase(t, r.server)
			}
			r.do(readFile(t, page))
		})
	}
}

// emptyDatabase drops the table of the tutorials, now and when the test ends.
func emptyDatabase(t *testing.T, dsn string) {
	db := pooledtest.OpenDB(t, "pooled", dsn)
	pooledtest.MustExec(t, db, "DROP TABLE IF EXISTS notes")
	t.Cleanup(func() { pooledtest.MustExec(t, db, "DROP TABLE IF EXISTS notes") })
}

// reader does a tutorial.
type reader struct {
	t      *testing.T
	dir    string
	server string   // the DSN that stands in place of the page's, or empty
	env    []string // what was exported
}

var (
	savedAs    = regexp.MustCompile("Save this as `(\\w+\\.go)`")
	exportLine = regexp.MustCompile(`^export (\w+)='(.*)'$`)
)

func (r *reader) do(page string) {
	r.t.Helper()
	blocks := fenced.FindAllStringSubmatchIndex(page, -1)
	ends := 0
	for i, b := range blocks {
		language, text := page[b[2]:b[3]], page[b[4]:b[5]]
		switch language {
		case "go":
			names := savedAs.FindAllStringSubmatch(page[ends:b[0]], -1)
			if len(names) != 1 {
				r.t.Fatalf("have %d names of files before this block, want one:\n%s", len(names), text)
			}
			r.save(names[0][1], text)
		case "sh":
			want := ""
			if i+1 < len(blocks) && page[blocks[i+1][2]:blocks[i+1][3]] == "text" {
				want = page[blocks[i+1][4]:blocks[i+1][5]]
			}
			for line := range strings.Lines(text) {
				r.command(strings.TrimSpace(line), want)
			}
		}
		ends = b[1]
	}
}

func (r *reader) save(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) command(line, want string) {
	r.t.Helper()
	switch variable := exportLine.FindStringSubmatch(line); {
	case strings.HasPrefix(line, "go mod init ") || strings.HasPrefix(line, "go get "):
		writeModule(r.t, r.dir)
	case variable != nil:
		r.env = append(r.env, variable[1]+"="+r.atServer(variable[2]))
	default:
		r.run(line, want)
	}
}

// atServer is a DSN of a page with the test's server in place of the page's, and the page's options.
func (r *reader) atServer(dsn string) string {
	if r.server == "" {
		return dsn
	}
	_, options, _ := strings.Cut(dsn, "?")
	return pooledtest.WithOptions(r.server, strings.TrimPrefix(options, "sslmode=disable&"))
}

// run runs a command and compares what it prints. Where the page has ^C, the command is interrupted as by the terminal,
// once it has printed what stands before.
func (r *reader) run(line, want string) {
	r.t.Helper()
	r.t.Log(line)
	cmd := exec.CommandContext(r.t.Context(), "sh", "-c", line)
	cmd.Dir = r.dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -ldflags=-w"), r.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	before, after, interrupted := strings.Cut(want, "^C")
	if interrupted {
		for deadline := time.Now().Add(time.Minute); out.String() != before; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				r.t.Fatalf("%s: have the output\n%s\nwant\n%s", line, out.String(), before)
			}
		}
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
			r.t.Error(err)
		}
	}
	err := cmd.Wait()
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		ended := failed.Sys().(syscall.WaitStatus)
		if interrupted && ended.Signal() == syscall.SIGINT || strings.HasSuffix(want, "exit status 1\n") {
			err = nil // the shell's own end by ^C, or a failure that the page shows
		}
	}
	if have := out.String(); err != nil || alike(have) != alike(before+after) {
		r.t.Fatalf("%s: %v: have the output\n%s\nwant\n%s", line, err, have, before+after)
	}
}

// output is what a command has printed so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// What differs from run to run: durations, and the server's numbers of sessions.
var differs = regexp.MustCompile(`\b\d+(\.\d+)?(µs|ms|s)\b|_ms=[\d.e-]+|session[ =]\d+`)

func alike(text string) string { return differs.ReplaceAllString(text, "…") }
