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
	c := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(folder, "pooled"), ".")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

// The program as it is installed. It is built once: that takes a while.
func TestProgram(t *testing.T) {
	folder := build(t)
	t.Run("completion in shells", func(t *testing.T) { testShells(t, folder) })
	t.Run("completion is quiet", func(t *testing.T) { testQuietCompletion(t, folder) })
	t.Run("interrupted", func(t *testing.T) { testInterrupted(t, folder) })
	t.Run("suspended", func(t *testing.T) { testSuspended(t, folder) })
	t.Run("version", func(t *testing.T) { testVersion(t, folder) })
}

// bashCompletion is what bash reads before any script for a program.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// In each shell, the script makes the Tab key complete commands, flags and their arguments.
func testShells(t *testing.T, folder string) {
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

// Nothing of what is typed comes back from a completion, not even on standard error.
func testQuietCompletion(t *testing.T, folder string) {
	program := filepath.Join(folder, "pooled")
	for _, args := range [][]string{{"doctor", "--no-such=t1ger", ""}, {"doctor", "--instances", "t1ger", ""},
		{"postgres://scott:t1ger@h/db", ""}, {"doctor", "postgres://scott:t1ger@h/db", "--"}} {
		out, err := exec.Command(program, append([]string{"__complete"}, args...)...).CombinedOutput()
		if err != nil || strings.Contains(string(out), "t1ger") {
			t.Errorf("%q: have %s, %v, want nothing of the password", args, out, err)
		}
	}
}

// Ctrl-C ends top, and gives the terminal back.
func testInterrupted(t *testing.T, folder string) {
	term := clitest.New(t, 80, 24)
	c := exec.Command(filepath.Join(folder, "pooled"), "top", livePage(t))
	c.Env = append(os.Environ(), "TERM=xterm")
	c.Stdin, c.Stdout, c.Stderr = term.TTY, term.TTY, term.TTY
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	term.Await("\x1b[?1049h")
	term.Await("UPDATE stock")
	term.Press("\x03")
	if err := c.Wait(); err != nil {
		t.Errorf("have %v, want exit code 0", err)
	}
	term.Close()
	if text := term.Text(); !strings.HasSuffix(text, "\x1b[?1049l") {
		t.Errorf("have %q, want the screen left at the end", text)
	}
}

// Ctrl-Z gives the terminal back to the shell, and fg takes it again. What is typed on the screen is not shown, and no
// shell runs it.
func testSuspended(t *testing.T, folder string) {
	const enter, leave = "\x1b[?1049h", "\x1b[?1049l"
	term := clitest.New(t, 80, 24)
	c := exec.Command("sh", "-i")
	c.Env = append(os.Environ(), "TERM=xterm", "PS1=", "ENV=", "PATH="+folder+":"+os.Getenv("PATH"))
	c.Stdin, c.Stdout, c.Stderr = term.TTY, term.TTY, term.TTY
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	term.Press("pooled top " + livePage(t) + "; echo en''ded $?\n")
	term.Await(enter)
	term.Await("UPDATE stock")
	term.Press("echo ty''ped\n")
	term.Press("\x1a")
	term.Await(leave)
	term.Press("echo in the sh''ell\n")
	term.Await("echo in the sh''ell") // keys are shown again
	term.Await("in the shell")
	term.Press("fg\n")
	term.Await(enter)
	term.Await("UPDATE stock")
	term.Press("\x03")
	term.Await(leave)
	term.Press("exit\n")
	c.Wait() // its exit code is that of what it ran last
	if text := term.Text(); strings.Contains(text, "ty''ped") || strings.Contains(text, "typed") {
		t.Errorf("have %q, want nothing of what was typed", text)
	}
}

// It knows the versions of what is in it.
func testVersion(t *testing.T, folder string) {
	out, err := exec.Command(filepath.Join(folder, "pooled"), "version").Output()
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
