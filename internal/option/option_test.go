package option_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/option"
)

// settings is a struct as any package may have it.
type settings struct {
	Name  string
	Size  int
	Limit int
	Wait  time.Duration
	Break time.Duration
	Age   time.Duration
	Fair  bool
	Mode  mode
	Level mode
}

type mode string

var errPair = errors.New("want less than size")

var defaults = settings{
	Name: "it", Size: 5, Limit: option.NoLimit, Wait: time.Minute, Age: time.Hour, Mode: "one", Level: "off",
}

var table = option.New(defaults,
	option.Text("x_name", func(s *settings) *string { return &s.Name }, option.Printable, "a name"),
	option.Int("x_size", func(s *settings) *int { return &s.Size }, 5, option.Between(1, 9), "a size").
		Alias("x_length", "x_width"),
	option.Int("x_limit", func(s *settings) *int { return &s.Limit }, 10, option.AtLeast(2), "a limit").
		In([]string{"big"}).Also(func(s *settings) error {
		if s.Limit >= s.Size {
			return errPair
		}
		return nil
	}),
	option.Duration("x_wait", func(s *settings) *time.Duration { return &s.Wait }, option.FromZero, "a wait"),
	option.Duration("x_break", func(s *settings) *time.Duration { return &s.Break }, option.FromZero, "a break").Short(),
	option.Duration("x_age", func(s *settings) *time.Duration { return &s.Age }, option.AboveZero, "an age"),
	option.Bool("x_fair", func(s *settings) *bool { return &s.Fair }, "fairness"),
	option.Choice("x_mode", func(s *settings) *mode { return &s.Mode }, "a mode", "one", "two", "three").
		Meant("one", "first uno").Meant("two", "second"),
	option.Switch("x_level", func(s *settings) *mode { return &s.Level }, "some", "off", "a level", "off", "some", "all"),
)

// Each duration from the least to the most is allowed, and NoLimit.
func TestBetweenOrNone(t *testing.T) {
	check := option.BetweenOrNone(time.Second, time.Minute)
	for d, want := range map[time.Duration]string{
		time.Second: "", time.Minute: "", option.NoLimit: "",
		0:               "want a duration from 1s to 1m, or -1 (NoLimit)",
		time.Second - 1: "want a duration from 1s to 1m, or -1 (NoLimit)",
		time.Minute + 1: "want a duration from 1s to 1m, or -1 (NoLimit)",
		-2:              "want a duration from 1s to 1m, or -1 (NoLimit)",
	} {
		if err := check(d); err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%v: have %v, want %q", d, err, want)
		}
	}
}

// What people write in the place of a value is refused, and the error says which one was meant. The error that it wraps
// does not.
func TestMeant(t *testing.T) {
	for value, want := range map[string]string{
		"One": "", "second": "want one, two or three; did you mean two?", "UNO": "want one, two or three; did you mean one?",
		"fourth": "want one, two or three", "": "want one, two or three",
	} {
		s := defaults
		err := table.Lookup("x_mode").Parse(&s, value)
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%q: have %v, want %q", value, err, want)
		}
		if inner := errors.Unwrap(err); inner != nil && inner.Error() != "want one, two or three" {
			t.Errorf("%q: have %v within it, want nothing of the value", value, inner)
		}
	}
}

func TestDefaults(t *testing.T) {
	var have []string
	for _, r := range table {
		have = append(have, r.Key+"="+r.Default)
	}
	want := []string{
		"x_name=it", "x_size=5", "x_limit=-1", "x_wait=1m", "x_break=0s", "x_age=1h",
		"x_fair=false", "x_mode=one", "x_level=off",
	}
	if !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

// Each value is read, and written in one way.
func TestValues(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"x_name", " a b ", " a b "},
		{"x_name", "", ""},
		{"x_size", "-3", "-3"}, // for Check to refuse
		{"x_length", "7", "7"},
		{"x_wait", "90", "1m30s"},
		{"x_wait", ".25", "250ms"},
		{"x_wait", "3600s", "1h"},
		{"x_wait", "61m", "1h1m"},
		{"x_wait", "86400", "24h"},
		{"x_wait", "90000s", "25h"},
		{"x_break", "3600", "1h"},
		{"x_break", "30000s", "8h20m"},
		{"x_wait", "-1", "-1"},
		{"x_wait", "0", "0s"},
		{"x_fair", "YES", "true"},
		{"x_fair", "0", "false"},
		{"x_mode", "TWO", "two"},
		{"x_level", "1", "some"},
		{"x_level", "No", "off"},
		{"x_level", "All", "all"},
	} {
		var s settings
		r := table.Lookup(test.key)
		if err := r.Parse(&s, test.value); err != nil {
			t.Errorf("%s=%s: have %v, want no error", test.key, test.value, err)
		}
		if have := r.Format(&s); have != test.want {
			t.Errorf("%s=%s: have %q, want %q", test.key, test.value, have, test.want)
		}
	}
}

