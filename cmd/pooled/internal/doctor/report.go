package doctor

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// level says how bad a finding is. The words are part of the JSON.
type level string

const (
	levelOK      level = "ok"
	levelWarning level = "warning" // it works, and will surprise somebody
	levelProblem level = "problem" // it does not work, or not for long
)

// finding is the result of a check. Its ID is for programs and never changes its meaning; docs/doctor.md has them all.
type finding struct {
	ID     string `json:"id"`
	Level  level  `json:"level"`
	Text   string `json:"text"`
	Change string `json:"change,omitempty"` // what to do about it
}

// findingIDs are in the order of the examination.
var findingIDs = []string{
	"dsn", "driver", "hooks", "reset-mode", "pre-ping", "recycle", "fork-guard", "wait", "outage-wait",
	"hosts", "target", "connect", "server", "tls", "pooler", "read-only", "autocommit", "sqlite-busy",
	"limit", "server-limit", "idle-limit", "transaction-limit", "ping", "reset", "leak-transaction", "leak-session",
	"unfinished",
}

// diagnosis is the JSON, too: docs/doctor.md has its fields.
type diagnosis struct {
	mu sync.Mutex // the examination may be given up while a check still writes

	Version   int            `json:"version"` // of this form
	DSN       string         `json:"dsn"`     // without its password
	From      cli.From       `json:"dsn_from"`
	Driver    string         `json:"driver"`
	Form      string         `json:"form"`
	Server    string         `json:"server"` // empty: not known
	Instances int            `json:"instances"`
	ResetMode string         `json:"reset_mode"`
	Hosts     []examinedHost `json:"hosts"` // empty: there is one, and the findings are about it
	Latency   []latency      `json:"latency"`
	Limits    []allowance    `json:"limits"`
	Leaks     []leak         `json:"leaks"`
	Findings  []finding      `json:"findings"`
	Verdict   level          `json:"verdict"` // the worst of the findings

	Interrupted bool `json:"interrupted"` // the findings are those up to then
}

// latency is what several tries took.
type latency struct {
	Name     string  `json:"name"` // dial, ping, reset
	Tries    int     `json:"tries"`
	MedianMS float64 `json:"median_ms"`
	MaxMS    float64 `json:"max_ms"`
	Sent     string  `json:"sent,omitempty"` // what a reset sent

	median, max time.Duration
}

func newLatency(name string, took []time.Duration) latency {
	slices.Sort(took)
	l := latency{Name: name, Tries: len(took), median: took[len(took)/2], max: took[len(took)-1]}
	l.MedianMS, l.MaxMS = cli.Milliseconds(l.median), cli.Milliseconds(l.max)
	return l
}

func (l latency) String() string {
	return fmt.Sprintf("%s, at most %s", precise(l.median), precise(l.max))
}

// precise is a duration of which parts of a millisecond matter.
func precise(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return cli.Short(d)
}

// allowance is a limit of the server's.
type allowance struct {
	Name  string   `json:"name"`
	Value *float64 `json:"value"` // null: there is none
	Unit  string   `json:"unit"`
}

// ofSessions is a limit on their number; none if that is negative.
func ofSessions(name string, n int) allowance {
	l := allowance{Name: name, Unit: "connections"}
	if n >= 0 {
		l.Value = new(float64(n))
	}
	return l
}

// ofTime is a limit on how long something may last; none if that is 0.
func ofTime(name string, d time.Duration) allowance {
	l := allowance{Name: name, Unit: "s"}
	if d > 0 {
		l.Value = new(d.Seconds())
	}
	return l
}

func (l allowance) String() string {
	switch {
	case l.Value == nil:
		return "none"
	case l.Unit == "s":
		return time.Duration(*l.Value * float64(time.Second)).String()
	}
	return fmt.Sprint(*l.Value)
}

// leak says what became of a kind of state that a user left on its session.
type leak struct {
	Kind        string     `json:"kind"`
	Result      leakResult `json:"result"`                 // for the next caller, in the DSN's mode
	PreventedBy string     `json:"prevented_by,omitempty"` // the mode, if it is another
	Reason      string     `json:"reason,omitempty"`       // why it was not tried

	tx bool // it is in a transaction
}

