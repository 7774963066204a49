package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The worked examples of CONTRIBUTING.md are applied to the repository as it is, compiled, and their tests run. Nothing
// in the repository is changed: the go command is told which files to read in place of others (-overlay).
//
// A block of go is a file; its first line is a comment with the file's path. A block of diff changes files: behind a
// line --- path come lines that begin with a blank, - or + as in any diff; without the + lines it must be in the file
// exactly once.
func TestContributingExamples(t *testing.T) {
	files := exampleFiles(t, readFile(t, "CONTRIBUTING.md"))
	replace := map[string]string{}
	var tests, dirs []string
	dir := t.TempDir()
	abs, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range files {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil && strings.HasSuffix(path, "_test.go") {
			for _, m := range testFunc.FindAllStringSubmatch(text, -1) {
				tests = append(tests, m[1])
			}
			dirs = append(dirs, "./"+filepath.ToSlash(filepath.Dir(path)))
		}
		written := filepath.Join(dir, strings.ReplaceAll(path, "/", "-"))
		if err := os.WriteFile(written, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(abs, path)] = written
	}
	if len(tests) == 0 {
		t.Fatal("CONTRIBUTING.md has no tests of its examples")
	}
	leaveOutOtherTests(t, abs, replace)
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	var said string
	for _, pkg := range slices.Compact(slices.Sorted(slices.Values(dirs))) {
		binary := filepath.Join(dir, "examples.test.exe") // Windows runs nothing without an ending
		goCommand(t, "test", "-overlay", list, "-vet=off", "-c", "-o", binary, pkg)
		said += goTests(t, binary, tests)
	}
	for _, name := range tests {
		if !strings.Contains(said, "--- PASS: "+name) {
			t.Errorf("%s did not run:\n%s", name, said)
		}
	}
}

func goCommand(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the examples of CONTRIBUTING.md: go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// goTests runs those of the tests that a test program has. It runs here, since the folder of its package need not
// exist.
func goTests(t *testing.T, binary string, tests []string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, "-test.v", "-test.run", "^("+strings.Join(tests, "|")+")$").
		CombinedOutput()
	if err != nil {
		t.Fatalf("the tests of CONTRIBUTING.md: %v\n%s", err, out)
	}
	return string(out)
}

var (
	testFunc   = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	pathInCode = regexp.MustCompile(`^// (\S+\.go)\n`)
)

// exampleFiles are the files that the blocks of a text make or change, by their paths.
func exampleFiles(t *testing.T, text string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		switch block[1] {
		case "go":
			path := pathInCode.FindStringSubmatch(block[2])
			if path == nil {
				t.Fatalf("CONTRIBUTING.md: a block of go without the path of its file:\n%s", block[2])
			}
			files[path[1]] = block[2]
		case "diff":
			for change := range strings.SplitSeq("\n"+block[2], "\n--- ") {
				if strings.TrimSpace(change) == "" {
					continue
				}
				path, lines, _ := strings.Cut(change, "\n")
				before, changed := files[path]
				if !changed {
					before = readFile(t, path)
				}
				after, err := apply(before, lines)
				if err != nil {
					t.Fatalf("CONTRIBUTING.md: %s: %v:\n%s", path, err, lines)
				}
				files[path] = after
			}
		}
	}
	return files
}

// apply changes a text by the lines of a diff, one hunk.
func apply(text, diff string) (string, error) {
	var before, after strings.Builder
	for line := range strings.Lines(strings.TrimRight(diff, "\n") + "\n") {
		switch line[0] {
		case '+':
			after.WriteString(line[1:])
		case '-':
			before.WriteString(line[1:])
		case ' ':
			before.WriteString(line[1:])
			after.WriteString(line[1:])
		default:
			return "", fmt.Errorf("a line begins with %q, want a blank, - or +", line[:1])
		}
	}
	if n := strings.Count(text, before.String()); n != 1 {
		return "", fmt.Errorf("what is to be changed is there %d times, want once", n)
	}
	return strings.Replace(text, before.String(), after.String(), 1), nil
}

// leaveOutOtherTests spares the compiler the root's own tests, but for what they share.
func leaveOutOtherTests(t *testing.T, abs string, replace map[string]string) {
	t.Helper()
	others, err := filepath.Glob(filepath.Join(abs, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range others {
		if _, ours := replace[path]; !ours && filepath.Base(path) != "helpers_test.go" {
			replace[path] = ""
		}
	}
}

func TestApply(t *testing.T) {
	const text = "a\nb\nc\n"
	for _, tt := range []struct{ diff, want string }{
		{" a\n+x\n b\n", "a\nx\nb\nc\n"},
		{"-b\n+x\n+y\n", "a\nx\ny\nc\n"},
		{"-b\n", "a\nc\n"},
		{" d\n+x\n", ""},
		{"b\n", ""},
	} {
		have, err := apply(text, tt.diff)
		if have != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q: have %q, %v, want %q", tt.diff, have, err, tt.want)
		}
	}
	if _, err := apply("a\na\n", " a\n+x\n"); err == nil {
		t.Error("have no error for what is there twice")
	}
}
