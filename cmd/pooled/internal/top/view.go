package top

import (
	"slices"
	"time"
)

// view is what is shown of one look, and the JSON: docs/cli.md has its fields. Rates and percentiles are those since
// the look before; of a first look there are no rates, and the percentiles are those since somebody looked first.
type view struct {
	Version  int        `json:"version"`
	Time     time.Time  `json:"time"`
	URL      string     `json:"url"`
	Program  string     `json:"program"`
	PID      int        `json:"pid"`
	Interval *float64   `json:"interval_s"` // since the look before; nil: there was none
	Pools    []poolView `json:"pools"`
}

type poolView struct {
	Number  int    `json:"number"`
	Name    string `json:"name"`
	Class   string `json:"class"`
	Size    int    `json:"size"`
	Limit   int    `json:"limit"`          // -1: none
	MaxOpen int    `json:"max_open_conns"` // of db.SetMaxOpenConns; 0: no limit, or not known
	InUse   int    `json:"in_use"`
	Idle    int    `json:"idle"`
	Waiting int    `json:"waiting"`
	Opening int    `json:"opening"`
	Leaked  int    `json:"leaked"`

	Checkouts     uint64 `json:"checkouts"`
	Timeouts      uint64 `json:"timeouts"`
	ConnectErrors uint64 `json:"connect_errors"`

	CheckoutRate     *float64 `json:"checkouts_per_s"`
	TimeoutRate      *float64 `json:"timeouts_per_s"`
	ConnectErrorRate *float64 `json:"connect_errors_per_s"`

	WaitP50 *float64 `json:"wait_p50_ms"` // nil: nothing was measured, -1: longer than anything that is told apart
	WaitP99 *float64 `json:"wait_p99_ms"`
	UseP50  *float64 `json:"use_p50_ms"`
	UseP99  *float64 `json:"use_p99_ms"`

	Outage           *outage       `json:"outage"` // nil: there is none
	LastConnectError *connectError `json:"last_connect_error"`
	Conns            []conn        `json:"conns"`
	ConnsOmitted     int           `json:"conns_omitted"`
}

type connectError struct {
	Time   time.Time `json:"time"`
	Detail string    `json:"detail"`
}

// view compares a look with the one before.
func (l *look) view(url string) view {
	v := view{Version: 1, Time: l.page.Time, URL: url, Program: l.page.Program, PID: l.page.PID, Pools: []poolView{}}
	seconds := 0.0
	if l.before != nil {
		seconds = l.page.Time.Sub(l.before.Time).Seconds()
		v.Interval = &seconds
	}
	for _, now := range l.page.Pools {
		before, known := l.beforeOf(now.Number)
		v.Pools = append(v.Pools, now.view(before, known && seconds > 0, seconds))
	}
	return v
}

// beforeOf is the same pool in the look before.
func (l *look) beforeOf(number int) (before pool, known bool) {
	if l.before == nil {
		return pool{}, false
	}
	for _, p := range l.before.Pools {
		if p.Number == number {
			return p, true
		}
	}
	return pool{}, false
}

func (now pool) view(before pool, known bool, seconds float64) poolView {
	rate := func(of, from uint64) *float64 {
		if !known || of < from {
			return nil
		}
		r := float64(of-from) / seconds
		return &r
	}
	c, b := now.Counters, before.Counters
	v := poolView{
		Number: now.Number, Name: now.Name, Class: now.Class, Size: now.Size, Limit: now.Limit,
		MaxOpen: now.MaxOpen,
		InUse:   now.InUse, Idle: now.Idle, Waiting: now.Waiting, Opening: now.Opening, Leaked: now.Leaked,
		Checkouts: c.Checkouts, Timeouts: c.Timeouts, ConnectErrors: c.ConnectErrors,
		CheckoutRate: rate(c.Checkouts, b.Checkouts), TimeoutRate: rate(c.Timeouts, b.Timeouts),
		ConnectErrorRate: rate(c.ConnectErrors, b.ConnectErrors),
		WaitP50:          inMS(now.Timings.Wait.quantile(0.5, before.Timings.Wait)),
		WaitP99:          inMS(now.Timings.Wait.quantile(0.99, before.Timings.Wait)),
		UseP50:           inMS(now.Timings.Use.quantile(0.5, before.Timings.Use)),
		UseP99:           inMS(now.Timings.Use.quantile(0.99, before.Timings.Use)),
		Conns:            slices.Concat([]conn{}, now.Conns), ConnsOmitted: now.ConnsOmitted, Outage: now.Outage,
	}
	if e := now.LastConnectError; e != nil {
		v.LastConnectError = &connectError{e.Time, e.Detail}
	}
	return v
}

// inMS leaves alone the -1 that stands for no bound.
func inMS(seconds *float64) *float64 {
	if seconds == nil || *seconds < 0 {
		return seconds
	}
	ms := *seconds * 1000
	return &ms
}
