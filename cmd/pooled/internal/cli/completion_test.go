package cli_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// unreadable is standard input that nobody may read.
type unreadable struct{ t *testing.T }

func (r unreadable) Read([]byte) (int, error) {
	r.t.Error("have standard input read, want it left alone")
	return 0, errors.New("left alone")
}

// complete is what the shell is told: the last argument is the word that is not complete yet.
func complete(t *testing.T, args ...string) (words []string, directive string) {
	t.Helper()
	var out, errs bytes.Buffer
	s := cli.Streams{In: unreadable{t}, Out: &out, Err: &errs}
	if code := cli.Run(t.Context(), append([]string{"__completeNoDesc"}, args...), s, show("")); code != 0 {
		t.Errorf("%q: have exit code %d, want 0", args, code)
	}
	if strings.Contains(out.String()+errs.String(), "t1ger") || errs.Len() > 0 {
		t.Errorf("%q: have %s%s, want no error and no password", args, out.String(), errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[:len(lines)-1], lines[len(lines)-1]
}

func TestCompletion(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://scott:t1ger@h/db")
	const files, nothing = ":0", ":4"
	missing := filepath.Join(t.TempDir(), "t1ger")
	for _, tt := range []struct {
		args, want []string
		directive  string
	}{
		{[]string{""}, []string{"completion", "help", "show"}, nothing},
		{[]string{"s"}, []string{"show"}, nothing},
		{[]string{"help", "s"}, []string{"show"}, nothing},
		{[]string{"completion", ""}, []string{"bash", "zsh", "fish", "powershell"}, nothing},
		{[]string{"show", "--"}, []string{"--count", "--dsn-file", "--help"}, nothing},
		{[]string{"show", "--d"}, []string{"--dsn-file"}, nothing},
		{[]string{"show", "postgres://scott:t1ger@h/db", "--d"}, []string{"--dsn-file"}, nothing},
		{[]string{"show", ""}, nil, files},
		{[]string{"show", "-", ""}, nil, nothing},
		{[]string{"show", "postgres://scott:t1ger@h/db", ""}, nil, nothing},
		{[]string{"show", "--dsn-file", ""}, nil, files},
		{[]string{"show", "--dsn-file", missing, ""}, nil, files},
		{[]string{"show", "--no-such=t1ger", ""}, nil, files},
		{[]string{"show", "--count", "t1ger", ""}, nil, files},
		{[]string{"postgres://scott:t1ger@h/db", ""}, nil, files},
	} {
		words, directive := complete(t, tt.args...)
		if !slices.Equal(words, tt.want) || directive != tt.directive {
			t.Errorf("%q: have %q and %s, want %q and %s", tt.args, words, directive, tt.want, tt.directive)
		}
	}
}

// Of PowerShell there is none to try here: its script asks this program for completions as those of other shells do.
func TestCompletionPowerShell(t *testing.T) {
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), []string{"completion", "powershell"}, cli.Streams{Out: &out, Err: &errs}, show(""))
	script := out.String()
	if code != 0 || errs.Len() > 0 || !strings.Contains(script, "Register-ArgumentCompleter -CommandName 'pooled'") ||
		!strings.Contains(script, "__complete") {
		t.Errorf("have exit code %d, %s%s, want the script", code, script, errs.String())
	}
}
