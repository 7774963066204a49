package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// runCommand runs the program in this process.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return code, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string // what they contain; "": they are empty
	}{
		{nil, 2, "", "  demo "},
		{[]string{"help"}, 0, "  demo ", ""},
		{[]string{"--help"}, 0, "  demo ", ""},
		{[]string{"-h"}, 0, "  demo ", ""},
		{[]string{"damo"}, 2, "", `pooled: unknown command "damo": did you mean demo?`},
		{[]string{"xyz"}, 2, "", `pooled: unknown command: "pooled help" lists them`},
		{[]string{"help", "doctor"}, 0, "usage: pooled doctor [DSN] [flags]\n", ""},
		{[]string{"help", "dokter"}, 2, "", `pooled: help: unknown command "dokter": did you mean doctor?`},
		{[]string{"help", "a", "b"}, 2, "", "pooled: help: want one command, have 2 arguments"},
		{[]string{"demo", "-h"}, 0, "usage: pooled demo [DSN] [flags]\n", ""},
		{[]string{"demo", "--help"}, 0, "usage: pooled demo [DSN] [flags]\n", ""},
		{[]string{"demo", "--size", "3"}, 2, "", "pooled: demo: there is no flag --size: \"pooled demo -h\""},
		{[]string{"demo", "--jsom"}, 2, "", "pooled: demo: there is no flag --jsom: did you mean --json?"},
		{[]string{"demo", "-json"}, 2, "", "pooled: demo: there is no flag -json: did you mean --json?"},
		{[]string{"demo", "--dsn"}, 2, "",
			"pooled: demo: there is no flag --dsn: write the DSN as an argument, as in pooled demo DSN"},
		{[]string{"--vershun"}, 2, "", "pooled: there is no flag --vershun: did you mean --version?"},
		{[]string{"-v"}, 2, "", "pooled: there is no flag -v: did you mean --version?"},
		{[]string{"doctor", "-f", "x"}, 2, "", "pooled: doctor: there is no flag -f: \"pooled doctor -h\" lists the flags"},
		{[]string{"doctor", "-fx"}, 2, "", "pooled: doctor: there is no such flag: "},
		{[]string{""}, 2, "", "pooled: unknown command: "},
		{[]string{"version", "x"}, 2, "", "pooled: version: want no argument, have 1"},
		{[]string{"completion"}, 2, "", "pooled: completion: want the name of a shell"},
		{[]string{"completion", "tcsh"}, 2, "", "pooled: completion: unknown shell: want bash, zsh, fish or powershell"},
		{[]string{"version"}, 0, "pooled devel", ""},
		{[]string{"--version"}, 0, "pooled devel", ""},
	} {
		code, stdout, stderr := runCommand(t, tt.args...)
		if code != tt.code {
			t.Errorf("%q: have exit code %d, want %d", tt.args, code, tt.code)
		}
		wantText(t, tt.args, "stdout", stdout, tt.stdout)
		wantText(t, tt.args, "stderr", stderr, tt.stderr)
	}
}

func wantText(t *testing.T, args []string, stream, have, want string) {
	t.Helper()
	if !strings.Contains(have, want) || want == "" && have != "" {
		t.Errorf("%q: %s: have %q, want %q in it", args, stream, have, want)
	}
}

// What is wrong on a command line does nothing to the terminal.
func TestUnrulyArguments(t *testing.T) {
	for _, args := range misplaced(pooledtest.Unruly) {
		code, stdout, stderr := runCommand(t, append(args, pooledtest.Unruly)...)
		pooledtest.WantRuly(t, stdout+stderr)
		if code == 0 {
			t.Errorf("%q: have exit code 0, want another", args)
		}
	}
}

// A DSN in the wrong place of the command line is not repeated: its password is in it.
func TestMisplacedDSNIsNotShown(t *testing.T) {
	for _, dsn := range []string{
		"t1ger", "scott:t1ger@tcp(h)/db", "postgres://scott:t1ger@h/db", "host=h password=t1ger", "-x:t1ger@tcp(h)/db",
		"--scott:t1ger@tcp(h)/db", "file:x?_auth_pass=t1ger", "sqlserver://sa:t1ger@h?x=y",
	} {
		for _, args := range misplaced(dsn) {
			code, stdout, stderr := runCommand(t, args...)
			if strings.Contains(stdout+stderr, "t1ger") || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%q: have %q, want one line, and the DSN not shown", args, stdout+stderr)
			}
			wrongFile := strings.Contains(strings.Join(args, " "), "--dsn-file="+dsn) // not a mistake as such
			if want := 2; code != want && !wrongFile {
				t.Errorf("%q: have exit code %d, want %d", args, code, want)
			}
		}
	}
}

// misplaced has a DSN in each place where none belongs.
func misplaced(dsn string) (lines [][]string) {
	lines = [][]string{{dsn}, {"help", dsn}, {"help", "doctor", dsn}, {"completion", dsn}, {"completion", "bash", dsn}}
	for _, command := range []string{"demo", "doctor", "parse", "top", "version", "completion"} {
		lines = append(lines,
			[]string{command, "a", dsn}, []string{command, "--json=" + dsn}, []string{command, "--no-such-flag=" + dsn},
			[]string{command, "--no-such-flag", dsn, "a"})
	}
	for _, command := range []string{"demo", "doctor", "parse"} {
		lines = append(lines, []string{command, "--dsn-file=" + dsn}, []string{command, "--dsn-file=" + dsn, "a"})
	}
	lines = append(lines, []string{"top", dsn}, []string{"top", "http://127.0.0.1:1", "--interval=" + dsn})
	return append(lines, []string{"version", dsn}, []string{"doctor", ":memory:", "--instances=" + dsn})
}
