package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
)

// way is how one kind of operation is done: the parent's functions for a text and for a statement.
type way[T any] struct {
	exec bool // rows are not read
	able func(*parentConn) bool
	text func(*parentConn, context.Context, string, []driver.NamedValue) (T, error)
	stmt func(context.Context, driver.Stmt, []driver.NamedValue) (T, error)

	// watch is called with what came of it if stmtRules.watchRows; kept tells whether a kept statement was run.
	watch func(ctx context.Context, s *ServerConn, result T, err error, kept bool) T
}

var (
	execWay  = &way[driver.Result]{true, (*parentConn).canExec, (*parentConn).exec, stmtExec, watchExec}
	queryWay = &way[driver.Rows]{false, (*parentConn).canQuery, (*parentConn).query, stmtQuery, watchQuery}
)

// errAgain: nothing was sent, and the server connection is gone. It is to be done on another one.
var errAgain = errors.New("pooled: to be done again")

// runKept runs a query with arguments by a kept statement, or by its text if there is none. sent is false if it
// came to neither.
func runKept[T any](ctx context.Context, c *Conn, s *ServerConn, query string, args []driver.NamedValue, try int, w *way[T]) (result T, sent bool, err error) {
	if !w.able(s.via) {
		return result, false, driver.ErrSkip
	}
	rules := s.cache.rules
	values := args
	if !rules.skips {
		if values, err = c.arguments(s, s.parent.argRules(), args, try); err != nil {
			return result, false, err
		}
	}
	kept, err := c.keptFor(ctx, s, query, args, w.exec)
	if err != nil {
		return result, false, err
	}
	if kept != nil && rules.skips {
		if values, err = c.arguments(s, s.parent.stmtArgRules(kept.stmt), args, try); err != nil {
			return result, false, err
		}
	}
	switch {
	case kept != nil:
		result, err = sendKept(ctx, c, s, kept, values, w)
		return result, true, err
	case rules.skips:
		result, sent, err = runText(ctx, c, s, query, args, try, w)
	default:
		result, sent, err = sendText(ctx, c, s, query, values, w)
	}
	s.cache.sent(query, err)
	return result, sent, err
}

// sent is told how a text with arguments was answered.
func (c *stmtCache) sent(query string, err error) {
	skipped := err == driver.ErrSkip
	if c.rules.skips && !skipped {
		c.pool.taken.Store(true)
	}
	if c.rules.skips && skipped || !c.rules.skips && err == nil {
		c.pool.seen.add(query)
	}
}

// sendKept runs a kept statement. If the server has no use for it any more, it has not executed it: then it is
// prepared again, and run, unless a transaction is open, which may have ended with the statement.
func sendKept[T any](ctx context.Context, c *Conn, s *ServerConn, k *keptStmt, values []driver.NamedValue, w *way[T]) (T, error) {
	result, err := sendStmt(ctx, s, k, values, w)
	if err == nil {
		return result, nil
	}
	stale := s.cache.rules.stale(err)
	if stale || s.cache.rules.unfit(err) {
		s.cache.bury(k)
	}
	if stale && s.cache.rules.changed(err) {
		s.cache.pool.changes.Add(1)
		s.cache.catchUp()
	}
	if !stale || c.tx.open || s.mayHoldTx() {
		return result, err
	}
	s.start()
	if k, err = c.keepNew(ctx, s, k.text); err != nil {
		return result, err
	}
	return sendStmt(ctx, s, k, values, w)
}

func sendStmt[T any](ctx context.Context, s *ServerConn, k *keptStmt, values []driver.NamedValue, w *way[T]) (T, error) {
	s.start()
	s.saw(k.text)
	s.note(k.judgement)
	result, err := w.stmt(ctx, k.stmt, values)
	if s.cache.rules.watchRows {
		result = w.watch(ctx, s, result, err, true)
	}
	return result, s.honest(err)
}

