package session_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/session"
	"github.com/pooled-go/pooled/internal/sqltext"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

func newState(look bool) *session.State {
	s := new(session.State)
	s.Init(mysql.Dialect.Rules, look, look)
	return s
}

func TestState(t *testing.T) {
	type step struct {
		name  string
		do    func(*session.State)
		tx    bool
		off   bool // autocommit
		dirty bool
	}
	sending := func(query string) func(*session.State) { return func(s *session.State) { s.Sending(query, false) } }
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"harmless", []step{
			{"select", sending("SELECT 1"), false, false, false},
			{"again", sending("SELECT 1"), false, false, false},
			{"another", sending("INSERT INTO t VALUES (1)"), false, false, false},
		}},
		{"a transaction by text", []step{
			{"begin", sending("BEGIN"), true, false, false},
			{"select", sending("SELECT 1"), true, false, false},
			{"rolled back", (*session.State).RolledBack, false, false, false},
			{"select again", sending("SELECT 1"), false, false, false},
			{"begin again", sending("BEGIN"), true, false, false},
			{"and once more", sending("BEGIN"), true, false, false},
			{"reset", (*session.State).Reset, false, false, false},
		}},
		{"a transaction by BeginTx", []step{
			{"begin", (*session.State).BeginTx, true, false, false},
			{"no certain end", func(s *session.State) { s.EndTx(false) }, true, false, false},
			{"end", func(s *session.State) { s.EndTx(true) }, false, false, false},
			{"doubt", (*session.State).DoubtTx, true, false, false},
			{"rolled back", (*session.State).RolledBack, false, false, false},
		}},
		{"a changed session", []step{
			{"lock", sending("SELECT GET_LOCK('a', 1)"), false, false, true},
			{"rolled back", (*session.State).RolledBack, false, false, true},
			{"reset", (*session.State).Reset, false, false, false},
		}},
		{"autocommit", []step{
			{"off", sending("SET autocommit = 0"), true, true, true},
			{"rolled back", (*session.State).RolledBack, true, true, true},
			{"reset", (*session.State).Reset, false, false, false},
		}},
		{"autocommit off from the start", []step{
			{"new", func(s *session.State) { s.SetAutoOff(true); s.SetNew() }, true, true, false},
			{"set", sending("SET autocommit = 1"), true, true, true},
			{"reset", (*session.State).Reset, true, true, false},
		}},
		{"autocommit off by a hook", []step{
			{"unused", func(s *session.State) { s.SendingUnused("SET autocommit = 0") }, true, true, false},
			{"unused, harmless", func(s *session.State) { s.SendingUnused("SET @a = 1") }, true, true, false},
		}},
		{"anything", []step{
			{"anything", func(s *session.State) { s.SendingAnything() }, true, true, true},
			{"reset", (*session.State).Reset, false, false, false},
		}},
		{"a prepared statement", []step{
			{"judged", func(s *session.State) { s.Judge("BEGIN") }, false, false, false},
			{"sent", func(s *session.State) { s.Leave(s.Judge("BEGIN")) }, true, false, false},
		}},
		{"the same text", []step{
			{"begin", sending("BEGIN"), true, false, false},
			{"rolled back", func(s *session.State) { s.RolledBack() }, false, false, false},
			{"again", func(s *session.State) { s.Sending("BEGIN", true) }, true, false, false},
		}},
		{"a text that was forgotten", []step{
			{"harmless", sending("SELECT 1"), false, false, false},
			{"another", func(s *session.State) { s.Forget() }, false, false, false},
			{"the other", func(s *session.State) { s.Sending("BEGIN", true) }, true, false, false},
		}},
	} {
		s := newState(true)
		for _, step := range test.steps {
			step.do(s)
			if s.MayHoldTx() != step.tx || s.AutoOff() != step.off || s.Dirty() != step.dirty {
				t.Errorf("%s, %s: have transaction %t, autocommit off %t, dirty %t, want %t %t %t", test.name, step.name,
					s.MayHoldTx(), s.AutoOff(), s.Dirty(), step.tx, step.off, step.dirty)
			}
		}
	}
}

// Sending returns the verdict on each text, whether or not it is the last one.
func TestVerdicts(t *testing.T) {
	s := newState(true)
	for _, query := range []string{
		"SELECT 1", "BEGIN", "BEGIN", "SELECT 1", "SELECT 1", "SET @a = 1", "ALTER TABLE t ADD a INT",
	} {
		want := mysql.Dialect.Rules.Judge(query, true, true)
		for _, have := range []sqltext.Verdict{s.Sending(query, false), s.Sending(query, true), s.Judge(query)} {
			if have != want {
				t.Errorf("%s: have %+v, want %+v", query, have, want)
			}
		}
	}
	if have, want := s.SendingAnything(), mysql.Dialect.Rules.Worst(); have != want {
		t.Errorf("anything: have %+v, want %+v", have, want)
	}
}

// What nobody asked for is not looked for.
func TestStateWithoutSession(t *testing.T) {
	s := newState(false)
	if v := s.Sending("SELECT GET_LOCK('a', 1)", false); v != (sqltext.Verdict{}) || s.Dirty() {
		t.Errorf("have %+v, dirty %t, want neither", v, s.Dirty())
	}
	if s.SendingAnything(); s.Dirty() {
		t.Error("anything: the session counts as changed")
	}
}

// Of a server that is not known, nothing is made of what is sent before anybody uses it.
func TestUnusedOfUnknownServers(t *testing.T) {
	var s session.State
	s.Init(generic.Dialect.Rules, true, true)
	if s.SendingUnused("SET x = 1"); s.MayHoldTx() {
		t.Error("it counts as one without autocommit")
	}
	if s.Sending("SET x = 1", false); !s.MayHoldTx() {
		t.Error("when it is used, it counts as one with autocommit, so this test shows nothing")
	}
}

func TestSendingAllocatesNothing(t *testing.T) {
	s := newState(true)
	send := func() { s.Sending("SELECT 1", false); s.Sending("BEGIN", false); s.Reset() }
	if n := testing.AllocsPerRun(100, send); n != 0 {
		t.Errorf("have %v allocations, want 0", n)
	}
}

func BenchmarkSending(b *testing.B) {
	for name, texts := range map[string][2]string{
		"same": {"SELECT a FROM t WHERE b = ?", "SELECT a FROM t WHERE b = ?"},
		"two":  {"SELECT a FROM t WHERE b = ?", "SELECT b FROM t WHERE a = ?"},
	} {
		b.Run(name, func(b *testing.B) {
			s := newState(true)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Sending(texts[i%2], i > 0 && texts[0] == texts[1])
			}
		})
	}
}
