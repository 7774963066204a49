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
