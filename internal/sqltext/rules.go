// Package sqltext finds out from a statement's text what it may leave behind: an open transaction, a changed session,
// or prepared statements that are out of date. It knows no grammar, only blanks, quotes, comments and keywords. What
// one kind of server makes of them is its Rules, which its dialect has; where a text can be read in two ways, the
// answer is the worse one.
//
// A needless "maybe" costs a round trip when the connection comes back; a wrong "nothing" would hand a transaction or
// a setting to the next who uses it. So the statements that leave nothing are listed, and all else may leave anything.
//
// It is about the text: what a trigger, a view or a stored function does that a SELECT or INSERT runs, no client can
// see.
package sqltext

import "strings"

// Effect is what a statement may leave behind on its server connection when it was sent in autocommit mode. The larger
// value is the worse one.
type Effect uint8

const (
	// EffectNone: leaves no transaction open, for certain, and leaves autocommit alone.
	EffectNone Effect = iota

	// EffectTx: may leave a transaction open.
	EffectTx

	// EffectAny: may leave a transaction open, and may have changed for good whether the statements after it do:
	// autocommit, or what a COMMIT starts.
	EffectAny
)

// Invalidation is what a statement does to prepared statements that were made before it. The larger value is the worse
// one.
type Invalidation uint8

const (
	InvalidatesNone     Invalidation = iota
	InvalidatesForNow                // they are unfit until the transaction has ended
	InvalidatesSession               // they are unfit
	InvalidatesSessions              // so are those of the other server connections
)

// Rules are what one kind of server makes of a text. Each function of theirs is given a first keyword,
// empty if there is none that is known, and all the text behind it; or, as Text says, a whole text.
type Rules struct {
	Lexis *Lexis

	// Unknown: these are the rules for a server of which nothing is known, so most of what they say is a guess.
	Unknown bool

	// ExecutableComments: the server may run what stands in a comment (MySQL).
	ExecutableComments bool

	// MostEffect is the answer to what cannot be told. Where there is no switch for autocommit, the worst is an open
	// transaction.
	MostEffect Effect

	// Effect judges one statement. EffectOfText judges a whole text instead, for servers whose statements need nothing
	// between them.
	Effect       func(word Keyword, rest string) Effect
	EffectOfText func(q string) Effect

	// Words must not be in a text that EffectOfText finds harmless, by their weights, which are Effects.
	Words *Words

	// Session tells whether one statement may leave session state behind, SessionOfText whether a whole text may.
	Session       func(word Keyword, rest string) bool
	SessionOfText func(q string) bool

	// SessionWords reach the session from a statement that looks harmless, and so does what HidesSession tells.
	SessionWords *Words
	HidesSession func(q string, ascii bool) bool

	// Repeats tells the statements that in autocommit mode are done as a whole or not at all. Nil: there are none that
	// this is known of.
	Repeats func(word Keyword, rest string) bool

	// Prepares is one more first keyword of statements that can be prepared and kept. Unprepared tells texts of these
	// that mean something else when they are prepared. Where Invalidates is nil, none is kept.
	Prepares    string
	Unprepared  func(q string) bool
	Invalidates func(q string) Invalidation
}

// Verdict is what a text may leave behind.
type Verdict struct {
	Leaves      Effect
	Touches     bool // the session may be changed
	Invalidates Invalidation
}

// Worst is the verdict on what cannot be seen.
func (r *Rules) Worst() Verdict { return Verdict{r.MostEffect, true, InvalidatesSessions} }

// Judge tells what a text may leave behind. What is not asked for is not looked at.
func (r *Rules) Judge(q string, session, statements bool) Verdict {
	v := Verdict{Leaves: r.Leaves(q), Touches: session && r.Touches(q)}
	if statements {
		v.Invalidates = r.InvalidatesBy(q)
	}
	return v
}

// Leaves tells whether a text may leave a transaction open or change autocommit.
//
// Triggers and stored functions are not seen, and need not be: MySQL and MariaDB forbid those to begin, end or
// autocommit anything, and PostgreSQL and SQLite give them no way to.
//
// It runs on every new statement of the program, so it allocates nothing, and the four statements that most texts
// begin with are told by one comparison.
func (r *Rules) Leaves(q string) Effect {
	if r.EffectOfText != nil {
		return r.EffectOfText(q)
	}
	if beginsPlainly(q) && strings.IndexByte(q, ';') < 0 &&
		!(r.ExecutableComments && strings.IndexByte(q, '/') >= 0) {
		return EffectNone
	}
	if r.ExecutableComments && HasExecutableComment(q) {
		return EffectAny
	}
	found, statements := EffectNone, r.Lexis.Statements(q)
	for n := 0; statements.Next(); n++ {
		if n == 1 {
			// What a driver or server does with the rest when one of several statements fails is not known.
			found = max(found, EffectTx)
		}
		if found = max(found, r.Effect(statements.Word, statements.Rest)); found == r.MostEffect {
			return found
		}
	}
	if statements.Ambiguous() {
		return r.MostEffect
	}
	return found
}

// Touches tells whether a text may leave session state behind that a later caller could see: settings, temporary
// tables, locks that outlive their transaction, prepared names, cursors, variables. Transactions are no session
// state, and neither is what ends with its transaction (SET LOCAL).
//
// The text must be free of the words by which a harmless statement reaches the session, wherever in it they stand: a
// word in a string or comment costs a needless reset, a word overlooked is the next caller's surprise.
//
// What every INSERT may leave, the last generated ID (LAST_INSERT_ID(), lastval(), last_insert_rowid()), does not
// count.
//
// It allocates nothing and reads the text of an ordinary statement once.
func (r *Rules) Touches(q string) bool {
	if r.SessionOfText != nil {
		return r.SessionOfText(q)
	}
	found, ascii := r.SessionWords.Find(r.Lexis, q)
	if found > 0 || r.HidesSession != nil && r.HidesSession(q, ascii) {
		return true
	}
	if beginsPlainly(q) && strings.IndexByte(q, ';') < 0 {
		return false
	}
	// Several statements are no cause for doubt here: whichever of them run, none touches the session.
	statements := r.Lexis.Statements(q)
	for statements.Next() {
		if r.Session(statements.Word, statements.Rest) {
			return true
		}
	}
	return statements.Ambiguous()
}
