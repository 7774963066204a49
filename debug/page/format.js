// The same texts as formats.go, which draws the first look; a test compares the two.

const narrow = "\u202f"; // between groups of digits

// Characters that are not to be seen, or that turn round what stands beside them: those of internal/visible.
const unruly = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const formats = {
	text: (value) => String(value).replace(unruly, (c) => "⟨" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩"),
	count: (n) => String(n).replace(/\B(?=(\d{3})+$)/g, narrow),
	bound: (n) => (n < 0 ? "none" : formats.count(n)),
	id: (n) => (n ? String(n) : ""),
	clock: (time) => time && new Date(time).toLocaleTimeString(undefined, { hourCycle: "h23" }),
	about: (s) => (s < 1 ? "< 1s" : seconds(s)), // of a coarse clock
	atMost: (s) => (s < 0 ? "> 1m00s" : s === 0 ? "–" : "≤ " + seconds(s)),
};

// seconds is a duration in two units at most.
function seconds(s) {
	const two = (n) => String(n).padStart(2, "0");
	const whole = Math.floor(s);
	if (s === 0) return "0s";
	if (s < 0.9995e-3) return (s * 1e6).toFixed(0) + "µs";
	if (s < 0.9995) return (s * 1e3).toFixed(0) + "ms";
	if (s < 59.95) return s.toFixed(1) + "s";
	if (s < 3600) return Math.floor(whole / 60) + "m" + two(whole % 60) + "s";
	if (s < 86400) return Math.floor(whole / 3600) + "h" + two(Math.floor(whole / 60) % 60) + "m";
	return Math.floor(whole / 86400) + "d" + two(Math.floor(whole / 3600) % 24) + "h";
}

// verdict is the worst that can be said of a pool now.
function verdict(pool) {
	if (pool.outage) return "outage";
	if (pool.failing) return "connect errors";
	if (pool.leaked > 0) return "leaks";
	if (pool.waiting > 0) return "callers wait";
	if (pool.limit > 0 && pool.in_use >= pool.limit) return "all in use";
	return "ok";
}

// derive adds to a pool of the JSON what the page shows of it in other words.
function derive(pool) {
	for (const h of Object.values(pool.timings)) {
		h.mean = h.count ? seconds(h.sum_s / h.count) : "–";
	}
	for (const c of pool.conns) {
		c.pool = pool.number;
		c.mood = c.leaked ? "leaked" : c.state;
		c.lasting = !c.retiring;
		c.since = Math.max(c.idle_s, c.held_s);
	}
	for (const e of pool.events) {
		const end = e.detail.indexOf("\n");
		e.brief = end < 0 ? e.detail : e.detail.slice(0, end);
		e.rest = end < 0 ? "" : e.detail.slice(end + 1);
	}
	const last = pool.last_connect_error;
	pool.failed = pool.counters.connect_errors > 0;
	pool.failed_at = last?.time ?? "";
	pool.failed_by = last?.detail.split("\n")[0] ?? "";
	pool.outage_at = pool.outage?.since ?? "";
	pool.outage_by = pool.outage?.error ?? "";
	pool.outage_probes = pool.outage?.probes ?? 0;
	pool.host_states = ["up", "down", "wrong role", "unknown"]
		.map((state) => [pool.hosts.filter((h) => h.state === state).length, state])
		.filter(([n]) => n > 0).map((pair) => pair.join(" ")).join(", ");
	pool.no_conns = pool.conns.length === 0;
	pool.no_events = pool.events.length === 0;
	pool.changed = pool.settings.filter((s) => s.origin !== "default").length;
}
