package top

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// What a terminal is told. When the alternate screen is left, what was on the terminal before comes back. Lines are
// not wrapped there: a character may be wider than it is counted, and must not push the rest out of place.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// enter takes the whole screen, on which typed keys are not shown. leave gives it back as it was.
func enter(terminal *os.File) (leave func(), err error) {
	showKeys := cli.HideKeys(terminal)
	leave = func() {
		showKeys() // first: who sees the screen go may type
		terminal.WriteString(leaveScreen)
	}
	_, err = terminal.WriteString(enterScreen)
	return leave, err
}

// live refreshes the screen of a terminal until the context ends, which is no error. The first look must succeed; if a
// later one fails, the screen says so and keeps what it has. Ctrl-Z gives the screen back until fg continues it.
func (w *watch) live(ctx context.Context, terminal *os.File) (err error) {
	_, height := cli.Size(terminal)
	now, _, err := w.next(ctx, height)
	if err != nil {
		return w.ended(ctx, err)
	}
	pressed, stop := suspensions()
	defer stop()
	leave, err := enter(terminal)
	defer func() { leave() }()
	if err != nil {
		return err
	}
	ticker := time.NewTicker(w.interval)
	defer ticker.Stop()
	colors := cli.Colors(terminal)
	for n := (notice{}); ; {
		if err := w.draw(terminal, now, n, colors); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pressed:
			leave()
			suspend()
			if leave, err = enter(terminal); err != nil {
				return err
			}
		case <-ticker.C:
		}
		_, height := cli.Size(terminal)
		next, restarted, err := w.next(ctx, height)
		n = n.after(err, restarted)
		if err == nil {
			now = next
		}
	}
}

// notice is what is to be said of the program, above its figures.
type notice struct {
	color   cli.Color
	text    string
	failing bool
	since   time.Time
}

// noticeLasts is for how long a notice of what is over stays.
const noticeLasts = 30 * time.Second

func (n notice) after(err error, restarted bool) notice {
	at := time.Now()
	clock := at.Format("15:04:05")
	switch {
	case err != nil && n.failing:
		return n
	case err != nil:
		return notice{cli.Bad, fmt.Sprintf("since %s: %v; still trying", clock, err), true, at}
	case restarted:
		return notice{cli.Warning, "the program was restarted: another process has answered since " + clock, false, at}
	case n.failing:
		return notice{cli.Good, "the program has answered again since " + clock, false, at}
	case at.Sub(n.since) > noticeLasts:
		return notice{}
	}
	return n
}

// draw puts a look onto the screen, with all that was there before.
func (w *watch) draw(terminal *os.File, now *look, n notice, colors bool) error {
	width, height := cli.Size(terminal)
	var text bytes.Buffer
	p := cli.NewScreen(&text, width, colors)
	p.Mark(n.color, cli.Cut(n.text, width), "")
	now.view(w.client.shown).print(p, height-1)
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	var screen strings.Builder
	screen.WriteString(toTop)
	for i, line := range lines[:min(len(lines), height)] {
		if i > 0 {
			screen.WriteString("\r\n")
		}
		screen.WriteString(line + clearLine)
	}
	screen.WriteString(clearBelow)
	_, err := terminal.WriteString(screen.String())
	return err
}
