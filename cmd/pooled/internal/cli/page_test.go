package cli_test

import (
	"strings"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

func TestCutAndParagraph(t *testing.T) {
	if have, want := cli.Cut("abcdéfgh", 6), "abc..."; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
	var b strings.Builder
	p := cli.NewPage(&b)
	p.Paragraph(strings.Repeat("word ", 30) + strings.Repeat("x", p.Width))
	for line := range strings.Lines(b.String()) {
		if n := len(strings.TrimRight(line, "\n")); n > p.Width && strings.Contains(line, "word") {
			t.Errorf("have a line of %d columns, want at most %d", n, p.Width)
		}
	}
	if have := strings.Count(b.String(), "word"); have != 30 {
		t.Errorf("have %d words, want 30", have)
	}
}

func TestWrap(t *testing.T) {
	if have, want := cli.Wrap("one two  three abcdefghijk l", 8), "one two\nthree\nabcdefghijk\nl"; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
}
