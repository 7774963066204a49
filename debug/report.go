package debug

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pooled-go/pooled"
)

// The types of this file are the JSON, which the page is made of too. Durations are seconds, as their names say; -1
// means no limit, as in the DSN. docs/debug.md describes each field.

type report struct {
	Time    time.Time    `json:"time"`
	Program string       `json:"program"`
	PID     int          `json:"pid"`
	Pools   []poolReport `json:"pools"`
}

type poolReport struct {
	Number  int    `json:"number"`
	Name    string `json:"name"`
	Class   string `json:"class"`
	Size    int    `json:"size"`
	MinIdle int    `json:"min_idle"`
	Limit   int    `json:"limit"`
	Ceiling int    `json:"ceiling"`

	MaxOpenConns int `json:"max_open_conns"`

	InUse   int `json:"in_use"`
	Idle    int `json:"idle"`
	Waiting int `json:"waiting"`
	Opening int `json:"opening"`
	Closing int `json:"closing"`
	Leaked  int `json:"leaked"`

	Outage           *outage `json:"outage"`             // nil: there is none
	LastConnectError *event  `json:"last_connect_error"` // nil: the journal has none

	Counters counters `json:"counters"`
	Timings  timings  `json:"timings"`

	Hosts         []host    `json:"hosts"`
	Conns         []conn    `json:"conns"`
	ConnsOmitted  int       `json:"conns_omitted"`
	Events        []event   `json:"events"`
	EventsOmitted int       `json:"events_omitted"`
	Settings      []setting `json:"settings"`
}

type counters struct {
	Checkouts       uint64 `json:"checkouts"`
	Checkins        uint64 `json:"checkins"`
	Waits           uint64 `json:"waits"`
	Timeouts        uint64 `json:"timeouts"`
	Canceled        uint64 `json:"canceled"`
	Opened          uint64 `json:"opened"`
	Closed          uint64 `json:"closed"`
	ConnectErrors   uint64 `json:"connect_errors"`
	Recycled        uint64 `json:"recycled"`
	Invalidated     uint64 `json:"invalidated"`
	SoftInvalidated uint64 `json:"soft_invalidated"`
	Detached        uint64 `json:"detached"`
	Disposals       uint64 `json:"disposals"`
	Resets          uint64 `json:"resets"`
	Leaks           uint64 `json:"leaks"`
	LeaksReturned   uint64 `json:"leaks_returned"`
	StmtHits        uint64 `json:"stmt_hits"`
	StmtPrepared    uint64 `json:"stmt_prepared"`
	StmtEvicted     uint64 `json:"stmt_evicted"`
	Forks           uint64 `json:"forks"`
	Outages         uint64 `json:"outages"`
	Demotions       uint64 `json:"demotions"`
	Probes          uint64 `json:"probes"`
	OutageErrors    uint64 `json:"outage_errors"`
	Moved           uint64 `json:"moved"`
}

type timings struct {
	Wait    histogram `json:"wait"`
	Connect histogram `json:"connect"`
	Use     histogram `json:"use"`
	Reset   histogram `json:"reset"`
}

type histogram struct {
	Count   uint64   `json:"count"`
	Sum     float64  `json:"sum_s"`
	P50     float64  `json:"p50_s"`
	P95     float64  `json:"p95_s"`
	P99     float64  `json:"p99_s"`
	Buckets []bucket `json:"buckets"`
}

type bucket struct {
	UpTo  float64 `json:"up_to_s"`
	Count uint64  `json:"count"`
}

type outage struct {
	Since  time.Time `json:"since"`
	Took   float64   `json:"took_s"`
	Probes int       `json:"probes"`
	Error  string    `json:"error"`
}

type host struct {
	Name    string    `json:"name"`
	Address string    `json:"address"`
	State   string    `json:"state"`
	Role    string    `json:"role"`
	Since   time.Time `json:"since"`
	For     float64   `json:"for_s"`
	Error   string    `json:"error"`
}

type conn struct {
	ID        uint64    `json:"id"`
	Session   string    `json:"session"`
	State     string    `json:"state"`
	Leaked    bool      `json:"leaked"`
	Retiring  bool      `json:"retiring"`
	Opened    time.Time `json:"opened"`
	Age       float64   `json:"age_s"`
	Idle      float64   `json:"idle_s"`
	Held      float64   `json:"held_s"`
	Uses      uint64    `json:"uses"`
	Statement string    `json:"statement"`
	Stack     string    `json:"stack"`
}

type event struct {
	Time   time.Time `json:"time"`
	Name   string    `json:"name"`
	Conn   uint64    `json:"conn"`
	Detail string    `json:"detail"`
}

type setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// look reports on the pools that were asked for. The parts of one are not all of the same moment.
func look(asked question, now time.Time) report {
	r := report{Time: now.UTC(), Program: filepath.Base(os.Args[0]), PID: os.Getpid(), Pools: []poolReport{}}
	for _, p := range pooled.Pools() {
		if asked.pool == 0 || asked.pool == p.Number() {
			r.Pools = append(r.Pools, lookAt(p, asked.limit))
		}
	}
	return r
}

