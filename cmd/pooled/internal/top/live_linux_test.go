package top

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pooled-go/pooled/cmd/pooled/internal/clitest"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// manyPools is a page that fills any screen.
func manyPools(pools, conns int) http.HandlerFunc {
	var list []string
	for i := range pools {
		var rows []string
		for j := range conns {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"state":"in use","held_s":%d,"statement":%q}`, j+1, j,
				strings.Repeat("SELECT 1 ", 30)))
		}
		list = append(list, fmt.Sprintf(`{"number":%d,"name":"pool-%d","in_use":%d,"waiting":%d,"conns":[%s]}`, i+1, i+1,
			conns, i%2, strings.Join(rows, ",")))
	}
	return says(`{"time":"2026-01-02T03:04:05Z","program":"shop","pid":1,"pools":[` + strings.Join(list, ",") + `]}`)
}

// frames are what was on the screen, one after the other, without what the terminal is told.
func frames(t *testing.T, text string) (all [][]string) {
	t.Helper()
	for _, frame := range strings.Split(text, toTop)[1:] {
		frame, _, complete := strings.Cut(frame, clearBelow)
		if !complete {
			t.Errorf("have half a frame: %q", frame)
		}
		for _, sequence := range []string{clearLine, "\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"} {
			frame = strings.ReplaceAll(frame, sequence, "")
		}
		all = append(all, strings.Split(strings.ReplaceAll(frame, "\r\r\n", "\r\n"), "\r\n"))
	}
	return all
}

// onTerminal runs it on a terminal until f returns, as Ctrl-C would end it. What was on the terminal before is back.
func onTerminal(t *testing.T, term *clitest.Terminal, url string, f func()) {
	t.Helper()
	t.Setenv("TERM", "xterm")
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() { code <- runWith(ctx, term.TTY, io.Discard, url, "--interval", "100ms") }()
	term.Await(enterScreen)
	f()
	cancel()
	if have := <-code; have != 0 {
		t.Errorf("have exit code %d, want 0: Ctrl-C is how one ends it", have)
	}
	term.Close()
	if text := term.Text(); !strings.HasPrefix(text, enterScreen) || !strings.HasSuffix(text, leaveScreen) ||
		strings.Count(text, enterScreen) != 1 || strings.Count(text, leaveScreen) != 1 {
		t.Errorf("have %q, want the screen entered once, and left at the end", text)
	}
}

// On a terminal it fits the width and the height, also when these change.
func TestTopOnTerminal(t *testing.T) {
	for _, size := range []struct{ width, height, pools, conns int }{
		{80, 24, 1, 3}, {80, 24, 2, 100}, {80, 24, 100, 5}, {40, 10, 9, 9}, {200, 60, 3, 30}, {20, 4, 9, 9}, {80, 6, 1, 9},
		{10, 1, 2, 2},
	} {
		p := newProgram(t, manyPools(size.pools, size.conns))
		term := clitest.New(t, size.width, size.height)
		onTerminal(t, term, p.URL, func() {
			term.Await(clearBelow)
			term.Await(clearBelow) // it is drawn again
		})
		all := frames(t, strings.TrimSuffix(term.Text(), leaveScreen))
		for _, frame := range all {
			if len(frame) > size.height {
				t.Errorf("%+v: have %d lines", size, len(frame))
			}
			for _, line := range frame {
				if n := utf8.RuneCountInString(line); n > size.width {
					t.Errorf("%+v: have %d columns: %q", size, n, line)
				}
				pooledtest.WantRuly(t, line)
			}
		}
		text := strings.Join(all[0], "\n")
		both := strings.Contains(text, "pool-1 ") && strings.Contains(text, "SELECT")
		if size.width >= 80 && size.height >= 10 && !both {
			t.Errorf("%+v: have %s\nwant pools and connections", size, text)
		}
		if more := size.pools*size.conns > size.height; more && size.height >= 10 && !strings.Contains(text, " more ") {
			t.Errorf("%+v: have %s\nwant it to say that there is more", size, text)
		}
	}
}

func TestTopResized(t *testing.T) {
	p := newProgram(t, manyPools(5, 50))
	term := clitest.New(t, 120, 40)
	onTerminal(t, term, p.URL, func() {
		term.Await(clearBelow)
		term.Resize(50, 12)
		term.Await(clearBelow) // this one may have been drawn before
		term.Await(clearBelow)
	})
	all := frames(t, strings.TrimSuffix(term.Text(), leaveScreen))
	last := all[len(all)-1]
	if len(all[0]) != 40 || len(last) != 12 {
		t.Errorf("have %d and %d lines, want 40 and 12", len(all[0]), len(last))
	}
	for _, line := range last {
		if n := utf8.RuneCountInString(line); n > 50 {
			t.Errorf("have %d columns, want at most 50: %q", n, line)
		}
	}
}

// While the program is away the screen says so, and then that it is back, or another.
func TestTopRecoversOnTerminal(t *testing.T) {
	p := newProgram(t, manyPools(1, 1))
	term := clitest.New(t, 150, 24)
	onTerminal(t, term, p.URL, func() {
		term.Await("pool-1")
		p.answers(http.NotFound)
		term.Await("\x1b[31msince ")
		term.Await("there is no live page (404)")
		term.Await("; still trying")
		term.Await("pool-1") // what was known stays
		p.answers(manyPools(1, 1))
		term.Await("\x1b[32mthe program has answered again since ")
		p.answers(says(empty[:strings.Index(empty, `1,"pools"`)] + `2,"pools":[]}`))
		term.Await("\x1b[33mthe program was restarted: another process has answered since ")
		term.Await("(pid 2)")
	})
}

// Colours are for who wants them.
func TestTopColors(t *testing.T) {
	for _, tt := range []struct {
		key, value string
		want       bool
	}{{"NO_COLOR", "", true}, {"NO_COLOR", "1", false}} {
		t.Setenv(tt.key, tt.value)
		p := newProgram(t, manyPools(2, 1))
		term := clitest.New(t, 80, 24)
		onTerminal(t, term, p.URL, func() { term.Await(clearBelow) })
		if have := strings.Contains(term.Text(), "\x1b[33mpool-2"); have != tt.want {
			t.Errorf("%s=%s: have colours: %t, want %t", tt.key, tt.value, have, tt.want)
		}
	}
}

// Of a program that does not answer there is nothing to show: the error is on the screen that was there before.
func TestTopFirstLookFails(t *testing.T) {
	t.Setenv("TERM", "xterm")
	p := newProgram(t, http.NotFound)
	term := clitest.New(t, 80, 24)
	code := runWith(t.Context(), term.TTY, term.TTY, p.URL)
	term.Close()
	if text := term.Text(); code != 1 || strings.Contains(text, "\x1b") || !strings.Contains(text, "(404)") {
		t.Errorf("have exit code %d and %q, want 1 and the error alone", code, text)
	}
}

// A terminal that knows no escape sequences gets none.
func TestTopOnDumbTerminal(t *testing.T) {
	t.Setenv("TERM", "dumb")
	p := newProgram(t, manyPools(1, 1))
	term := clitest.New(t, 80, 24)
	code := runWith(t.Context(), term.TTY, term.TTY, p.URL)
	term.Close()
	if text := term.Text(); code != 0 || strings.Contains(text, "\x1b") || !strings.Contains(text, "pool-1") {
		t.Errorf("have exit code %d and %q, want 0 and the pool once", code, text)
	}
}

// A terminal that goes away ends it.
func TestTopTerminalGone(t *testing.T) {
	t.Setenv("TERM", "xterm")
	p := newProgram(t, manyPools(1, 1))
	term := clitest.New(t, 80, 24)
	done := make(chan int, 1)
	go func() { done <- runWith(t.Context(), term.TTY, io.Discard, p.URL, "--interval", "100ms") }()
	term.Await(clearBelow)
	term.HangUp()
	select {
	case code := <-done:
		if code != 1 {
			t.Errorf("have exit code %d, want 1", code)
		}
	case <-time.After(time.Minute):
		t.Error("have it running on, want it ended")
	}
}
