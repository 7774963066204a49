package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// exam is the examination of one database. Its checks run one after the other; what one learns, the next ones may use.
// Only the report may be touched after a check was given up.
type exam struct {
	cfg       pooled.Config // the DSN's, with a driver that this program has
	instances int
	server    *serverKind // nil: not known
	secrets   secrets
	torn      bool // the DSN was perhaps cut in the middle of its password, so that no text of a driver's may be shown
	progress  *progress
	report    diagnosis
	facts
}

// facts are what checks found out for later ones.
type facts struct {
	sessions  []string      // what the server calls those that were opened one after the other
	pooler    poolerMode    // in between
	alone     bool          // there is no room for a second session
	bounds    []bound       // on the number of sessions
	idleLimit time.Duration // after which the server ends a session that does nothing; 0: never
	txLimits  []txLimit     // after which the server ends the session of a transaction
	near      bool          // the server is on this machine
	ping      time.Duration // the median; 0: not measured
}

// check is a part of the examination. An error means that it could not be finished; what it finds wrong goes into the
// report.
type check struct {
	title  string // for the progress
	limit  time.Duration
	server bool // it needs one whose kind is known
	run    func(ctx context.Context, x *exam) error
}

var checks = []check{
	{title: "reading the options", limit: connectLimit, run: checkOptions},
	{title: "asking each host", limit: connectLimit, server: true, run: checkHosts},
	{title: "connecting", limit: connectLimit, run: checkConnect},
	{title: "asking for the server's version", limit: checkLimit, run: checkServer},
	{title: "looking for a pooler", limit: checkLimit, server: true, run: checkPooler},
	{title: "reading the server's limits", limit: checkLimit, server: true, run: checkLimits},
	{title: "pings", limit: checkLimit, run: checkPing},
	{title: "resets", limit: checkLimit, server: true, run: checkReset},
	{title: "what the next caller finds", limit: leaksLimit, server: true, run: checkLeaks},
}

// How long checks may take. A check whose driver doesn't heed its context is given up a grace later, the rest with it:
// the process ends, and its sessions with it.
const (
	connectLimit = 15 * time.Second
	checkLimit   = 20 * time.Second
	leaksLimit   = 90 * time.Second
)

// grace is a variable for the tests. It is longer than the five seconds for which closing a pool may wait.
var grace = 7 * time.Second

// errStop ends the examination; what is wrong is in the report.
var errStop = errors.New("stop")

// slowError says that time was up.
type slowError struct {
	text  string
	began time.Time // zero: text has it all
}

// Error has the time that has passed by now, because what was under way may end later than it should.
func (e slowError) Error() string {
	if e.began.IsZero() {
		return e.text
	}
	return e.text + " " + shown(time.Since(e.began)).String()
}

// shown is a time in whole seconds, if it is that long.
func shown(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}

// run makes all checks that can be made. Its error is that of a context that ended: the report has what was found
// before.
func (x *exam) run(ctx context.Context) (*diagnosis, error) {
	tooLong := slowError{text: fmt.Sprintf("not done within %v", totalLimit)}
	whole, cancel := context.WithTimeoutCause(ctx, totalLimit, tooLong)
	defer cancel()
	defer x.progress.show("")
	for i, c := range checks {
		if c.server && x.server == nil {
			continue
		}
		x.progress.show(fmt.Sprintf("[%d/%d] %s", i+1, len(checks), c.title))
		err, ended := x.bounded(whole, c)
		switch {
		case ctx.Err() != nil:
			r := x.report.final()
			r.Interrupted = true
			return r, context.Cause(ctx)
		case err != nil && err != errStop:
			x.unfinished(c, err)
		}
		if err == errStop || !ended || whole.Err() != nil {
			break
		}
	}
	return x.report.final(), nil
}

// bounded makes a check. If that has not ended a grace after its limit, it never may.
func (x *exam) bounded(ctx context.Context, c check) (err error, ended bool) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, slowError{"no answer within", time.Now()})
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.run(ctx, x) }()
	var late <-chan time.Time
	for up := ctx.Done(); ; {
		select {
		case err := <-done:
			return whyEnded(ctx, err), true
		case <-up:
			up, late = nil, time.After(grace)
		case <-late:
			return context.Cause(ctx), false
		}
	}
}

// whyEnded is the reason in place of what came of it.
func whyEnded(ctx context.Context, err error) error {
	if err != nil && err != errStop && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// unfinished says what could not be found out. A server that doesn't answer is a problem, one that refuses to tell
// something isn't.
func (x *exam) unfinished(c check, err error) {
	l, change := levelWarning, "see the message; an account with more privileges may be allowed to ask"
	if isA[slowError](err) {
		l, change = levelProblem, "check the server's load and the network, and try again"
	}
	x.report.add("unfinished", l, c.title+": "+x.say(err), change)
}

// say is an error in one line, without secrets.
func (x *exam) say(err error) string {
	return x.secrets.mask(strings.TrimPrefix(cli.Outcome(err), "pooled: "))
}
