//go:build linux

package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How long a server may take to serve, or to end: a busy machine may need a minute, a Galera node more.
const limit = 2 * time.Minute

// pause is between two looks at what a server does.
const pause = 5 * time.Millisecond

// process is a server's program, with the processes that it starts.
type process struct {
	tb      testing.TB
	name    string                      // for messages
	dir     string                      // of this server alone, and where its program runs
	as      *syscall.Credential         // see account
	command func() []string             // program and arguments
	serves  func(context.Context) error // nil as soon as the server serves
	atOnce  syscall.Signal              // ends the program and the processes that it has started

	cmd   *exec.Cmd     // nil: it does not run
	ended chan struct{} // closed when it has ended
	guard *guard        // nil: it is not frozen
}

// Start runs the server until it is ended, and returns when it serves.
func (p *process) Start() {
	p.tb.Helper()
	if p.cmd != nil {
		p.tb.Fatalf("%s runs already", p.name)
	}
	if err := p.launch(); err != nil {
		p.tb.Fatal(err)
	}
	p.await("serves", p.Serves)
}

// Serves asks the server; nil if it answers.
func (p *process) Serves() error {
	ctx, cancel := context.WithTimeout(context.Background(), limit/12)
	defer cancel()
	return p.serves(ctx)
}

// await polls until there is no error. It ends the test if that takes too long or the server ends meanwhile.
func (p *process) await(what string, ask func() error) {
	p.tb.Helper()
	for deadline := time.Now().Add(limit); ; {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-p.ended:
			p.cmd = nil
			p.tb.Fatalf("%s has ended before it %s: %v", p.name, what, err)
		case <-time.After(pause):
		}
		if time.Now().After(deadline) {
			p.tb.Fatalf("not after %v: %s %s: %v", limit, p.name, what, err)
		}
	}
}

// launch runs the program. The kernel ends it if this process ends: to be exact, if the thread does that has started
// the program, so that thread waits for it.
func (p *process) launch() error {
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := p.cmdFor(p.command()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr.Pdeathsig = p.atOnce
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.cmd, p.ended = cmd, ended
	return nil
}

// cmdFor is a command as the server's account in its directory. A process group of its own keeps it from what is
// typed at the terminal, which is for the test.
func (p *process) cmdFor(argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+p.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as, Setpgid: true}
	return cmd
}

// run runs a command to its end.
func (p *process) run(stdin string, argv ...string) {
	p.tb.Helper()
	cmd := p.cmdFor(argv...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	runtime.LockOSThread() // see launch
	defer runtime.UnlockOSThread()
	if out, err := cmd.CombinedOutput(); err != nil {
		p.tb.Fatalf("%s: %v\n%s", filepath.Base(argv[0]), err, out)
	}
}

// Kill ends the server as a crash does: all its processes are gone, and nothing was said or written.
func (p *process) Kill() {
	p.tb.Helper()
	all := p.stopAll()
	p.signal(syscall.SIGKILL, all...)
	p.awaitEnd()
	for deadline := time.Now().Add(limit); len(all) > 0; {
		if !lives(all[0]) {
			all = all[1:]
			continue
		}
		if time.Now().After(deadline) {
			p.tb.Fatalf("%s: process %d does not end", p.name, all[0])
		}
		time.Sleep(pause)
	}
}

// Freeze keeps all processes of the server from running. The kernel goes on: it accepts connections and answers
// keepalive probes.
func (p *process) Freeze() {
	p.tb.Helper()
	all := p.stopAll()
	if p.guard == nil {
		p.guard = newGuard(p.tb, all)
	}
}

// Thaw lets a frozen server run on.
func (p *process) Thaw() {
	p.tb.Helper()
	if p.guard == nil {
		p.tb.Fatalf("%s is not frozen", p.name)
	}
	p.signal(syscall.SIGCONT, p.guard.pids...)
	p.guard.dismiss()
	p.guard = nil
}

// stopAll stops the program and then what it has started, so that nothing is missed, and returns their numbers.
func (p *process) stopAll() []int {
	p.tb.Helper()
	p.signal(syscall.SIGSTOP, p.pid())
	all := []int{p.pid()}
	for i := 0; i < len(all); i++ {
		started := children(all[i])
		p.signal(syscall.SIGSTOP, started...)
		all = append(all, started...)
	}
	return all
}

// end ends the program by a signal, and waits.
func (p *process) end(with syscall.Signal) {
	p.tb.Helper()
	p.signal(with, p.pid())
	p.awaitEnd()
}

func (p *process) awaitEnd() {
	p.tb.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.tb.Fatalf("%s has not ended after %v", p.name, limit)
	}
	p.cmd = nil
	if p.guard != nil {
		p.guard.dismiss()
		p.guard = nil
	}
}

func (p *process) pid() int {
	p.tb.Helper()
	if p.cmd == nil {
		p.tb.Fatalf("%s does not run", p.name)
	}
	return p.cmd.Process.Pid
}

// signal ignores processes that have ended.
func (p *process) signal(s syscall.Signal, pids ...int) {
	p.tb.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
			p.tb.Fatalf("%s: %v: %v", p.name, s, err)
		}
	}
}

// cleanUp ends the server after the test. What it has logged belongs to a failure.
func (p *process) cleanUp() {
	if p.cmd != nil {
		if p.guard != nil {
			p.Thaw()
		}
		p.end(p.atOnce)
	}
	if p.tb.Failed() {
		p.tb.Logf("the end of %s's log:\n%s", p.name, tail(p.log()))
	}
}

func (p *process) log() string { return filepath.Join(p.dir, "log") }

// tail is the last lines of a file.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.SplitAfter(string(text), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "")
}
