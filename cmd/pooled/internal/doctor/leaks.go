package doctor

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pooled-go/pooled"
)

// leakKind is something that a user can leave on its session. In its texts {name} and {key} stand for a name and a
// number that nobody else uses.
type leakKind struct {
	name  string
	tx    bool     // it is in a transaction that was left open
	ready string   // a part of pool_init_sql
	do    []string // what the user sends

	// probe is a query that a session with it answers otherwise than one without.
	probe string
	// elsewhere: another session is asked, which wants the lock.
	elsewhere bool
}

// The ways to leave a transaction are many, and this one is the same for all: a savepoint is gone with its transaction,
// and to go back to one that isn't there is an error.
var openTransaction = leakKind{name: "open transaction", tx: true,
	do: []string{"BEGIN", "SAVEPOINT {name}"}, probe: "ROLLBACK TO SAVEPOINT {name}"}

var postgresLeaks = []leakKind{
	openTransaction,
	{name: "SET", do: []string{"SET statement_timeout = 54321"}, probe: "SHOW statement_timeout"},
	{name: "search_path", do: []string{"SET search_path = {name}"}, probe: "SHOW search_path"},
	{name: "role", do: []string{"SELECT set_config('role', current_user::text, false)"}, probe: "SHOW role"},
	{name: "read-only session", do: []string{"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"},
		probe: "SHOW default_transaction_read_only"},
	{name: "temporary table", do: []string{"CREATE TEMPORARY TABLE {name} (a INT)"},
		probe: "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = '{name}' AND relnamespace = " +
			"pg_catalog.pg_my_temp_schema()"},
	{name: "prepared statement", do: []string{"PREPARE {name} AS SELECT 1"},
		probe: "SELECT count(*) FROM pg_catalog.pg_prepared_statements WHERE name = '{name}'"},
	{name: "cursor WITH HOLD", do: []string{"DECLARE {name} CURSOR WITH HOLD FOR SELECT 1"},
		probe: "SELECT count(*) FROM pg_catalog.pg_cursors WHERE name = '{name}'"},
	{name: "LISTEN", do: []string{"LISTEN {name}"}, probe: "SELECT count(*) FROM pg_catalog.pg_listening_channels()"},
	{name: "advisory lock", do: []string{"SELECT pg_advisory_lock({key})"}, elsewhere: true,
		probe: "SELECT pg_try_advisory_xact_lock({key})"},
	{name: "SET by a function", ready: "; CREATE TEMPORARY VIEW {name} AS SELECT set_config('statement_timeout', " +
		"'54321', false)",
		do: []string{"SELECT * FROM {name}"}, probe: "SHOW statement_timeout"},
}

var mysqlLeaks = []leakKind{
	openTransaction,
	{name: "user variable", do: []string{"SET @pooled_doctor = 1"}, probe: "SELECT @pooled_doctor"},
	{name: "SET", do: []string{"SET SESSION sql_select_limit = 54321"}, probe: "SELECT @@sql_select_limit"},
	{name: "autocommit", do: []string{"SET autocommit = 1 - @@autocommit"}, probe: "SELECT @@autocommit"},
	{name: "SET NAMES", do: []string{"SET NAMES cp850"}, probe: "SELECT @@character_set_client"},
	{name: "USE", do: []string{"USE information_schema"}, probe: "SELECT DATABASE()"},
	{name: "temporary table", do: []string{"CREATE TEMPORARY TABLE {name} (a INT)"}, probe: "SELECT count(*) FROM {name}"},
	{name: "prepared statement", do: []string{"PREPARE {name} FROM 'SELECT 1'"}, probe: "EXECUTE {name}"},
	{name: "LAST_INSERT_ID(n)", do: []string{"SELECT LAST_INSERT_ID(54321)"}, probe: "SELECT LAST_INSERT_ID()"},
	{name: "GET_LOCK", do: []string{"SELECT GET_LOCK('{name}', 0)"}, elsewhere: true,
		probe: "SELECT IS_FREE_LOCK('{name}')"},
	{name: "warnings of a query", do: []string{"SELECT CAST('pooled' AS UNSIGNED)"}, probe: "SHOW COUNT(*) WARNINGS"},
}

