// The charts, drawn as SVG from what this page has seen so far.

const longest = 300; // seconds of the past that are kept
const margin = { left: 44, right: 8, top: 8, bottom: 18 };

function svgNode(name, attributes, text) {
	const node = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
	if (text !== undefined) node.textContent = text;
	return node;
}

// History is what a pool was at each poll.
class History {
	points = [];
	last = null; // the pool at the poll before
	failed = -Infinity; // when the last connect error is known to have been

	add(at, pool) {
		const before = this.last;
		this.last = pool;
		if (!before && pool.last_connect_error) this.failed = Date.parse(pool.last_connect_error.time) / 1000;
		if (before && pool.counters.connect_errors > before.counters.connect_errors) this.failed = at;
		pool.failing = pool.outage !== null || at - this.failed < 60;
		const point = { at, inUse: pool.in_use, idle: pool.idle, waiting: pool.waiting, median: null, worst: null, rate: null };
		const passed = before ? at - this.points.at(-1).at : 0;
		if (passed > 0) {
			point.rate = Math.max(0, pool.counters.checkouts - before.counters.checkouts) / passed;
			const counts = pool.timings.wait.buckets.map((b, i) => b.count - before.timings.wait.buckets[i].count);
			point.median = quantile(pool.timings.wait.buckets, counts, 0.5);
			point.worst = quantile(pool.timings.wait.buckets, counts, 0.99);
		}
		this.points.push(point);
		while (this.points[0].at < at - longest) this.points.shift();
	}

	most(key) {
		return this.points.reduce((most, p) => Math.max(most, p[key] ?? 0), 0);
	}
}

// quantile finds it among the durations of one interval, whose cumulative counts are given. Within a bucket
// they are taken to lie evenly. It is null if there were none.
function quantile(buckets, counts, q) {
	const wanted = q * counts.at(-1);
	if (!(wanted > 0)) return null;
	let from = 0, below = 0;
	for (let i = 0; i < counts.length; i++) {
		const to = buckets[i].up_to_s;
		if (counts[i] >= wanted) return to < 0 ? from : from + ((to - from) * (wanted - below)) / (counts[i] - below);
		from = to;
		below = counts[i];
	}
	return null;
}

// Axes put moments and values on the plane.
class Axes {
	constructor(svg, points, y) {
		this.width = svg.clientWidth || 600;
		this.height = svg.clientHeight || 150;
		this.now = points.at(-1).at;
		this.span = Math.min(longest, Math.max(60, this.now - points[0].at));
		this.y = y; // maps a value to 0 (bottom) to 1 (top)
		svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
	}

	left(at) {
		const room = this.width - margin.left - margin.right;
		return margin.left + room * (1 - (this.now - at) / this.span);
	}

	top(value) {
		const room = this.height - margin.top - margin.bottom;
		return margin.top + room * (1 - this.y(value));
	}

	// frame has a line and a label for each tick of values, and the time below.
	frame(ticks, label) {
		const nodes = [];
		for (const value of ticks) {
			const y = this.top(value).toFixed(1);
			nodes.push(svgNode("path", { class: "grid", d: `M${margin.left} ${y}H${this.width - margin.right}` }));
			nodes.push(svgNode("text", { x: margin.left - 6, y, dy: "0.32em", "text-anchor": "end" }, label(value)));
		}
		const step = [15, 30, 60].find((s) => this.span / s <= 5) ?? 60;
		for (let ago = 0; ago <= this.span; ago += step) {
			const x = this.left(this.now - ago);
			const text = ago === 0 ? "now" : ago % 60 ? `−${ago}s` : `−${ago / 60}m`;
			const anchor = ago === 0 ? "end" : x < margin.left + 12 ? "start" : "middle";
			nodes.push(svgNode("text", { x: x.toFixed(1), y: this.height - 4, "text-anchor": anchor }, text));
		}
		return nodes;
	}

