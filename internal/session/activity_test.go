package session_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/pooled-go/pooled/internal/session"
)

func leased() bool { return true }
func idle() bool   { return false }

func wantStatement(t *testing.T, a *session.Activity, lease uint64, want string) {
	t.Helper()
	if have, _ := a.Look(lease, leased); have != want {
		t.Errorf("lease %d: have %q, want %q", lease, have, want)
	}
}

func TestStatementOfALease(t *testing.T) {
	var a session.Activity
	wantStatement(t, &a, 0, "")
	a.StartLease(1)
	a.Begin()
	wantStatement(t, &a, 1, "")
	a.SetStatement("one")
	wantStatement(t, &a, 1, "one")
	a.Begin() // again, after the first statement
	wantStatement(t, &a, 1, "one")
	a.StartLease(2)
	a.Begin()
	wantStatement(t, &a, 2, "")
	wantStatement(t, &a, 0, "one") // whichever lease it was
	a.SetStatement("one")          // the same text as before
	wantStatement(t, &a, 2, "one")
	a.StartLease(3)
	a.SetStatement("two") // at once, without Begin
	wantStatement(t, &a, 3, "two")
	a.StartLease(4)
	a.Begin()
	a.SetStatement("")
	wantStatement(t, &a, 4, "")
	wantStatement(t, &a, 0, "")
}

func TestReplace(t *testing.T) {
	var a session.Activity
	a.StartLease(1)
	a.SetStatement("ALTER USER scott PASSWORD 'tiger'")
	a.Replace(func(statement string) string { return strings.ReplaceAll(statement, "tiger", "***") })
	wantStatement(t, &a, 1, "ALTER USER scott PASSWORD '***'")
	a.SetStatement("SELECT 1")
	wantStatement(t, &a, 1, "SELECT 1")
}

func TestTrim(t *testing.T) {
	short := func(statement string) string { return statement[:8] }
	var a session.Activity
	a.StartLease(1)
	a.SetStatement("SELECT 1 FROM dual")
	if a.Trim(short); a.Long() {
		t.Error("a short text is long")
	}
	wantStatement(t, &a, 1, "SELECT 1 FROM dual")
	long := "SELECT 1" + strings.Repeat(" ", 4<<10)
	a.StartLease(2)
	a.SetStatement(long)
	if !a.Long() {
		t.Error("a long text is not long")
	}
	if a.Trim(short); a.Long() {
		t.Error("it is long still")
	}
	wantStatement(t, &a, 2, "SELECT 1")
	a.StartLease(3)
	a.SetStatement(long)
	wantStatement(t, &a, 3, long)
}

func TestStack(t *testing.T) {
	var a session.Activity
	if _, stack := a.Look(0, leased); stack != nil {
		t.Errorf("before there is one: have %v", stack)
	}
	lease(&a)
	_, stack := a.Look(0, leased)
	first, _, _ := strings.Cut(session.FormatStack(stack), "\n")
	if want := "github.com/pooled-go/pooled/internal/session_test.lease"; first != want {
		t.Errorf("it begins with %q, want %q; whole:\n%s", first, want, session.FormatStack(stack))
	}
	if text := session.FormatStack(stack); !strings.Contains(text, "session_test.TestStack\n\t") ||
		!strings.Contains(text, "activity_test.go:") || strings.Contains(text, "runtime.goexit") {
		t.Errorf("have\n%s", text)
	}
	if _, stack := a.Look(0, idle); stack != nil {
		t.Errorf("of an idle one: have %v", stack)
	}
	if have := session.FormatStack(nil); have != "" {
		t.Errorf("of no stack: have %q", have)
	}
}

//go:noinline
func lease(a *session.Activity) { a.SetStack() }

// Others may look at any time.
func TestLookAtOnce(t *testing.T) {
	var a session.Activity
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				statement, _ := a.Look(0, leased)
				if statement != "" && statement != "one" && statement != "two" {
					t.Errorf("have %q", statement)
				}
				a.Replace(func(statement string) string { return statement })
			}
		})
	}
	for n := range uint64(1000) {
		a.StartLease(n + 1)
		a.Begin()
		a.SetStack()
		a.SetStatement([]string{"one", "two"}[n%2])
	}
	wg.Wait()
}

func TestActivityAllocatesNothing(t *testing.T) {
	var a session.Activity
	n := uint64(0)
	allocs := testing.AllocsPerRun(100, func() {
		n++
		a.StartLease(n)
		a.Begin()
		a.SetStack()
		a.SetStatement([...]string{"one", "two"}[n%2])
	})
	if allocs != 0 {
		t.Errorf("have %v allocations, want 0", allocs)
	}
}
