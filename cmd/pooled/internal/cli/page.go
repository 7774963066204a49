package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/pooled-go/pooled/internal/visible"
)

// Page writes lines, tables and paragraphs of text.
type Page struct {
	Width  int  // how many columns it may take
	Dense  bool // tables take as little room as they can
	w      io.Writer
	colors bool
	err    error // the first of w
}

// NewPage is a page that is written to w as it grows. On a terminal it is as wide as that, within reason.
func NewPage(w io.Writer) *Page { return &Page{Width: Width(w), w: w, colors: Colors(w)} }

// NewScreen is a page for a terminal of this size, which is written to b.
func NewScreen(b *bytes.Buffer, width int, colors bool) *Page {
	return &Page{Width: width, w: b, colors: colors}
}

// Err is the first error of the writer.
func (p *Page) Err() error { return p.err }

// Line writes one line, whatever a server or a driver put into it. All output goes through here.
func (p *Page) Line(format string, args ...any) { p.Mark(NoColor, "", format, args...) }

// Mark writes one line that begins with some words in colour.
func (p *Page) Mark(c Color, words, format string, args ...any) {
	words = visible.Line(words)
	if p.colors && c != NoColor && strings.TrimSpace(words) != "" {
		words = "\x1b[" + string(c) + "m" + words + "\x1b[0m"
	}
	if _, err := fmt.Fprintln(p.w, words+visible.Line(fmt.Sprintf(format, args...))); p.err == nil {
		p.err = err
	}
}

// Table writes rows with aligned columns. The last column is cut where a page ends that is as wide as it may be: a
// terminal that is narrower breaks the lines, which loses nothing.
func (p *Page) Table(rows [][]string) {
	for _, line := range p.Rows(rows, max(p.Width, PageWidth)) {
		p.Line("%s", line)
	}
}

// Rows are the lines of a table, one for each row, cut to a width.
func (p *Page) Rows(rows [][]string, width int) []string {
	var b strings.Builder
	indent, gap := "   ", 3
	if p.Dense {
		indent, gap = "", 2
	}
	w := tabwriter.NewWriter(&b, 0, 0, gap, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row)) // without a tab or a line break of somebody's
		for i, cell := range row {
			cells[i] = visible.Line(cell)
		}
		fmt.Fprintln(w, indent+strings.Join(cells, "\t"))
	}
	w.Flush()
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i, line := range lines {
		lines[i] = Cut(strings.TrimRight(line, " "), width)
	}
	return lines
}

// Paragraph writes text of any length, indented and whole.
func (p *Page) Paragraph(text string) {
	const indent = "   "
	line := indent
	for _, word := range strings.Fields(text) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > p.Width && line != indent {
			p.Line("%s", line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	p.Line("%s", line)
}

// Finding writes what was found, with its level in colour, and below it what to change.
func (p *Page) Finding(level, id, text, change string) {
	const indent = 28
	color := ColorOf(level)
	lines := Wrap(text, p.Width-indent)
	if change != "" {
		lines += "\n" + Wrap("fix: "+change, p.Width-indent)
	}
	for line := range strings.SplitSeq(lines, "\n") {
		p.Mark(color, fmt.Sprintf("%-8s", level), " %-*s%s", indent-9, id, line)
		level, id = "", ""
	}
}

// Cut is a line, or as much of it as fits into width columns.
func Cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-3]) + "..."
}

// Short is a duration as one wants to read it.
func Short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// Outcome is an error in one line, or "ok".
func Outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// Wrap breaks a text into lines of a width, or of one word that is longer.
func Wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteString("\n")
			column = 0
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
