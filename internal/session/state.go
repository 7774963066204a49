package session

import "github.com/pooled-go/pooled/internal/sqltext"

// State is what the statements of a session may have left behind: an open transaction, a
// changed session. It belongs to the holder of the connection.
type State struct {
	rules      *sqltext.Rules
	session    bool // changes of the session are looked for
	statements bool // so is what makes prepared statements unfit

	// What is known of the last text. Programs send the same one over and over.
	known   bool // it was judged:
	verdict sqltext.Verdict
	plain   bool // it was, and leaves nothing

	openTx      bool // a transaction begun by BeginTx is not known to have ended
	textTx      bool // a statement was seen that may have opened a transaction
	autoOff     bool // autocommit may be off, or COMMIT begin the next: every statement may open a transaction
	bornAutoOff bool // what autoOff is after a reset: what it was when the session was new
	dirty       bool // a statement was seen that may have changed the session
}

// Init is called once, before all else. Whether changes of the session and prepared
// statements are of interest decides what is looked for in texts.
func (s *State) Init(rules *sqltext.Rules, session, statements bool) {
	s.rules, s.session, s.statements = rules, session, statements
}

// Judge tells what a text may leave behind, for a statement that is prepared now and sent
// later.
func (s *State) Judge(query string) sqltext.Verdict {
	return s.rules.Judge(query, s.session, s.statements)
}

// Sending is told of a text before it is sent, and returns what it may leave behind. same says that it is the text that
// was told last.
func (s *State) Sending(query string, same bool) sqltext.Verdict {
	if same && s.plain {
		return sqltext.Verdict{}
	}
	return s.sending(query, same)
}

func (s *State) sending(query string, same bool) sqltext.Verdict {
	if !same || !s.known {
		s.verdict, s.known = s.Judge(query), true
		s.plain = s.verdict == sqltext.Verdict{}
	}
	s.Leave(s.verdict)
	return s.verdict
}

// Forget is told that the last text was another than those that Sending was told of.
func (s *State) Forget() { s.known, s.plain = false, false }

// SendingAnything is told that the program does what cannot be seen.
func (s *State) SendingAnything() sqltext.Verdict {
	v := s.rules.Worst()
	s.Leave(v)
	return v
}

// Leave is told of a statement that was judged before, before it is sent.
func (s *State) Leave(v sqltext.Verdict) {
	if v.Touches && s.session {
		s.dirty = true
	}
	switch v.Leaves {
	case sqltext.EffectAny:
		s.autoOff = true
		s.textTx = true
	case sqltext.EffectTx:
		s.textTx = true
	}
}

// SendingUnused is told of a text before it is sent while nobody uses the session. What
// it sets is a part of the session; but without autocommit the statements of all who use
// it begin transactions. Of a server that is not known, all that is not plain would count
// as such.
func (s *State) SendingUnused(query string) sqltext.Verdict {
	v := s.Judge(query)
	if !s.rules.Unknown && v.Leaves == sqltext.EffectAny {
		s.autoOff = true
	}
	return v
}

// SetAutoOff is told, when the session is new, whether every statement may open a
// transaction.
func (s *State) SetAutoOff(off bool) { s.autoOff = off }

// AutoOff reports whether every statement may open a transaction.
func (s *State) AutoOff() bool { return s.autoOff }

// SetNew is told that the session is as a reset will leave it.
func (s *State) SetNew() { s.bornAutoOff = s.autoOff }

// BeginTx is told, before it is sent, of a transaction whose end will be known.
func (s *State) BeginTx() { s.openTx = true }

// EndTx is told whether that transaction has ended for certain.
func (s *State) EndTx(certain bool) { s.openTx = !certain }

// DoubtTx is told that a transaction may be open for all that was said.
func (s *State) DoubtTx() { s.textTx = true }

// OpenTx reports whether a transaction is open whose end will be known.
func (s *State) OpenTx() bool { return s.openTx }

// MayHoldTx reports whether a transaction may be open on the server.
func (s *State) MayHoldTx() bool { return s.openTx || s.textTx || s.autoOff }

// Dirty reports whether the session may have been changed.
func (s *State) Dirty() bool { return s.dirty }

// RolledBack is told that whatever transaction there was has ended.
func (s *State) RolledBack() { s.openTx, s.textTx = false, false }

// Reset is told that the session is as it was when it was new.
func (s *State) Reset() {
	s.openTx, s.textTx, s.dirty = false, false, false
	s.autoOff = s.bornAutoOff
}
