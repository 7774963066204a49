package option_test

import (
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/option"
)

func TestWorded(t *testing.T) {
	type settings struct{ Pause time.Duration }
	row := option.Worded("x_pause", func(s *settings) *time.Duration { return &s.Pause }, option.AboveZero, "a pause",
		"want off or a duration", []string{"1"},
		option.Word{Word: "off", Value: option.NoLimit}, option.Word{Word: "short", Value: time.Second})
	for _, test := range []struct{ given, written, err string }{
		{"off", "off", ""}, {"false", "off", ""}, {"0", "off", ""}, {"-1", "off", ""},
		{"short", "short", ""}, {"1s", "short", ""}, {"90", "1m30s", ""},
		{"1", "", "want off or a duration"}, {"0s", "", "want off or a duration"}, {"on", "", "want off or a duration"},
		{"long", "", "want off or a duration"},
	} {
		var s settings
		err := row.Parse(&s, test.given)
		switch {
		case err != nil || test.err != "":
			if err == nil || err.Error() != test.err {
				t.Errorf("%s: have error %v, want %q", test.given, err, test.err)
			}
		case row.Format(&s) != test.written:
			t.Errorf("%s: have %s, want %s", test.given, row.Format(&s), test.written)
		}
	}
	if err := row.Check(&settings{}); err == nil {
		t.Error("0 is allowed in the struct")
	}
}

// Zero is a value like others where the check allows it.
func TestWordedZero(t *testing.T) {
	type settings struct{ Pause time.Duration }
	row := option.Worded("x_pause", func(s *settings) *time.Duration { return &s.Pause }, option.FromZero, "a pause",
		"want a duration", nil, option.Word{Word: "auto", Value: -2})
	for given, written := range map[string]string{"auto": "auto", "0": "0s", "0s": "0s", "1": "1s", "-1": "-1"} {
		s := settings{Pause: time.Hour}
		if err := row.Parse(&s, given); err != nil || row.Format(&s) != written {
			t.Errorf("%s: have %s and %v, want %s", given, row.Format(&s), err, written)
		}
	}
	for _, given := range []string{"-2", "-2ns", "off", "on", "", "AUTO"} {
		if err := row.Parse(&settings{}, given); err == nil || err.Error() != "want a duration" {
			t.Errorf("%s: have error %v, want it refused", given, err)
		}
	}
}
