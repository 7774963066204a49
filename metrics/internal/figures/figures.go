// Package figures is what both exporters have in common: the one table of what is exported, and what pools are called.
package figures

import "github.com/pooled-go/pooled"

// Figure is a number that a pool has at any moment.
type Figure struct {
	OTel, Prom string // its names
	Unit       string // as OpenTelemetry writes units
	Counter    bool   // it only grows; else it goes up and down
	State      string // of the connections or hosts it counts; empty: the metric has no such attribute
	Help       string

	// Read is negative while there is no such figure: no limit, say.
	Read func(Look) int64
}

// Look is a pool at one moment.
type Look struct {
	pooled.Stats
	Outage bool
	Hosts  map[pooled.HostState]int64
}

// LookAt looks at a pool.
func LookAt(p *pooled.Pool) Look {
	look := Look{Stats: p.Stats(), Hosts: map[pooled.HostState]int64{}}
	_, look.Outage = p.Outage()
	for _, h := range p.Hosts() {
		look.Hosts[h.State]++
	}
	return look
}

// OfHosts reports whether State is that of hosts.
func (f Figure) OfHosts() bool { return f.OTel == hosts }

// The states of a connection in the semantic conventions.
const (
	stateIdle = "idle"
	stateUsed = "used"
)

const (
	connections = "{connection}"
	openHelp    = "Connections that are open, by state."
	hosts       = "pooled.hosts"
	hostsHelp   = "Servers that the pool may connect to, by state."
)

