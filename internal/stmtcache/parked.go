package stmtcache

import (
	"context"
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/driverconn"
)

// Parked are the prepared statements that users left on a connection when their lease ended: for whoever needs the
// same text there next, or to be closed. It belongs to whoever holds the connection. The zero value has none.
//
// A user's own close can come while somebody else holds the connection that a statement was prepared on. So it only
// says that the text is no longer needed (Texts), and the next holder closes the statement (Sweep).
type Parked struct {
	byText    map[string]driver.Stmt
	discarded []driver.Stmt // nobody can use them any more
	swept     uint64        // Texts.dropped when byText was last swept
}

// Park leaves a statement for the next caller who needs its text. It takes the place of one of the same text, which is
// discarded.
func (p *Parked) Park(text string, stmt driver.Stmt) {
	if old, ok := p.byText[text]; ok {
		p.Discard(old)
	}
	if p.byText == nil {
		p.byText = make(map[string]driver.Stmt)
	}
	p.byText[text] = stmt
}

// Discard leaves a statement that nobody can use, to be closed when there is a deadline for that.
func (p *Parked) Discard(stmt driver.Stmt) { p.discarded = append(p.discarded, stmt) }

// Take is the statement of a text, which is its caller's now, or nil.
func (p *Parked) Take(text string) driver.Stmt {
	stmt, ok := p.byText[text]
	if ok {
		delete(p.byText, text)
	}
	return stmt
}

// Empty reports whether there is no statement at all.
func (p *Parked) Empty() bool { return len(p.byText) == 0 && len(p.discarded) == 0 }

// NeedsSweep reports whether Sweep may find something: a text was dropped since the last one.
func (p *Parked) NeedsSweep(texts *Texts) bool {
	return len(p.byText) > 0 && texts.dropped.Load() != p.swept
}

// NeedsCleanUp reports whether there may be statements to close.
func (p *Parked) NeedsCleanUp(texts *Texts) bool { return len(p.discarded) > 0 || p.NeedsSweep(texts) }

// Sweep closes the statements whose text nobody needs any more.
func (p *Parked) Sweep(ctx context.Context, texts *Texts, closes driverconn.StmtCloser) {
	p.swept = texts.dropped.Load()
	for text, stmt := range p.byText {
		if !texts.has(text) {
			delete(p.byText, text)
			closes(ctx, stmt)
		}
	}
}

// CloseDiscarded closes the statements that nobody can use.
func (p *Parked) CloseDiscarded(ctx context.Context, closes driverconn.StmtCloser) {
	for _, stmt := range p.discarded {
		closes(ctx, stmt)
	}
	p.forgetDiscarded()
}

// CloseAll closes all statements, before the connection is closed.
func (p *Parked) CloseAll(ctx context.Context, closes driverconn.StmtCloser) {
	p.CloseDiscarded(ctx, closes)
	for _, stmt := range p.byText {
		closes(ctx, stmt)
	}
}

// Forget is for a session whose server has dropped all statements. They are not closed: that would tell the server
// about a number or a name which may belong to another by then.
func (p *Parked) Forget() {
	clear(p.byText)
	p.forgetDiscarded()
}

func (p *Parked) forgetDiscarded() {
	clear(p.discarded)
	p.discarded = p.discarded[:0]
}
