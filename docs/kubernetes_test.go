//go:build unix

package docs_test

import (
	"bufio"
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The program of docs/kubernetes.md, on a server that goes away, with a pool that is full, and with a request under way
// when it is told to end. Its password is in a file.
func TestKubernetesProgram(t *testing.T) {
	proxy := pooledtest.NewProxy(t, pooledtest.Postgres(t))
	admin := pooledtest.OpenDB(t, "postgres", pooledtest.Postgres(t))
	pooledtest.MustExec(t, admin, "DROP TABLE IF EXISTS orders")
	pooledtest.MustExec(t, admin, "CREATE TABLE orders (id int)")
	t.Cleanup(func() { pooledtest.MustExec(t, admin, "DROP TABLE orders") })
	s := startService(t, proxy.DSN())
	s.want("/livez", 200)
	s.awaitReady()
	s.want("/orders", 200)

	locked := lockOrders(t, admin)
	slow := s.begin("/orders") // has the only connection
	awaitBlocked(t)
	s.want("/readyz", 200)
	locked.Rollback()
	if code := <-slow; code != 200 {
		t.Errorf("GET /orders: have %d after the lock, want 200", code)
	}

	locked = lockOrders(t, admin)
	slow = s.begin("/orders")
	awaitBlocked(t)
	s.end("shutting down")
	locked.Rollback()
	if code := <-slow; code != 200 {
		t.Errorf("GET /orders: have %d for a request under way at the end, want 200", code)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("have %v at the end, want none", err)
	}

	s = startService(t, proxy.DSN())
	s.awaitReady()
	proxy.Close()
	s.awaitStatus("/readyz", 503) // what was seen within the last second still counts
	s.want("/livez", 200)
	s.end("shutting down")
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("have %v at the end without a server, want none", err)
	}
}

// service is the program of the page.
type service struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *bufio.Scanner
	base string
}

func startService(t *testing.T, dsn string) *service {
	t.Helper()
	dir := t.TempDir()
	writeModule(t, dir)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	program := programOf(t, readFile(t, "docs/kubernetes.md"))
	for name, text := range map[string]string{"main.go": program, "password": password + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", "service", ".")
	build.Dir, build.Env = dir, append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	s := &service{t: t, cmd: exec.CommandContext(t.Context(), filepath.Join(dir, "service"))}
	s.cmd.Env = append(os.Environ(), "ADDRESS=127.0.0.1:0", "PASSWORD_FILE="+filepath.Join(dir, "password"),
		"DATABASE_URL="+pooledtest.WithOptions(u.String(), "pool_hooks=secret", "pool_size=1", "pool_max_overflow=0"))
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.log = bufio.NewScanner(stderr)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, address, _ := strings.Cut(s.await("listening on "), "listening on ")
	s.base = "http://" + address
	return s
}

// await is the next line of the log that has a text.
func (s *service) await(text string) string {
	s.t.Helper()
	for s.log.Scan() {
		if line := s.log.Text(); strings.Contains(line, text) {
			return line
		}
	}
	s.t.Fatalf("the program has ended without %q", text)
	return ""
}

// end sends SIGTERM, as Kubernetes does.
func (s *service) end(says string) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	s.await(says)
}

func (s *service) want(path string, want int) {
	s.t.Helper()
	if have := <-s.begin(path); have != want {
		s.t.Errorf("GET %s: have %d, want %d", path, have, want)
	}
}

// awaitReady asks until the answer is 200, as Kubernetes does: to open a connection may take longer than a probe waits.
func (s *service) awaitReady() {
	s.t.Helper()
	s.awaitStatus("/readyz", 200)
}

func (s *service) awaitStatus(path string, want int) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); <-s.begin(path) != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("GET %s: have no %d after a minute", path, want)
		}
	}
}

// begin sends a request, and gives the status of its answer, 0 if there is none.
func (s *service) begin(path string) <-chan int {
	code := make(chan int, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
		answer, err := client.Get(s.base + path)
		if err != nil {
			code <- 0
			return
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		code <- answer.StatusCode
	}()
	return code
}

func lockOrders(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx := begin(t, db)
	pooledtest.MustExec(t, tx, "LOCK TABLE orders")
	return tx
}

// awaitBlocked waits until a query waits for the lock.
func awaitBlocked(t *testing.T) {
	t.Helper()
	pooledtest.WantNone(t, "postgres", pooledtest.Postgres(t), "SELECT CASE WHEN count(*) > 0 THEN 0 ELSE 1 END "+
		"FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM orders'")
}

// The Deployment of docs/kubernetes.md leaves the time that the program and the page say, has its paths, and the limit
// is the one that the page calculates.
func TestKubernetesFigures(t *testing.T) {
	page := readFile(t, "docs/kubernetes.md")
	figure := func(pattern string) int {
		t.Helper()
		found := regexp.MustCompile(pattern).FindStringSubmatch(page)
		if found == nil {
			t.Fatalf("the page has no %s", pattern)
		}
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	const closing = 5 // what db.Close may take: docs/what-changes.md
	preStop := figure(`sleep: \{seconds: (\d+)\}`)
	shutdown := figure(`, (\d+)\*time\.Second\)\n\tdefer cancel\(\)\n\terr = server\.Shutdown`)
	if grace := figure(`terminationGracePeriodSeconds: (\d+)`); preStop+shutdown+closing > grace {
		t.Errorf("have %d seconds to end, want %d and more", grace, preStop+shutdown+closing)
	}
	if probe := figure(`timeoutSeconds: (\d+)`); probe <= 1 {
		t.Errorf("have a probe of %d seconds, want more than the program's one", probe)
	}
	for _, path := range []string{"/livez", "/readyz"} {
		if !strings.Contains(page, `"GET `+path+`"`) || !strings.Contains(page, "{path: "+path+",") {
			t.Errorf("%s: want it in the program and in the probe", path)
		}
	}
	replicas, surge := figure(`maxReplicas: (\d+)`), figure(`of a rolling update \| (\d+) \|`)
	if have := figure(`without an autoscaler .replicas. \| (\d+) \|`); have != replicas {
		t.Errorf("have %d replicas in the table, want the autoscaler's %d", have, replicas)
	}
	pods := replicas + surge + figure(`does not count them \| (\d+) \|`)
	if have := figure(`\| all \| (\d+) \|`); have != pods || figure(`--instances (\d+)`) != pods {
		t.Errorf("have %d pods, want %d", have, pods)
	}
	limit := (figure(`max_connections=(\d+)`) - figure(`(\d+) of them for\s+others`)) / pods
	size, overflow := figure(`value: "postgres.*pool_size=(\d+)`), figure(`value: "postgres.*pool_max_overflow=(\d+)`)
	if size+overflow != limit {
		t.Errorf("have the limit %d, want %d", size+overflow, limit)
	}
	if have := figure(`maxSurge: (\d+)`); have != surge {
		t.Errorf("have maxSurge %d, want the table's %d", have, surge)
	}
}