var sqliteLeaks = []leakKind{
	openTransaction,
	{name: "PRAGMA", do: []string{"PRAGMA cache_size = 54321"}, probe: "PRAGMA cache_size"},
	{name: "temporary table", do: []string{"CREATE TEMPORARY TABLE {name} (a INT)"},
		probe: "SELECT count(*) FROM sqlite_temp_master WHERE name = '{name}'"},
	{name: "attached database", do: []string{"ATTACH ':memory:' AS {name}"},
		probe: "SELECT count(*) FROM pragma_database_list WHERE name = '{name}'"},
}

// filled puts a name and a number into all texts.
func (k leakKind) filled() leakKind {
	id := rand.Text()
	key := int64(0)
	for _, c := range []byte(id) {
		key = key*31 + int64(c)
	}
	r := strings.NewReplacer("{name}", "pooled_doctor_"+strings.ToLower(id[:10]), "{key}", fmt.Sprint(key))
	do := make([]string, len(k.do))
	for i, text := range k.do {
		do[i] = r.Replace(text)
	}
	k.ready, k.do, k.probe = r.Replace(k.ready), do, r.Replace(k.probe)
	return k
}

// stricter are the modes that undo more, each more than the one before. What commit leaves alone, rollback does.
var stricter = []pooled.ResetMode{pooled.ResetRollback, pooled.ResetAuto, pooled.ResetSession}

// checkLeaks leaves each kind on a session in the DSN's mode, asks the next caller of the same session, and where
// that one finds it, looks for a mode in which it doesn't.
func checkLeaks(ctx context.Context, x *exam) error {
	for i, k := range x.server.kinds {
		x.progress.show(fmt.Sprintf("[%d/%d] what the next caller finds: %s", i+1, len(x.server.kinds), k.name))
		l := x.examineLeak(ctx, k)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		x.report.record(func() { x.report.Leaks = append(x.report.Leaks, l) })
	}
	x.judgeLeaks()
	return nil
}

func (x *exam) examineLeak(ctx context.Context, k leakKind) leak {
	l := leak{Kind: k.name, Result: leakClean, tx: k.tx}
	var found bool
	err := x.mayTry(k)
	if err == nil {
		found, err = x.leaks(ctx, k, x.cfg.ResetOnReturn)
	}
	switch {
	case err != nil:
		l.Result, l.Reason = leakNotTried, x.say(err)
		return l
	case !found:
		return l
	}
	l.Result = leakFound
	for _, mode := range x.stricterModes(k) {
		if found, err := x.leaks(ctx, k, mode); err == nil && !found {
			l.PreventedBy = string(mode)
			break
		}
	}
	return l
}

// mayTry refuses what could not be told, or would not be undone.
func (x *exam) mayTry(k leakKind) error {
	switch {
	case x.pooler.shares():
		return errors.New("the pooler passes what a session leaves to other clients, whatever the mode")
	case k.elsewhere && x.alone:
		return errAlone
	}
	return nil
}

// stricterModes are those worth a try. Only rollback can help with a transaction without touching the session.
func (x *exam) stricterModes(k leakKind) []pooled.ResetMode {
	for i, mode := range stricter {
		if mode == x.cfg.ResetOnReturn {
			return stricter[i+1:]
		}
	}
	if k.tx {
		return stricter
	}
	return stricter[1:]
}

// errAlike: a session with it can't be told from one without.
var errAlike = errors.New("the DSN sets the same in every session")

// leaks leaves a kind in a session of its own, and tells whether the next caller finds it.
func (x *exam) leaks(ctx context.Context, k leakKind, mode pooled.ResetMode) (found bool, err error) {
	k = k.filled()
	change := func(cfg *pooled.Config) {
		cfg.ResetOnReturn = mode
		cfg.InitSQL += k.ready
		if cfg.ResetTimeout > 0 { // a reset that is cut short ends the session: what is found would be by chance
			cfg.ResetTimeout = max(cfg.ResetTimeout, standardTimeout)
		}
	}
	err = x.with(change, func(s *session) error {
		fresh, err := x.ask(ctx, s, k)
		if err != nil {
			return err
		}
		defer s.cleanUp(ctx, x.server)
		if err := s.leave(ctx, k, fresh); err != nil {
			return err
		}
		now, err := x.ask(ctx, s, k)
		if k.elsewhere && s.ended() { // the server learns of a session's end a little later than its client
			for until := time.Now().Add(endLimit); err == nil && now != fresh && time.Now().Before(until); {
				now, err = x.ask(ctx, s, k)
			}
		}
		found = now != fresh
		return err
	})
	return found, err
}