func lookAt(p *pooled.Pool, limit int) poolReport {
	r := figures(p.Stats())
	r.Number = p.Number()
	measured := func(t pooled.Timing) histogram { return asHistogram(p.Histogram(t)) }
	r.Timings = timings{
		Wait: measured(pooled.TimingWait), Connect: measured(pooled.TimingConnect),
		Use: measured(pooled.TimingUse), Reset: measured(pooled.TimingReset),
	}
	r.addHosts(p)
	r.addConns(p.Conns(), limit)
	r.addEvents(p.Events(), limit)
	for _, s := range p.Settings() {
		r.Settings = append(r.Settings, setting(s))
	}
	return r
}

// figures are those of Stats, all of them.
func figures(s pooled.Stats) poolReport {
	return poolReport{
		Name: s.Name, Class: string(s.Class), Size: s.Size, MinIdle: s.MinIdle, Limit: s.Limit, Ceiling: s.Ceiling,
		MaxOpenConns: s.MaxOpenConns,
		InUse:        s.CheckedOut, Idle: s.Idle, Waiting: s.Waiting, Opening: s.Opening, Closing: s.Closing,
		Counters: counters{
			Checkouts: s.Checkouts, Checkins: s.Checkins, Waits: s.Waits, Timeouts: s.Timeouts, Canceled: s.Canceled,
			Opened: s.Opened, Closed: s.Closed, ConnectErrors: s.ConnectErrors, Recycled: s.Recycled,
			Invalidated: s.Invalidated, SoftInvalidated: s.SoftInvalidated, Detached: s.Detached,
			Disposals: s.Disposals, Resets: s.Resets, Leaks: s.Leaks, LeaksReturned: s.LeaksReturned, Forks: s.Forks,
			StmtHits: s.StmtHits, StmtPrepared: s.StmtPrepared, StmtEvicted: s.StmtEvicted,
			Outages: s.Outages, Demotions: s.Demotions, Probes: s.Probes, OutageErrors: s.OutageErrors, Moved: s.Moved,
		},
	}
}

// inSeconds leaves alone the -1 that says "none".
func inSeconds(d time.Duration) float64 {
	if d < 0 {
		return -1
	}
	return d.Seconds()
}

func asHistogram(h pooled.Histogram) histogram {
	list := histogram{
		Count: h.Count, Sum: inSeconds(h.Sum), Buckets: make([]bucket, len(h.Buckets)),
		P50: inSeconds(h.Quantile(0.5)), P95: inSeconds(h.Quantile(0.95)), P99: inSeconds(h.Quantile(0.99)),
	}
	for i, b := range h.Buckets {
		list.Buckets[i] = bucket{UpTo: inSeconds(b.UpTo), Count: b.Count}
	}
	return list
}

// addHosts takes the servers, and the outage if none of them can be reached.
func (r *poolReport) addHosts(p *pooled.Pool) {
	if o, is := p.Outage(); is {
		r.Outage = &outage{Since: o.Since.UTC(), Took: inSeconds(max(0, o.Took)), Probes: o.Probes, Error: textOf(o.Err)}
	}
	for _, h := range p.Hosts() {
		r.Hosts = append(r.Hosts, host{
			Name: h.Name, Address: h.Address, State: string(h.State), Role: string(h.Role), Since: h.Since.UTC(),
			For: inSeconds(max(0, time.Since(h.Since))), Error: textOf(h.Err),
		})
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprint(err) // if its method panics, fmt says so
}

// addConns takes first what somebody should look at first: those leaked, those in use, and of each the longest out.
func (r *poolReport) addConns(list []pooled.ConnInfo, limit int) {
	rank := func(c *pooled.ConnInfo) int {
		switch {
		case c.Leaked:
			return 0
		case c.State == pooled.StateInUse:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(list, func(a, b pooled.ConnInfo) int { // stable: otherwise by ID
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(b.Held, a.Held))
	})
	for i := range list {
		if list[i].Leaked {
			r.Leaked++
		}
	}
	r.ConnsOmitted = beyond(len(list), limit)
	list = list[:len(list)-r.ConnsOmitted]
	r.Conns = make([]conn, 0, len(list))
	for _, c := range list {
		r.Conns = append(r.Conns, conn{
			ID: c.ID, Session: c.Session, State: string(c.State), Leaked: c.Leaked, Retiring: c.Retiring,
			Opened: c.Opened.UTC(), Age: inSeconds(c.Age),
			Idle: inSeconds(c.Idle), Held: inSeconds(c.Held), Uses: c.Uses, Statement: c.Statement, Stack: c.Stack,
		})
	}
}

// addEvents takes the newest first, and the last connect error even if limit leaves it out.
func (r *poolReport) addEvents(list []pooled.Event, limit int) {
	for _, e := range slices.Backward(list) {
		if e.Name == "connect_error" {
			e.Time = e.Time.UTC()
			r.LastConnectError = (*event)(&e)
			break
		}
	}
	r.EventsOmitted = beyond(len(list), limit)
	list = list[r.EventsOmitted:]
	r.Events = make([]event, 0, len(list))
	for _, e := range slices.Backward(list) {
		e.Time = e.Time.UTC()
		r.Events = append(r.Events, event(e))
	}
}

// beyond is by how much there are too many; a limit below 0 is none.
func beyond(have, limit int) int {
	if limit < 0 {
		return 0
	}
	return max(0, have-limit)
}
