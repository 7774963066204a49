package pooledtest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// verdict is a testing.TB that remembers how a test ended instead of ending.
type verdict struct {
	testing.TB
	got string
}

func (v *verdict) Helper() {}

func (v *verdict) Skipf(format string, args ...any) {
	v.got = "skip: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.got = "fatal: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// ask asks s for its DSN, and returns the DSN or how the test ended.
func ask(s *server) string {
	v := new(verdict)
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.got = s.dsn(v, "")
	}()
	<-done
	return v.got
}

func TestServerDSN(t *testing.T) {
	const env = "POOLED_TEST_NONE"
	for _, test := range []struct {
		name, dsn, require, want string
		wantSkipped              int64
	}{
		{"set", "a dsn", "", "a dsn", 0},
		{"set and required", "a dsn", "1", "a dsn", 0},
		{"not set", "", "", "skip: needs make test, which starts NoneSQL, or " + env + " set", 1},
		{"not set, required", "", "1", "fatal: " + env + " is not set, and POOLED_TEST_REQUIRE=1 forbids to skip", 0},
		{"not set, required by its kind", "", "some none",
			"fatal: " + env + " is not set, and POOLED_TEST_REQUIRE=some none forbids to skip", 0},
		{"not set, others required", "", "some nonesuch",
			"skip: needs make test, which starts NoneSQL, or " + env + " set", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(env, test.dsn)
			t.Setenv(requireEnv, test.require)
			s := &server{name: "NoneSQL", kind: "none", env: env}
			if have := ask(s); have != test.want {
				t.Errorf("dsn: have %q, want %q", have, test.want)
			}
			if have := s.skipped.Load(); have != test.wantSkipped {
				t.Errorf("skipped: have %d, want %d", have, test.wantSkipped)
			}
		})
	}
}

func TestSkippedLine(t *testing.T) {
	none, once, twice := &server{name: "A"}, &server{name: "B"}, &server{name: "C"}
	once.skipped.Store(1)
	twice.skipped.Store(2)
	if have := skippedLine(none); have != "" {
		t.Errorf("nothing skipped: have %q, want no line", have)
	}
	have, want := skippedLine(none, once, twice), "tests skipped: no B (1), no C (2); they need make test"
	if have != want {
		t.Errorf("have %q, want %q", have, want)
	}
	if strings.Contains(have, "\n") {
		t.Errorf("have %q, want one line", have)
	}
}
