package option_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/option"
)

func TestPart(t *testing.T) {
	type settings struct {
		Percent  float64
		Duration time.Duration
	}
	row := option.Part("x_spread", func(s *settings) *float64 { return &s.Percent },
		func(s *settings) *time.Duration { return &s.Duration }, "a spread")
	for given, want := range map[string]string{
		"10%": "10%", "0%": "0", "99.5%": "99.5%", "90": "1m30s", "-1": "0", "0": "0", "101%": "", "x": "", "-2s": "",
	} {
		s := settings{Percent: 1, Duration: 1}
		err := row.Parse(&s, given)
		switch {
		case (err == nil) != (want != ""):
			t.Errorf("%s: have error %v", given, err)
		case err == nil && (row.Format(&s) != want || row.Check(&s) != nil):
			t.Errorf("%s: have %s and %v, want %s", given, row.Format(&s), row.Check(&s), want)
		}
	}
	for _, bad := range []settings{{Percent: -1}, {Percent: 101}, {Duration: -1}, {Percent: 1, Duration: 1}} {
		if row.Check(&bad) == nil {
			t.Errorf("%+v is allowed", bad)
		}
	}
}

func TestList(t *testing.T) {
	type settings struct{ Names []string }
	row := option.List("x_names", func(s *settings) *[]string { return &s.Names }, "names")
	s := settings{Names: []string{"old"}}
	if row.Parse(&s, " a, b,,c "); !slices.Equal(s.Names, []string{"a", "b", "c"}) || row.Format(&s) != "a,b,c" {
		t.Errorf("have %q, written %s", s.Names, row.Format(&s))
	}
}
