package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/pooled-go/pooled/internal/visible"
)

// pageWidth is how many columns the output may take.
const pageWidth = 100

// page is the output: numbered sections, each with a small table.
type page struct {
	w        io.Writer
	err      error // the first of w
	sections int
	broken   []string // promises that did not hold
}

// line writes one line, whatever a server or a driver put into it. All output goes through here.
func (p *page) line(format string, args ...any) {
	if _, err := fmt.Fprintln(p.w, visible.Line(fmt.Sprintf(format, args...))); p.err == nil {
		p.err = err
	}
}

// section begins a scenario.
func (p *page) section(format string, args ...any) {
	p.sections++
	p.line("")
	p.line("%d. "+format, append([]any{p.sections}, args...)...)
}

// table writes rows with aligned columns. The last column is cut where the page ends.
func (p *page) table(rows [][]string) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row)) // without a tab or a line break of somebody's
		for i, cell := range row {
			cells[i] = visible.Line(cell)
		}
		fmt.Fprintln(w, "   "+strings.Join(cells, "\t"))
	}
	w.Flush()
	for line := range strings.Lines(b.String()) {
		p.line("%s", cut(strings.TrimRight(line, " \n"), pageWidth))
	}
}

// paragraph writes text of any length, indented and whole.
func (p *page) paragraph(text string) {
	const indent = "   "
	line := indent
	for _, word := range strings.Fields(text) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > pageWidth && line != indent {
			p.line("%s", line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	p.line("%s", line)
}

// promise notes whether pooled did what it promises.
func (p *page) promise(kept bool, format string, args ...any) {
	if !kept {
		p.broken = append(p.broken, fmt.Sprintf(format, args...))
	}
}

// verdict is nil if all promises were kept.
func (p *page) verdict() error {
	if p.broken == nil {
		return nil
	}
	return errors.New("pooled broke a promise: " + strings.Join(p.broken, "; "))
}

func cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-3]) + "..."
}

// short is a duration as one wants to read it.
func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// outcome is an error in one line, or "ok".
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
