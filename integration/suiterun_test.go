package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A suiteRun is what one run of a suite's test binary said.
type suiteRun struct {
	result  map[string]string // test or subtest to pass, fail or skip
	output  map[string]string // the same to what it printed; "" is the binary's own
	elapsed time.Duration
}

// suiteTimeout is the longest one run of one package may take, many times what
// it does take. A test that hangs through pooled ends here, with all stacks.
const suiteTimeout = 6 * time.Minute

// build compiles the tests of one package of the copy, with the race detector
// if this test has it.
func (c *suiteCopy) build(t *testing.T, dir string) (binary string) {
	t.Helper()
	binary = filepath.Join(c.temp, path.Base(path.Join(c.module, dir))+".test")
	// The copy's go.mod is only a beginning: -mod=mod completes it.
	// What vet says of the suite is its authors' business.
	args := []string{"test", "-c", "-vet=off", "-mod=mod", "-o", binary}
	if raceEnabled {
		args = append(args, "-race")
	}
	goTool(t, c.dir, append(args, "./"+dir)...)
	return binary
}

// A selection says which tests of a binary to run: those in only, all if
// there are none, but for those in skip.
type selection struct{ only, skip []string }

// A suiteBinary is the tests of one package, compiled, and where they run.
type suiteBinary struct {
	*suiteCopy
	dir  string // relative to the copy
	path string
	env  []string
}

func (b *suiteBinary) withEnv(env ...string) *suiteBinary {
	c := *b
	c.env = slices.Concat(b.env, env)
	return &c
}

// run runs the selected tests.
func (b *suiteBinary) run(t *testing.T, sel selection) *suiteRun {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "test2json", "-t",
		b.path, "-test.v=test2json", "-test.paniconexit0",
		"-test.timeout="+suiteTimeout.String(),
		"-test.run="+testPattern(sel.only), "-test.skip="+testPattern(sel.skip))
	cmd.Dir = filepath.Join(b.suiteCopy.dir, b.dir)
	cmd.Env = append(os.Environ(), b.env...)
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr

	start := time.Now()
	out, err := cmd.Output()
	r := parseRun(t, out)
	r.elapsed = time.Since(start)
	r.output[""] += stderr.String()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatalf("%s: %v\n%s", b.path, err, &stderr)
	}
	if len(r.result) == 0 {
		t.Fatalf("%s ran no test\n%s", b.path, r.output[""])
	}
	return r
}

// parseRun reads what go tool test2json wrote.
func parseRun(t *testing.T, out []byte) *suiteRun {
	t.Helper()
	r := &suiteRun{result: map[string]string{}, output: map[string]string{}}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, len(out)+1)
	for lines.Scan() {
		var e struct{ Action, Test, Output string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("test2json: %v in %s", err, lines.Bytes())
		}
		switch e.Action {
		case "output":
			r.output[e.Test] += e.Output
		case "pass", "fail", "skip":
			r.result[e.Test] = e.Action
		}
	}
	return r
}

// testPattern is the -test.run or -test.skip that matches these tests alone.
func testPattern(tests []string) string {
	var patterns []string
	for _, test := range tests {
		levels := strings.Split(test, "/")
		for i, l := range levels {
			levels[i] = "^" + quoteMeta(l) + "$"
		}
		patterns = append(patterns, strings.Join(levels, "/"))
	}
	return strings.Join(patterns, "|")
}

// quoteMeta is regexp.QuoteMeta for a name whose "|" and "(" the testing
// package would take for its own before it compiles the pattern.
func quoteMeta(name string) string {
	var b strings.Builder
	for _, r := range name {
		if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
			b.WriteByte('.')
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (r *suiteRun) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped in %.1fs",
		r.count("pass"), r.count("fail"), r.count("skip"), r.elapsed.Seconds())
}

// failed returns the tests that failed of themselves, not through a subtest.
func (r *suiteRun) failed() []string {
	var names []string
	for name, result := range r.result {
		if result == "fail" && name != "" && !r.hasSubtest(name, "fail") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// hasSubtest reports whether a subtest of test had the result.
func (r *suiteRun) hasSubtest(test, result string) bool {
	for name, have := range r.result {
		if have == result && strings.HasPrefix(name, test+"/") {
			return true
		}
	}
	return false
}

// failedAround returns the tests among failed whose subtests passed, some at least.
func (r *suiteRun) failedAround() []string {
	var names []string
	for _, name := range r.failed() {
		if r.hasSubtest(name, "pass") {
			names = append(names, name)
		}
	}
	return names
}

// add takes over what another run of the same binary said of other tests.
func (r *suiteRun) add(other *suiteRun) {
	for name, result := range other.result {
		if name != "" {
			r.result[name] = result
			r.output[name] = other.output[name]
		}
	}
	r.elapsed += other.elapsed
}

// count returns how many tests and subtests had the result.
func (r *suiteRun) count(result string) int {
	n := 0
	for name, have := range r.result {
		if name != "" && have == result {
			n++
		}
	}
	return n
}

// passed returns the tests and subtests that passed.
func (r *suiteRun) passed() []string {
	var names []string
	for name, result := range r.result {
		if result == "pass" && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// missed returns the tests that passed bare and did not pass through pooled, for
// which no exception is made. Of a test and its subtest it names the subtest.
func missed(bare, through *suiteRun, exceptions map[string]string) []string {
	var names []string
	for _, name := range bare.passed() { // sorted: a test, then its subtests
		if through.result[name] == "pass" || isExcepted(name, exceptions) {
			continue
		}
		for len(names) > 0 && strings.HasPrefix(name, names[len(names)-1]+"/") {
			names = names[:len(names)-1]
		}
		names = append(names, name)
	}
	return names
}

// compare reports each test that passed bare and did not pass through pooled.
func compare(t *testing.T, bare, through *suiteRun, exceptions map[string]string) {
	t.Helper()
	var missing []string
	for _, name := range missed(bare, through, exceptions) {
		if have := through.result[name]; have != "" {
			t.Errorf("%s: have %s through pooled, want pass as bare\n%s", name, have, cut(through.output[name]))
			continue
		}
		missing = append(missing, name)
	}
	if len(missing) > 0 { // the binary crashed, or ran into its timeout
		t.Errorf("have %d tests not run at all, %s to %s, want none", len(missing), missing[0], missing[len(missing)-1])
		for _, name := range through.failed() {
			t.Logf("%s failed\n%s", name, cut(through.output[name]))
		}
	}
	if t.Failed() || through.result[""] == "fail" {
		t.Errorf("the run as a whole: have %s, want pass\n%s", through.result[""], cut(through.output[""]))
	}
}

// isExcepted reports whether the test or one it is part of is an exception.
func isExcepted(test string, exceptions map[string]string) bool {
	for name := range exceptions {
		if test == name || strings.HasPrefix(test, name+"/") {
			return true
		}
	}
	return false
}

// checkExceptions fails for an exception that passes through pooled after all.
func checkExceptions(t *testing.T, through *suiteRun, exceptions map[string]string) {
	t.Helper()
	for name, reason := range exceptions {
		if through.result[name] == "pass" {
			t.Errorf("%s: have pass, want it to be an exception no more: %s", name, reason)
		}
	}
}

// cut shortens what a failing binary printed to what a reader can use.
func cut(s string) string {
	const most = 4000
	if len(s) > most {
		return s[:most/2] + "\n[...]\n" + s[len(s)-most/2:]
	}
	return s
}
