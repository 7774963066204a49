//go:build linux

package cluster

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// children are the processes that a process has started and that have not ended.
func children(pid int) (found []int) {
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, entry := range entries {
		child, _ := strconv.Atoi(filepath.Base(entry))
		if parent, ok := parentOf(child); ok && parent == pid {
			found = append(found, child)
		}
	}
	return found
}

// lives says whether a process has not ended.
func lives(pid int) bool {
	_, ok := parentOf(pid)
	return ok
}

// parentOf reports false for a process that has ended, also if nobody has taken note of that yet.
func parentOf(pid int) (parent int, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name of the program, in parentheses, may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	return parent, err == nil
}

// guard is a process that kills frozen ones if this process ends: what is sent to them otherwise, they don't see.
type guard struct {
	pids []int
	cmd  *exec.Cmd
	hold io.Closer // the guard acts when it is closed
}

func newGuard(tb testing.TB, pids []int) *guard {
	tb.Helper()
	argv := []string{"-c", `read -r line; kill -KILL "$@"`, "guard"}
	for _, pid := range pids {
		argv = append(argv, strconv.Itoa(pid))
	}
	cmd := exec.Command("sh", argv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	hold, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return &guard{pids: pids, cmd: cmd, hold: hold}
}

func (g *guard) dismiss() {
	g.cmd.Process.Kill()
	g.cmd.Wait()
	g.hold.Close()
}
