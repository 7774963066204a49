package top

import "time"

// page is what of the live page's JSON is shown: docs/debug.md describes it. Durations are in seconds.
type page struct {
	Time    time.Time `json:"time"`
	Program string    `json:"program"`
	PID     int       `json:"pid"`
	Pools   []pool    `json:"pools"`
}

type pool struct {
	Number  int    `json:"number"`
	Name    string `json:"name"`
	Class   string `json:"class"`
	Size    int    `json:"size"`
	Limit   int    `json:"limit"`
	MaxOpen int    `json:"max_open_conns"`
	InUse   int    `json:"in_use"`
	Idle    int    `json:"idle"`
	Waiting int    `json:"waiting"`
	Opening int    `json:"opening"`
	Leaked  int    `json:"leaked"`

	Outage           *outage `json:"outage"`
	LastConnectError *struct {
		Time   time.Time `json:"time"`
		Detail string    `json:"detail"`
	} `json:"last_connect_error"`

	Counters struct {
		Checkouts     uint64 `json:"checkouts"`
		Timeouts      uint64 `json:"timeouts"`
		ConnectErrors uint64 `json:"connect_errors"`
	} `json:"counters"`
	Timings struct {
		Wait histogram `json:"wait"`
		Use  histogram `json:"use"`
	} `json:"timings"`

	Conns        []conn `json:"conns"`
	ConnsOmitted int    `json:"conns_omitted"`
}

// outage is a time in which no server can be reached, and so is what is shown of it.
type outage struct {
	Since  time.Time `json:"since"`
	Took   float64   `json:"took_s"`
	Probes int       `json:"probes"`
	Error  string    `json:"error"`
}

// histogram counts durations in buckets. Each has those of the buckets before it, too; the bound of the last is -1.
type histogram struct {
	Count   uint64 `json:"count"`
	Buckets []struct {
		UpTo  float64 `json:"up_to_s"`
		Count uint64  `json:"count"`
	} `json:"buckets"`
}

type conn struct {
	ID        uint64  `json:"id"`
	Session   string  `json:"session"`
	State     string  `json:"state"`
	Leaked    bool    `json:"leaked"`
	Retiring  bool    `json:"retiring"`
	Age       float64 `json:"age_s"`
	Idle      float64 `json:"idle_s"`
	Held      float64 `json:"held_s"`
	Uses      uint64  `json:"uses"`
	Statement string  `json:"statement"`
}

// follows tells whether a page is of the same process as one before. In a container each process may have the number 1:
// then a counter that has become smaller tells.
func (p *page) follows(before *page) bool {
	if p.PID != before.PID || p.Program != before.Program {
		return false
	}
	for _, was := range before.Pools {
		for _, is := range p.Pools {
			if is.Number == was.Number && (is.Name != was.Name || is.Counters.Checkouts < was.Counters.Checkouts) {
				return false
			}
		}
	}
	return true
}

// quantile is the upper bound, in seconds, of the bucket that has this part of what was measured since another look at
// the same pool. -1: it is beyond the last bound; nil: nothing was measured.
func (h histogram) quantile(q float64, before histogram) *float64 {
	count := func(i int) uint64 {
		n := h.Buckets[i].Count
		if i < len(before.Buckets) && before.Buckets[i].Count <= n {
			n -= before.Buckets[i].Count
		}
		return n
	}
	last := len(h.Buckets) - 1
	if last < 0 || count(last) == 0 {
		return nil
	}
	wanted := q * float64(count(last))
	for i, b := range h.Buckets {
		if float64(count(i)) >= wanted {
			return &b.UpTo
		}
	}
	return nil
}
