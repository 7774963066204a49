package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/clitest"
)

// build is the program, in a folder of its own.
func build(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(folder, "pooled"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

// bashCompletion is what bash reads before any script for a program.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// In each shell, the script makes the Tab key complete commands, flags and their arguments.
func TestCompletionInShells(t *testing.T) {
	folder := build(t)
	for _, shell := range []struct {
		name, args string
		setUp      string // and Ctrl-T shows the line that is being typed
	}{
		{"bash", "--noprofile --norc -i", "source " + bashCompletion + `
source <(pooled completion bash)
bind -x '"\C-t": echo "LINE[$READLINE_LINE]"'
`},
		{"zsh", "-f -i", `autoload -U compinit; compinit -u -D
source <(pooled completion zsh)
show() { print -r -- "LINE[$BUFFER]" }; zle -N show; bindkey '^T' show
`},
		{"fish", "--no-config -i", `pooled completion fish | source
bind \ct 'echo "LINE["(commandline)"]"'
`},
	} {
		t.Run(shell.name, func(t *testing.T) {
			if _, err := exec.LookPath(shell.name); err != nil {
				t.Skipf("needs make test, which installs %s", shell.name)
			}
			if _, err := os.Stat(bashCompletion); shell.name == "bash" && err != nil {
				t.Skip("needs make test, which installs bash-completion")
			}
			term := clitest.New(t, 200, 50)
			c := exec.Command(shell.name, strings.Fields(shell.args)...)
			c.Dir = t.TempDir()
			c.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "HOME="+c.Dir, "TERM=xterm",
				"XDG_CONFIG_HOME="+c.Dir, "XDG_DATA_HOME="+c.Dir, "DATABASE_URL=postgres://scott:t1ger@h/db")
			c.Stdin, c.Stdout, c.Stderr = term.TTY, term.TTY, term.TTY
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			term.Press(shell.setUp + "echo rea''dy\n")
			term.Await("ready\r\n")
			for _, line := range []struct{ typed, want string }{
				{"pooled doc", "pooled doctor "},
				{"pooled doctor --inst", "pooled doctor --instances "},
				{"pooled parse --dsn", "pooled parse --dsn-file "},
				{"pooled completion z", "pooled completion zsh "},
				{"pooled help ver", "pooled help version "},
			} {
				term.Press(line.typed + "\t\x14")
				term.Await("LINE[" + line.want + "]")
				term.Press("\x15") // takes the line away
			}
			term.Press("exit\n")
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
			if strings.Contains(term.Text(), "t1ger") {
				t.Errorf("have the password in %q, want none", term.Text())
			}
		})
	}
}

// The program as it is installed knows the versions of what is in it.
func TestVersionOfProgram(t *testing.T) {
	out, err := exec.Command(filepath.Join(build(t), "pooled"), "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"pooled devel", "driver postgres   github.com/lib/pq v1.",
		"driver mysql      github.com/go-sql-driver/mysql v1.", "driver sqlite     modernc.org/sqlite v1."} {
		if !strings.Contains(string(out), want) {
			t.Errorf("have %s, want %q in it", out, want)
		}
	}
}
