package clitest

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is for machines that are busy with other things.
const patience = time.Minute

// Terminal is a terminal of a size.
type Terminal struct {
	t    testing.TB
	TTY  *os.File // for the program
	keys *os.File // the other end

	mu      sync.Mutex
	text    strings.Builder
	from    int // where the next Await looks
	changed chan struct{}
	ended   chan struct{}
}

// New opens a terminal, which is closed when the test ends.
func New(t testing.TB, width, height int) *Terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	term := &Terminal{t: t, keys: keys, changed: make(chan struct{}, 1), ended: make(chan struct{})}
	t.Cleanup(func() {
		term.Close()
		keys.Close()
		<-term.ended
	})
	go term.read()
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	term.TTY, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term.Resize(width, height)
	return term
}

// Resize gives the terminal another size.
func (term *Terminal) Resize(width, height int) {
	term.t.Helper()
	size := &unix.Winsize{Col: uint16(width), Row: uint16(height)}
	if err := unix.IoctlSetWinsize(int(term.TTY.Fd()), unix.TIOCSWINSZ, size); err != nil {
		term.t.Fatal(err)
	}
}

func (term *Terminal) read() {
	defer close(term.ended)
	buffer := make([]byte, 4096)
	for {
		n, err := term.keys.Read(buffer)
		term.mu.Lock()
		term.text.Write(buffer[:n])
		term.mu.Unlock()
		select {
		case term.changed <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// Press sends keys to the program.
func (term *Terminal) Press(keys string) {
	term.t.Helper()
	if _, err := term.keys.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// Await waits until the program writes a text, behind what the last Await waited for.
func (term *Terminal) Await(want string) {
	term.t.Helper()
	late := time.After(patience)
	for {
		term.mu.Lock()
		text := term.text.String()[term.from:]
		if i := strings.Index(text, want); i >= 0 {
			term.from += i + len(want)
			term.mu.Unlock()
			return
		}
		term.mu.Unlock()
		select {
		case <-term.changed:
		case <-late:
			term.t.Fatalf("have %q on the terminal after %v, want %q in it", text, patience, want)
		}
	}
}

// Text is all that was written so far, \r\n for a line's end.
func (term *Terminal) Text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.text.String()
}

// HangUp takes the terminal away from the program.
func (term *Terminal) HangUp() { term.keys.Close() }

// Close closes the program's end, and waits until all that was written to it was read. The program must have closed its
// own.
func (term *Terminal) Close() {
	if term.TTY.Close() == nil {
		select {
		case <-term.ended:
		case <-time.After(patience):
		}
	}
}
