package cli_test

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/cmd/pooled/internal/clitest"
)

// A page is as wide as its terminal, within reason.
func TestPageOnTerminal(t *testing.T) {
	for columns, want := range map[int]int{60: 60, 10: 40, 300: cli.PageWidth} {
		term := clitest.New(t, columns, 24)
		p := cli.NewPage(term.TTY)
		if p.Width != want {
			t.Errorf("%d columns: have a width of %d, want %d", columns, p.Width, want)
		}
		p.Paragraph(strings.Repeat("word ", 100))
		p.Finding("warning", "id", strings.Repeat("word ", 100), strings.Repeat("word ", 100))
		term.Close()
		for line := range strings.SplitSeq(term.Text(), "\r\n") {
			line = strings.NewReplacer("\x1b[33m", "", "\x1b[0m", "").Replace(line)
			if n := utf8.RuneCountInString(line); n > want {
				t.Errorf("%d columns: have %d: %q", columns, n, line)
			}
		}
	}
}

// So is the text of help.
func TestHelpOnTerminal(t *testing.T) {
	term := clitest.New(t, 50, 24)
	s := cli.Streams{In: strings.NewReader(""), Out: term.TTY, Err: term.TTY}
	if code := cli.Run(context.Background(), []string{"show", "-h"}, s, show("")); code != 0 {
		t.Errorf("have exit code %d, want 0", code)
	}
	term.Close()
	for line := range strings.SplitSeq(term.Text(), "\r\n") {
		if n := utf8.RuneCountInString(line); n > 50 {
			t.Errorf("have %d columns: %q", n, line)
		}
	}
}

// Colours are for terminals that show them, and for people who want them.
func TestColors(t *testing.T) {
	for _, tt := range []struct {
		noColor, term string
		want          bool
	}{{"", "xterm", true}, {"1", "xterm", false}, {"", "dumb", false}} {
		t.Setenv("NO_COLOR", tt.noColor)
		t.Setenv("TERM", tt.term)
		term := clitest.New(t, 80, 24)
		p := cli.NewPage(term.TTY)
		p.Finding("ok", "id", "\x1b[35mtext", "")
		p.Finding("problem", "id", "text", "")
		p.Line("\x1b[35mplain")
		term.Close()
		text := term.Text()
		colored := strings.Contains(text, "\x1b[32mok") && strings.Contains(text, "\x1b[31mproblem")
		if colored != tt.want || strings.Contains(text, "\x1b") != tt.want || strings.Contains(text, "\x1b[35m") {
			t.Errorf("%+v: have %q", tt, text)
		}
	}
	var b strings.Builder
	cli.NewPage(&b).Finding("problem", "id", "text", "")
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("have %q, want no colours in a file", b.String())
	}
}