	// runs are the stretches of points that have a value and no gap between them: the page may have been hidden for a while.
	runs(points, value) {
		const runs = [];
		let before = null;
		for (const p of points) {
			const v = value(p);
			if (v === null) {
				before = null;
				continue;
			}
			if (!before || p.at - before.at > 5) runs.push([]);
			runs.at(-1).push([this.left(p.at).toFixed(1), this.top(v).toFixed(1)]);
			before = p;
		}
		return runs;
	}

	// line is a path; a lonely point is a dot, by its round ends.
	line(name, points, value) {
		const d = this.runs(points, value).map((run) => "M" + run.map((xy) => xy.join(" ")).join("L") + (run.length < 2 ? "h0" : ""));
		return svgNode("path", { class: `line ${name}`, d: d.join("") });
	}

	// area is what lies between two values.
	area(name, points, low, high) {
		const lower = this.runs(points, low);
		const d = this.runs(points, high).map((run, i) => {
			const around = [...run, ...lower[i].toReversed()];
			return "M" + around.map((xy) => xy.join(" ")).join("L") + "Z";
		});
		return svgNode("path", { class: `area ${name}`, d: d.join("") });
	}
}

// niceTicks are about four round numbers from 0 to at least most.
function niceTicks(most) {
	const rough = Math.max(1, most / 4);
	const tenfold = 10 ** Math.floor(Math.log10(rough));
	const step = [1, 2, 5, 10].map((n) => n * tenfold).find((s) => s >= rough);
	const ticks = [];
	for (let v = 0; v < most + step; v += step) ticks.push(v);
	return ticks;
}

// drawConns: in use, and idle on top of it; above them the waiting, and the limit if it is not far.
function drawConns(svg, points, limit) {
	const open = points.reduce((most, p) => Math.max(most, p.inUse + p.idle, p.waiting), 1);
	const showLimit = limit > 0 && limit <= open * 3;
	const ticks = niceTicks(showLimit ? Math.max(open, limit) : open);
	const axes = new Axes(svg, points, (v) => v / ticks.at(-1));
	const nodes = axes.frame(ticks, formats.count);
	nodes.push(axes.area("used", points, () => 0, (p) => p.inUse));
	nodes.push(axes.area("idle", points, (p) => p.inUse, (p) => p.inUse + p.idle));
	nodes.push(axes.line("used", points, (p) => p.inUse));
	nodes.push(axes.line("halo", points, (p) => p.waiting)); // to be seen on the areas, too
	nodes.push(axes.line("waiting", points, (p) => p.waiting));
	if (showLimit) {
		nodes.push(svgNode("path", { class: "line limit", d: `M${margin.left} ${axes.top(limit).toFixed(1)}H${axes.width - margin.right}` }));
	}
	svg.replaceChildren(...nodes);
}

// drawWaits: each tenfold takes the same height, since a wait may be of any order.
function drawWaits(svg, points) {
	const values = points.flatMap((p) => [p.median, p.worst]).filter((v) => v > 0);
	let from = Math.floor(Math.log10(Math.min(...values, 1e-3)));
	let to = Math.ceil(Math.log10(Math.max(...values, 1e-3)));
	from = Math.max(from, -6);
	to = Math.max(to, from + 2);
	const ticks = [];
	for (let e = from; e <= to; e++) ticks.push(10 ** e);
	const axes = new Axes(svg, points, (v) => Math.max(0, (Math.log10(v) - from) / (to - from)));
	const label = (v) => (v >= 1 ? v.toFixed(0) + "s" : v >= 0.999e-3 ? (v * 1e3).toFixed(0) + "ms" : (v * 1e6).toFixed(0) + "µs");
	const nodes = axes.frame(ticks, label);
	nodes.push(axes.line("worst", points, (p) => p.worst));
	nodes.push(axes.line("median", points, (p) => p.median));
	if (values.length === 0) {
		const at = { class: "said", x: (axes.width + margin.left) / 2, y: axes.height / 2 - 4, "text-anchor": "middle" };
		nodes.push(svgNode("text", at, "no caller has taken a connection yet"));
	}
	svg.replaceChildren(...nodes);
}
