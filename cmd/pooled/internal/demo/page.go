package demo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// page is the output: numbered sections, each with a small table.
type page struct {
	*cli.Page
	sections int
	broken   []string // promises that did not hold
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