type leakResult string

const (
	leakClean    leakResult = "clean"
	leakFound    leakResult = "found"
	leakNotTried leakResult = "not tried"
)

// add notes a finding. To use an ID that is not in the list is a mistake in this program.
func (r *diagnosis) add(id string, l level, text, change string) {
	if !slices.Contains(findingIDs, id) {
		panic("no such finding: " + id)
	}
	r.record(func() { r.Findings = append(r.Findings, finding{id, l, text, change}) })
}

func (r *diagnosis) record(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// final is a copy that no check writes to any more.
func (r *diagnosis) final() *diagnosis {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &diagnosis{
		Version: 1, DSN: r.DSN, From: r.From, Driver: r.Driver, Form: r.Form, Server: r.Server, Instances: r.Instances,
		ResetMode: r.ResetMode,
		// Not nil: JSON says [] then.
		Hosts: append([]examinedHost{}, r.Hosts...), Latency: append([]latency{}, r.Latency...),
		Limits: append([]allowance{}, r.Limits...), Leaks: append([]leak{}, r.Leaks...),
		Findings: append([]finding{}, r.Findings...),
		Verdict:  r.worst(),
	}
}

func (r *diagnosis) worst() level {
	for _, l := range []level{levelProblem, levelWarning} {
		if r.count(l) > 0 {
			return l
		}
	}
	return levelOK
}

func (r *diagnosis) count(l level) (n int) {
	for _, f := range r.Findings {
		if f.Level == l {
			n++
		}
	}
	return n
}

// err makes the exit code 1 if there is a problem.
func (r *diagnosis) err() error {
	switch n := r.count(levelProblem); n {
	case 0:
		return nil
	case 1:
		return errors.New("1 problem")
	default:
		return fmt.Errorf("%d problems", n)
	}
}

// print writes the report for people.
func (r *diagnosis) print(p *cli.Page) error {
	p.Line("%s%s", r.DSN, r.From.Note())
	p.Line("driver %s, %s%s", r.Driver, r.Form, orEmpty("; ", r.Server))
	if len(r.Hosts) > 0 {
		p.Line("")
		p.Table(r.hostRows())
	}
	if len(r.Latency) > 0 {
		p.Line("")
		p.Table(r.latencyRows())
	}
	if len(r.Limits) > 0 {
		p.Line("")
		p.Table(r.limitRows())
	}
	if slices.ContainsFunc(r.Leaks, func(l leak) bool { return l.Result != leakNotTried }) {
		p.Line("")
		p.Table(r.leakRows())
	}
	p.Line("")
	for _, f := range r.Findings {
		p.Finding(string(f.Level), f.ID, f.Text, f.Change)
	}
	p.Line("")
	if r.Interrupted {
		p.Line("interrupted: these are the findings so far")
	}
	p.Line("problems: %d, warnings: %d, ok: %d", r.count(levelProblem), r.count(levelWarning), r.count(levelOK))
	return p.Err()
}

func orEmpty(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

func (r *diagnosis) latencyRows() [][]string {
	rows := [][]string{{"latency", "tries", "median", "at most", ""}}
	for _, l := range r.Latency {
		rows = append(rows, []string{l.Name, fmt.Sprint(l.Tries), precise(l.median), precise(l.max), l.Sent})
	}
	return rows
}

func (r *diagnosis) limitRows() [][]string {
	rows := [][]string{{"server limit", ""}}
	for _, l := range r.Limits {
		rows = append(rows, []string{l.Name, l.String()})
	}
	return rows
}

func (r *diagnosis) leakRows() [][]string {
	rows := [][]string{{"left behind", "the next caller, " + r.ResetMode, "prevented by"}}
	for _, l := range r.Leaks {
		result := string(l.Result)
		if l.Result == leakFound {
			result = "finds it"
		}
		rows = append(rows, []string{l.Kind, result + orEmpty(": ", l.Reason), l.PreventedBy})
	}
	return rows
}