func TestRefusedValues(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"x_size", "x", "want a whole number, such as 5"},
		{"x_size", "99999999999999999999", "want a whole number of at most 9 digits"},
		{"x_wait", "86400.5", "a plain number is seconds, which would be 24h0m0.5s: write 1m26.4005s if milliseconds were " +
			"meant, else 24h0m0.5s"},
		{"x_wait", "99999999999", "want a unit"},
		{"x_break", "3601", "a plain number is seconds, which would be 1h0m1s: write 3.601s if milliseconds were meant"},
		{"x_wait", "1e3", "want a duration"},
		{"x_wait", "-2", "want a duration"},
		{"x_wait", "-1s", "want a duration"},
		{"x_wait", "inf", "want a duration"},
		{"x_fair", "2", "want true or false (1 or 0, on or off, yes or no)"},
		{"x_mode", "true", "want one, two or three"},
		{"x_level", "few", "want off, some, all, true or false"},
	} {
		err := table.Lookup(test.key).Parse(new(settings), test.value)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s=%s: have %v, want %s", test.key, test.value, err, test.want)
		}
	}
}

// The first value that is refused is told, whoever stored it.
func TestCheck(t *testing.T) {
	for _, test := range []struct {
		key  string
		set  func(*settings)
		want string
	}{
		{"", func(*settings) {}, ""},
		{"x_name", func(s *settings) { s.Name = "a\nb" }, "want printable characters"},
		{"x_name", func(s *settings) { s.Name = "\xff" }, "want printable characters"},
		{"x_size", func(s *settings) { s.Size, s.Limit = 0, -2 }, "want 1 to 9"},
		{"x_size", func(s *settings) { s.Size = -1 }, "want 1 to 9"},
		{"x_limit", func(s *settings) { s.Limit = 1 }, "want at least 2, or -1 for no limit"},
		{"x_limit", func(s *settings) { s.Limit = 7 }, errPair.Error()},
		{"x_wait", func(s *settings) { s.Wait = -time.Second },
			"want no negative duration: for no limit write NoLimit"},
		{"x_age", func(s *settings) { s.Age = -2 }, "want no negative duration: for no limit write NoLimit"},
		{"x_age", func(s *settings) { s.Age = 0 }, "want a duration above 0, or -1 for no limit"},
		{"x_mode", func(s *settings) { s.Mode = "One" }, "want one, two or three"},
		{"x_level", func(s *settings) { s.Level = "" }, "want off, some, all, true or false"},
	} {
		s := defaults
		test.set(&s)
		r, err := table.Check(&s)
		if err == nil && test.key == "" {
			continue
		}
		if err == nil || r.Key != test.key || err.Error() != test.want {
			t.Errorf("%s: have %v, %v; want %q", test.key, r, err, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for key, want := range map[string]string{
		"x_siz": "x_size", "X_SIZE": "x_size", "x_widht": "x_width",
		"x_name_of_it": "x_name",
	} {
		if have, _ := table.Nearest(key); have != want {
			t.Errorf("%s: have %s, want %s", key, have, want)
		}
	}
	if _, distance := table.Nearest("tiger"); distance < 4 {
		t.Errorf("tiger: have a distance of %d, want it to resemble nothing", distance)
	}
}

func TestClasses(t *testing.T) {
	limit, size := table.Lookup("x_limit"), table.Lookup("x_size")
	if !limit.AppliesTo("big") || limit.AppliesTo("small") || !size.AppliesTo("small") {
		t.Error("want a limit for what is big, and a size for all")
	}
}

func TestParsePercent(t *testing.T) {
	for value, want := range map[string]float64{"10": 10, "0": 0, "100": 100, "2.5": 2.5} {
		if have, err := option.ParsePercent(value); have != want || err != nil {
			t.Errorf("%s: have %v, %v; want %v", value, have, err, want)
		}
	}
	for _, value := range []string{"", "-1", "101", "1e1", "x", "inf", "NaN"} {
		if have, err := option.ParsePercent(value); err == nil {
			t.Errorf("%s: have %v, want it refused", value, have)
		}
	}
}
