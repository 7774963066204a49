package doctor

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// What people see: the parts in their order, and no line that is wider than the page.
func TestDoctorText(t *testing.T) {
	code, stdout, stderr := runCommand(t, "sqlite://?pool_reset_on_return=none&pool_name=shop")
	if code != 1 || stderr != "pooled: doctor: 1 problem\n" {
		t.Errorf("have exit code %d and %q, want 1 and one problem", code, stderr)
	}
	at := 0
	for _, want := range []string{
		"sqlite://?pool_reset_on_return=none&pool_name=shop\n", "\ndriver sqlite, a URL; SQLite 3.", "\n\n   latency",
		"\n   dial ", "\n   ping ",
		"\n\n   left behind         the next caller, none   prevented by\n" +
			"   open transaction    finds it                rollback\n",
		"\n\nok       dsn ", "\nwarning  reset-mode         pool_reset_on_return=none: ",
		"\n                            fix: pool_reset_on_return=rollback, or auto\n",
		"\nproblem  leak-transaction ", "\n\nproblems: 1, warnings: 2, ok: 6\n",
	} {
		i := strings.Index(stdout[at:], want)
		if i < 0 {
			t.Errorf("have no %q behind what is before it, want it, in\n%s", want, stdout)
			continue
		}
		at += i + 1
	}
	for line := range strings.Lines(stdout) {
		if n := len([]rune(line)) - 1; n > cli.PageWidth {
			t.Errorf("have %d columns, want at most %d: %s", n, cli.PageWidth, line)
		}
	}
}

// The JSON has no null where a list belongs, also when nothing could be found out.
func TestDoctorJSON(t *testing.T) {
	_, stdout, _ := runCommand(t, "--json", "any?pool_driver=doctoroffline&pool_size=1")
	for _, want := range []string{`"version": 1,`, `"hosts": [],`, `"latency": [],`, `"limits": [],`, `"leaks": [],`,
		`"verdict": "problem"`, `"id": "connect"`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("have %s\nwant %s in it", stdout, want)
		}
	}
}

func TestDoctorJSONIsReadable(t *testing.T) {
	_, stdout, _ := runCommand(t, "--json", ":memory:?pool_size=3&pool_max_overflow=1")
	if want := `:memory:?pool_size=3&pool_max_overflow=1`; !strings.Contains(stdout, want) {
		t.Errorf("have %s\nwant %s in it", stdout, want)
	}
}

// Each finding and each field of the JSON is in the documentation, and nothing else is there as one.
func TestDoctorDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range findingIDs {
		if !bytes.Contains(page, []byte("\n| `"+id+"` | ")) {
			t.Errorf("docs/doctor.md: have no row for finding %s, want one", id)
		}
	}
	all := &diagnosis{Hosts: []examinedHost{{Error: "x"}}, Latency: []latency{{Sent: "x"}}, Limits: []allowance{{}},
		Leaks: []leak{{PreventedBy: "x", Reason: "x"}}, Findings: []finding{{Change: "x"}}}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	for key := range strings.SplitSeq(string(text), `":`) {
		name := key[strings.LastIndexByte(key, '"')+1:]
		if name != "" && !strings.HasSuffix(key, "}") && !bytes.Contains(page, []byte("`"+name+"`")) {
			t.Errorf("docs/doctor.md: have no field %s, want it", name)
		}
	}
}

func TestLatency(t *testing.T) {
	l := newLatency("ping", []time.Duration{3 * time.Millisecond, 1500 * time.Nanosecond, 20 * time.Millisecond})
	if l.median != 3*time.Millisecond || l.MedianMS != 3 || l.MaxMS != 20 || l.Tries != 3 {
		t.Errorf("have %+v, want a median of 3 ms, a maximum of 20 ms and 3 tries", l)
	}
	for d, want := range map[time.Duration]string{
		1234567 * time.Nanosecond: "1.23ms", 3*time.Second + 456*time.Millisecond: "3.46s",
		42500 * time.Microsecond: "43ms", 1499 * time.Nanosecond: "1µs",
	} {
		if have := precise(d); have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}
