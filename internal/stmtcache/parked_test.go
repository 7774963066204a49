package stmtcache_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// named is a statement that is nothing but a name.
type named struct {
	driver.Stmt
	name string
}

// closed are the names of the statements that were closed.
type closed []string

func (c *closed) close(_ context.Context, stmt driver.Stmt) error {
	*c = append(*c, stmt.(named).name)
	return errors.New("of no interest") // the closer draws the conclusions
}

// want compares the statements that were closed, in any order, and forgets them.
func (c *closed) want(t *testing.T, what string, want ...string) {
	t.Helper()
	slices.Sort(*c)
	if !slices.Equal(*c, want) {
		t.Errorf("%s: closed %q, want %q", what, *c, want)
	}
	*c = nil
}

func TestParkedIsTakenOnce(t *testing.T) {
	var p stmtcache.Parked
	if !p.Empty() || p.Take("a") != nil {
		t.Error("the zero value has statements")
	}
	p.Park("a", named{name: "a1"})
	if p.Empty() || p.Take("b") != nil {
		t.Error("want the one that was parked, for its text alone")
	}
	if have := p.Take("a"); have != (named{name: "a1"}) {
		t.Errorf("have %v, want a1", have)
	}
	if !p.Empty() || p.Take("a") != nil {
		t.Error("it was taken twice")
	}
}

func TestParkedTakesThePlaceOfAnother(t *testing.T) {
	var p stmtcache.Parked
	var c closed
	p.Park("a", named{name: "a1"})
	p.Park("a", named{name: "a2"})
	p.Discard(named{name: "b1"})
	c.want(t, "before there is a deadline")
	var texts stmtcache.Texts
	if !p.NeedsCleanUp(&texts) {
		t.Error("want that there is something to close")
	}
	p.CloseDiscarded(context.Background(), c.close)
	c.want(t, "discarded", "a1", "b1")
	if p.NeedsCleanUp(&texts) {
		t.Error("want that there is nothing to close")
	}
	p.CloseDiscarded(context.Background(), c.close)
	c.want(t, "once more")
	if have := p.Take("a"); have != (named{name: "a2"}) {
		t.Errorf("have %v, want a2", have)
	}
}

func TestSweepClosesWhatNobodyNeeds(t *testing.T) {
	var p stmtcache.Parked
	var texts stmtcache.Texts
	var c closed
	for _, text := range []string{"a", "b", "b"} {
		texts.Add(text)
	}
	p.Park("a", named{name: "a1"})
	p.Park("b", named{name: "b1"})
	texts.Drop("b")
	if p.NeedsSweep(&texts) || p.NeedsCleanUp(&texts) {
		t.Error("one still needs b")
	}
	texts.Drop("b")
	if !p.NeedsSweep(&texts) || !p.NeedsCleanUp(&texts) {
		t.Error("nobody needs b")
	}
	p.Sweep(context.Background(), &texts, c.close)
	c.want(t, "b was dropped", "b1")
	if p.NeedsSweep(&texts) || p.Empty() {
		t.Error("want a alone, and nothing to sweep")
	}
	texts.Drop("a")
	texts.Add("a") // again
	p.Sweep(context.Background(), &texts, c.close)
	c.want(t, "a is needed again")
}

func TestParkedAtTheEnd(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*stmtcache.Parked, *closed)
		want []string
	}{
		{"the connection is closed", func(p *stmtcache.Parked, c *closed) { p.CloseAll(context.Background(), c.close) },
			[]string{"a1", "a2", "b1"}},
		{"the server has dropped them", func(p *stmtcache.Parked, c *closed) {
			p.Forget()
			if !p.Empty() {
				t.Error("want that none is left")
			}
			p.CloseAll(context.Background(), c.close)
		}, nil},
	} {
		var p stmtcache.Parked
		var c closed
		p.Park("a", named{name: "a1"})
		p.Park("a", named{name: "a2"})
		p.Park("b", named{name: "b1"})
		test.end(&p, &c)
		c.want(t, test.name, test.want...)
	}
}