// endLimit is how long a server may take to learn of a session's end: a busy one takes its time.
const endLimit = 10 * time.Second

// leave is one user's work. Unless another session is to be asked, it looks whether it has left something.
func (s *session) leave(ctx context.Context, k leakKind, fresh string) error {
	return s.use(ctx, func(conn *sql.Conn) error {
		if err := send(ctx, conn, k.do...); err != nil {
			return err
		}
		if k.elsewhere {
			return nil
		}
		left, err := answer(ctx, conn, k.probe)
		if err == nil && left == fresh {
			err = errAlike
		}
		return err
	})
}

// ask is the probe's answer to the next caller.
func (x *exam) ask(ctx context.Context, s *session, k leakKind) (text string, err error) {
	ask := func(s *session) error {
		return s.use(ctx, func(conn *sql.Conn) (err error) {
			text, err = answer(ctx, conn, k.probe)
			return err
		})
	}
	if k.elsewhere {
		err = x.with(nil, ask)
	} else {
		err = ask(s)
	}
	return text, err
}

// cleanUp is for a session that does not end with its connection, since a pooler in session mode is in between and told
// not to reset it. It is done also when the examination is interrupted. The pool, which might run pool_init_sql
// afterwards, is left out.
func (s *session) cleanUp(ctx context.Context, p *serverKind) {
	if p.cleanUp == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
	defer cancel()
	s.use(ctx, func(conn *sql.Conn) error { // an error leaves what the session's end undoes
		if err := pooled.Detach(ctx, conn); err != nil {
			return err
		}
		return send(ctx, conn, p.cleanUp...)
	})
}

const cleanUpLimit = 5 * time.Second

// judgeLeaks sums up. A transaction that others are drawn into is a problem whatever the program does; state of the
// session matters only to a program whose statements leave any.
func (x *exam) judgeLeaks() {
	mode := x.cfg.ResetOnReturn
	session, tried := map[pooled.ResetMode][]string{}, 0 // found, by the mode that prevents it
	for _, l := range x.report.Leaks {
		switch {
		case l.Result == leakNotTried:
		case !l.tx:
			tried++
			if l.Result == leakFound {
				by := pooled.ResetMode(l.PreventedBy)
				session[by] = append(session[by], l.Kind)
			}
		case l.Result == leakFound:
			x.report.add("leak-transaction", levelProblem, fmt.Sprintf("with pool_reset_on_return=%s the next "+
				"caller is inside the transaction that the one before left open, and holds its locks",
				mode), "pool_reset_on_return="+l.PreventedBy)
		default:
			x.report.add("leak-transaction", levelOK, "the next caller finds no open transaction", "")
		}
	}
	x.judgeSessionLeaks(mode, session, tried)
}

func (x *exam) judgeSessionLeaks(mode pooled.ResetMode, found map[pooled.ResetMode][]string, tried int) {
	if tried == 0 {
		return
	}
	var what, helps []string
	for _, by := range []pooled.ResetMode{pooled.ResetAuto, pooled.ResetSession, ""} {
		kinds := found[by]
		if kinds == nil {
			continue
		}
		what = append(what, kinds...)
		if by != "" {
			helps = append(helps, fmt.Sprintf("pool_reset_on_return=%s, if the program leaves any of: %s", by,
				strings.Join(kinds, ", ")))
		}
	}
	text := fmt.Sprintf("with pool_reset_on_return=%s the next caller finds %d of %d kinds of session state", mode,
		len(what), tried)
	change := strings.Join(helps, "; ")
	switch {
	case len(what) == 0:
	case mode == pooled.ResetNone:
		x.report.add("leak-session", levelWarning, text, change)
		return
	case mode == pooled.ResetAuto:
		text += ", which no statement shows: " + strings.Join(what, ", ")
	default: // what the mode promises is kept
		text += ", as with database/sql alone"
	}
	if change != "" {
		text += "; " + change
	}
	x.report.add("leak-session", levelOK, text, "")
}
