package demo

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// page is the output: numbered sections, each with a small table. As JSON it is the figures alone.
type page struct {
	*cli.Page
	sections int
	broken   []string // promises that did not hold
	figures  figures
	json     io.Writer // nil: the page is text
}

func newPage(w io.Writer, asJSON bool) *page {
	if asJSON {
		return &page{Page: cli.NewPage(io.Discard), json: w}
	}
	return &page{Page: cli.NewPage(w)}
}

// finish writes the JSON, if that is wanted.
func (p *page) finish() error {
	if p.json == nil {
		return nil
	}
	p.figures.Version = 1
	p.figures.Broken = append([]string{}, p.broken...)
	p.figures.Kept = p.broken == nil
	return cli.WriteJSON(p.json, p.figures)
}

// section begins a scenario.
func (p *page) section(format string, args ...any) {
	p.sections++
	p.Line("")
	p.Line("%d. "+format, append([]any{p.sections}, args...)...)
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
