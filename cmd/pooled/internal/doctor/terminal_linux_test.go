package doctor

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// terminal opens a terminal: what is written to tty is read from the other end.
func terminal(t *testing.T) (other, tty *os.File) {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { other.Close() })
	var number uint32
	unlock := int32(0)
	for request, arg := range map[uintptr]unsafe.Pointer{syscall.TIOCGPTN: unsafe.Pointer(&number),
		syscall.TIOCSPTLCK: unsafe.Pointer(&unlock)} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, other.Fd(), request, uintptr(arg)); errno != 0 {
			t.Fatal(errno)
		}
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return other, tty
}

// On a terminal one line says what is being done, and is gone at the end.
func TestDoctorProgress(t *testing.T) {
	other, tty := terminal(t)
	own := os.Stderr
	t.Cleanup(func() { os.Stderr = own })
	os.Stderr = tty
	t.Setenv("TERM", "xterm")
	if code, stdout, stderr := runCommand(t, ":memory:"); code != 0 || stderr != "" || strings.Contains(stdout, "\r") {
		t.Errorf("have exit code %d and %q, want 0 and no error", code, stderr)
	}
	t.Setenv("TERM", "dumb")
	if newProgress(tty) != nil {
		t.Error("have progress on a terminal that can't rewrite a line, want none")
	}
	tty.Close()
	text, _ := io.ReadAll(other) // the error is that of a terminal without another end
	shown := string(text)
	for _, want := range []string{"] connecting", "] pings", "[4/4] what the next user finds: attached database"} {
		if !strings.Contains(shown, want) {
			t.Errorf("have %q, want %q in it", shown, want)
		}
	}
	if strings.Contains(shown, "\n") || strings.TrimSpace(shown[strings.LastIndexByte(shown, '\r'):]) != "" {
		t.Errorf("have %q, want one line that is empty at the end", shown)
	}
}