// keptFor is the statement for a text, prepared now if its time has come; nil: the text is to be sent.
func (c *Conn) keptFor(ctx context.Context, s *ServerConn, query string, args []driver.NamedValue, exec bool) (*keptStmt, error) {
	cache := s.cache
	exec = exec && cache.rules.execNoRows
	if cache.resting || cache.textRows > 0 || cache.keptRows > 0 || cache.rules.skips && (hasNames(args) || cache.pool.taken.Load()) {
		return nil, nil
	}
	cache.catchUp()
	if k := cache.find(query); k != nil {
		if exec && k.rows {
			return nil, nil
		}
		cache.pool.hits.Add(1)
		return k, nil
	}
	if !cache.pool.seen.has(query) || !preparable(s.kind, query) || exec && returnsRows(s.kind, query) || !cache.admits() {
		return nil, nil
	}
	if cache.rules.skips { // what is wrong with them is said before anything is sent
		if _, err := s.parent.argRules().convert(slices.Clone(args)); err != nil {
			return nil, err
		}
	}
	untouched := c.untouched
	s.start()
	k, err := c.keepNew(ctx, s, query)
	if c.again(s, err, true) {
		return nil, errAgain
	}
	c.untouched = untouched && err == nil // as in Stmt.ready: to prepare touches nothing
	if err != nil && !c.tx.open && !s.mayHoldTx() {
		return nil, nil // the text has the error that it always had, or none
	}
	return k, err
}

// hasNames: a parent has its own words for named arguments, and says them before it looks at the text.
func hasNames(args []driver.NamedValue) bool {
	return slices.ContainsFunc(args, func(arg driver.NamedValue) bool { return arg.Name != "" })
}

// keepNew prepares a statement and keeps it.
func (c *Conn) keepNew(ctx context.Context, s *ServerConn, query string) (*keptStmt, error) {
	stmt, err := c.prepare(ctx, s, query)
	if err != nil {
		return nil, err
	}
	k := &keptStmt{query, stmt, returnsRows(s.kind, query), s.judge(query)}
	s.cache.pool.prepared.Add(1)
	s.cache.keep(k)
	return k, s.evict(ctx)
}

// prepare prepares on the parent's connection. If the server takes no more statements, those that are kept make room.
func (c *Conn) prepare(ctx context.Context, s *ServerConn, query string) (driver.Stmt, error) {
	stmt, err := s.via.prepare(ctx, query)
	if err != nil && c.pool.here().makeRoom(ctx, s, err) {
		stmt, err = s.via.prepare(ctx, query)
	}
	return stmt, err
}

// makeRoom closes kept statements when the server takes no more, those of s or else of a server connection that is
// idle, and from now on fewer are kept. It reports whether any was closed.
func (p *Pool) makeRoom(ctx context.Context, s *ServerConn, refusal error) bool {
	if p.stmts == nil || p.dialect.stmts.full == nil || !p.dialect.stmts.full(refusal) {
		return false
	}
	p.stmts.share.Store(int64(max(1, p.stmts.limit()/2)))
	if s.closeAllKept(ctx) {
		return true
	}
	var idle []*ServerConn
	closed := false
	for !closed {
		other := p.takeIdle()
		if other == nil {
			break
		}
		idle = append(idle, other)
		closed = other.closeAllKept(ctx) && p.answers(ctx, other)
	}
	for _, other := range idle {
		if other.broken {
			p.discard(other, errBroken)
		} else {
			p.putBack(other)
		}
	}
	return closed
}

// answers asks the server for an answer, so that it has read what it was told before.
func (p *Pool) answers(ctx context.Context, s *ServerConn) bool {
	if s.parent.pinger == nil {
		return true
	}
	if err := p.ping(ctx, s); err != nil {
		s.broken = true
	}
	return !s.broken
}

// watchExec: lib/pq closes a connection when a context ends while it runs a text, since the request to cancel that goes
// out then may reach the server late, and hit the next statement. It does not where it runs a statement.
func watchExec(ctx context.Context, s *ServerConn, result driver.Result, _ error, kept bool) driver.Result {
	if kept {
		s.breakIfEnded(ctx)
	}
	return result
}

// watchQuery does so when the Rows are closed.
func watchQuery(ctx context.Context, s *ServerConn, rows driver.Rows, err error, kept bool) driver.Rows {
	switch {
	case err == nil && kept:
		s.cache.keptRows++
		return &watchedRows{anyRows{rows}, ctx, s, &s.cache.keptRows}
	case err == nil:
		s.cache.textRows++
		return &watchedRows{anyRows{rows}, nil, s, &s.cache.textRows}
	case kept:
		s.breakIfEnded(ctx)
	}
	return rows
}

func (s *ServerConn) breakIfEnded(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		s.broken, s.ended = true, err
	}
}

// watchedRows are Rows of which it matters whether they are closed.
type watchedRows struct {
	anyRows
	ctx  context.Context // of a kept statement; nil: it was a text
	s    *ServerConn
	open *int // nil: they are closed
}

func (r *watchedRows) Close() error {
	err := r.Rows.Close()
	if r.open == nil {
		return err
	}
	*r.open--
	r.open = nil
	if r.ctx != nil {
		r.s.breakIfEnded(r.ctx)
	}
	return err
}