// Figures is the table. The first group is what the semantic conventions have names for.
var Figures = []Figure{
	{"db.client.connection.count", "pooled_connections", connections, false, stateIdle, openHelp,
		func(s Look) int64 { return int64(s.Idle) }},
	{"db.client.connection.count", "pooled_connections", connections, false, stateUsed, openHelp,
		func(s Look) int64 { return int64(s.CheckedOut) }},
	{"db.client.connection.idle.max", "pooled_connections_idle_max", connections, false, "",
		"pool_size: how many connections stay open when idle. Absent if it has no limit.", idleMax},
	{"db.client.connection.idle.min", "pooled_connections_idle_min", connections, false, "",
		"pool_min_idle: how many idle connections are kept ready.",
		func(s Look) int64 { return int64(s.MinIdle) }},
	{"db.client.connection.max", "pooled_connections_max", connections, false, "",
		"pool_size plus pool_max_overflow: the limit of connections. Absent if there is none.",
		func(s Look) int64 { return int64(s.Limit) }},
	{"db.client.connection.pending_requests", "pooled_pending_requests", "{request}", false, "",
		"Callers in the queue for a connection.",
		func(s Look) int64 { return int64(s.Waiting) }},
	{"db.client.connection.timeouts", "pooled_timeouts_total", "{timeout}", true, "",
		"Checkouts that failed because of pool_timeout.",
		func(s Look) int64 { return int64(s.Timeouts) }},

	{"pooled.connection.opening", "pooled_connections_opening", connections, false, "",
		"Connections that are being opened.",
		func(s Look) int64 { return int64(s.Opening) }},
	{"pooled.connection.closing", "pooled_connections_closing", connections, false, "",
		"Connections that are being closed.",
		func(s Look) int64 { return int64(s.Closing) }},
	{"pooled.connection.ceiling", "pooled_connections_ceiling", connections, false, "",
		"How many connections were open when the server last said that there are too many. " +
			"Absent if it never did, or has accepted more since.",
		func(s Look) int64 { return orAbsent(s.Ceiling) }},
	{"pooled.connection.max_open_conns", "pooled_connections_max_open_conns", connections, false, "",
		"The limit that db.SetMaxOpenConns set. Absent if there is none, or if the pool does not know the sql.DB.",
		func(s Look) int64 { return orAbsent(s.MaxOpenConns) }},
	{"pooled.connection.opened", "pooled_connections_opened_total", connections, true, "",
		"Connections that were opened.",
		func(s Look) int64 { return int64(s.Opened) }},
	{"pooled.connection.closed", "pooled_connections_closed_total", connections, true, "",
		"Connections that were closed, for any reason.",
		func(s Look) int64 { return int64(s.Closed) }},
	{"pooled.connection.recycled", "pooled_connections_recycled_total", connections, true, "",
		"Connections that were closed because they were too old, or idle for almost as long as the server allows.",
		func(s Look) int64 { return int64(s.Recycled) }},
	{"pooled.connection.invalidated", "pooled_connections_invalidated_total", connections, true, "",
		"Connections that were closed because they were dead or broken, or because the program invalidated them.",
		func(s Look) int64 { return int64(s.Invalidated) }},
	{"pooled.connection.detached", "pooled_connections_detached_total", connections, true, "",
		"Connections that the program took out of the pool.",
		func(s Look) int64 { return int64(s.Detached) }},
	{"pooled.connect_errors", "pooled_connect_errors_total", "{error}", true, "",
		"Connections that could not be opened.",
		func(s Look) int64 { return int64(s.ConnectErrors) }},
	{"pooled.checkouts", "pooled_checkouts_total", "{checkout}", true, "",
		"How often a caller got a connection.",
		func(s Look) int64 { return int64(s.Checkouts) }},
	{"pooled.checkins", "pooled_checkins_total", "{checkin}", true, "",
		"Connections that were returned and stayed open.",
		func(s Look) int64 { return int64(s.Checkins) }},
	{"pooled.waits", "pooled_waits_total", "{wait}", true, "",
		"Checkouts that found no idle connection.",
		func(s Look) int64 { return int64(s.Waits) }},
	{"pooled.canceled", "pooled_canceled_total", "{request}", true, "",
		"Waits for a connection that ended with the caller's own context.",
		func(s Look) int64 { return int64(s.Canceled) }},
	{"pooled.resets", "pooled_resets_total", "{reset}", true, "",
		"Resets on return that sent something to the server.",
		func(s Look) int64 { return int64(s.Resets) }},
	{"pooled.soft_invalidations", "pooled_soft_invalidations_total", "{invalidation}", true, "",
		"Connections that the program marked to be closed when they are returned.",
		func(s Look) int64 { return int64(s.SoftInvalidated) }},
	{"pooled.disposals", "pooled_disposals_total", "{disposal}", true, "",
		"Calls of Pool.Dispose.",
		func(s Look) int64 { return int64(s.Disposals) }},
	{"pooled.leaks", "pooled_leaks_total", "{leak}", true, "",
		"Checkouts that lasted longer than pool_leak_after.",
		func(s Look) int64 { return int64(s.Leaks) }},
	{"pooled.leaks_returned", "pooled_leaks_returned_total", "{leak}", true, "",
		"Checkouts that lasted longer than pool_leak_after and have ended since.",
		func(s Look) int64 { return int64(s.LeaksReturned) }},
	{"pooled.stmt_hits", "pooled_stmt_hits_total", "{query}", true, "",
		"Queries that used a statement kept by pool_stmt_cache.",
		func(s Look) int64 { return int64(s.StmtHits) }},
	{"pooled.stmt_prepared", "pooled_stmt_prepared_total", "{statement}", true, "",
		"Statements that pool_stmt_cache prepared in order to keep them.",
		func(s Look) int64 { return int64(s.StmtPrepared) }},
	{"pooled.stmt_evicted", "pooled_stmt_evicted_total", "{statement}", true, "",
		"Statements that pool_stmt_cache closed to make room for others.",
		func(s Look) int64 { return int64(s.StmtEvicted) }},
	{"pooled.server_down", "pooled_server_down", "{outage}", false, "",
		"1 during an outage: no server can be reached. 0 otherwise.",
		func(s Look) int64 { return asNumber(s.Outage) }},
	{hosts, "pooled_hosts", "{host}", false, "up", hostsHelp,
		func(s Look) int64 { return s.Hosts[pooled.HostUp] }},
	{hosts, "pooled_hosts", "{host}", false, "down", hostsHelp,
		func(s Look) int64 { return s.Hosts[pooled.HostDown] }},
	{hosts, "pooled_hosts", "{host}", false, "wrong_role", hostsHelp,
		func(s Look) int64 { return s.Hosts[pooled.HostWrongRole] }},
	{hosts, "pooled_hosts", "{host}", false, "unknown", hostsHelp,
		func(s Look) int64 { return s.Hosts[pooled.HostUnknown] }},
	{"pooled.outages", "pooled_outages_total", "{outage}", true, "",
		"Times in which no server could be reached.",
		func(s Look) int64 { return int64(s.Outages) }},
	{"pooled.outage_errors", "pooled_outage_errors_total", "{error}", true, "",
		"Operations that failed because no server could be reached for longer than pool_outage_wait.",
		func(s Look) int64 { return int64(s.OutageErrors) }},
	{"pooled.demotions", "pooled_demotions_total", "{demotion}", true, "",
		"Servers that turned out to take no writes any more.",
		func(s Look) int64 { return int64(s.Demotions) }},
	{"pooled.moved", "pooled_moved_total", "{statement}", true, "",
		"Statements that a server refused after its demotion, and that were sent to another one.",
		func(s Look) int64 { return int64(s.Moved) }},
	{"pooled.probes", "pooled_probes_total", "{probe}", true, "",
		"Connections that were opened only to see whether a server is back, or what its role is.",
		func(s Look) int64 { return int64(s.Probes) }},
	{"pooled.forks", "pooled_forks_total", "{fork}", true, "",
		"1 in a forked child process, for a pool that its parent process made.",
		func(s Look) int64 { return int64(s.Forks) }},
}

// idleMax: in class direct, database/sql decides what stays open.
func idleMax(s Look) int64 {
	if s.Class == pooled.ClassDirect {
		return -1
	}
	return int64(s.Size)
}

func asNumber(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// orAbsent is a figure that 0 says is not there.
func orAbsent(n int) int64 {
	if n == 0 {
		return -1
	}
	return int64(n)
}

// Histogram is what a pool measures if somebody wants to know. The unit is seconds.
type Histogram struct {
	OTel, Prom string
	Help       string
	Timing     pooled.Timing
}

// Histograms is the table of these.
var Histograms = []Histogram{
	{"db.client.connection.create_time", "pooled_create_time_seconds",
		"How long it took to open a connection, including its hooks and pool_init_sql.",
		pooled.TimingConnect},
	{"db.client.connection.wait_time", "pooled_wait_time_seconds",
		"How long it took to get a connection, including the wait in the queue.",
		pooled.TimingWait},
	{"db.client.connection.use_time", "pooled_use_time_seconds",
		"How long a connection was in use, from its checkout to its return.",
		pooled.TimingUse},
	{"pooled.reset_time", "pooled_reset_time_seconds",
		"How long a reset on return took, if it sent something to the server.",
		pooled.TimingReset},
}
