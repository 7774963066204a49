// Polls ?format=json and puts what comes into the page. Nothing of it is ever read as HTML: it goes into
// textContent, into attributes that are numbers or names, and into the values of forms.

const main = document.querySelector("main");
const pause = document.getElementById("pause");
const histories = new Map(); // by the number of a pool
const interval = 1000;
// Without a user and password that the address may have: fetch takes none.
const here = location.origin + location.pathname;

// at finds what a dotted path leads to.
const at = (value, path) => path.split(".").reduce((v, key) => v[key], value);

// boundOnce are the elements that show fields of the value a root stands for, and not of a row in a list inside it.
const boundOnce = new WeakMap();
function boundOf(root) {
	let list = boundOnce.get(root);
	if (!list) {
		list = [...root.querySelectorAll("[data-f], [data-v], [data-show], [data-link]")].filter((node) => {
			const within = node.closest("[data-list]");
			return !within || !root.contains(within);
		});
		boundOnce.set(root, list);
	}
	return list;
}

// fill shows the fields of a value in the elements below root that name them.
function fill(root, value) {
	for (const node of boundOf(root)) {
		const { f, v, show, as } = node.dataset;
		if (f) {
			const scope = node.closest("[data-scope]");
			setText(node, formats[as ?? "text"](at(scope ? at(value, scope.dataset.scope) : value, f)));
			if (as === "clock") node.dateTime = at(value, f);
		}
		if (v) node.value = value[v];
		if (show) node.hidden = !value[show];
		if (node.hasAttribute("data-link")) node.href = "?pool=" + value.number;
	}
}

// setText leaves alone what says so already: a selection in it would be lost.
function setText(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

// reconcile makes the children of parent those of the list, by key, and in its order: unless somebody is at
// them, under whose hands nothing should move.
function reconcile(parent, list, key, shape, show) {
	const rows = new Map([...parent.children].map((row) => [row.dataset.key, row]));
	const still = parent.matches(":hover") || parent.contains(document.activeElement);
	const wanted = list.map((value) => {
		const k = String(key(value));
		let row = rows.get(k);
		if (row) rows.delete(k);
		else {
			row = document.getElementById("shape-" + shape).content.firstElementChild.cloneNode(true);
			row.dataset.key = k;
		}
		fill(row, value);
		show?.(row, value);
		return row;
	});
	for (const row of rows.values()) {
		if (row.contains(document.activeElement)) focusBeside(row);
		row.remove();
	}
	if (still) {
		parent.append(...wanted.filter((row) => !row.parentNode));
		return;
	}
	wanted.forEach((row, i) => {
		if (parent.children[i] !== row) parent.insertBefore(row, parent.children[i] ?? null);
	});
}

// focusBeside takes the keyboard's place from a row that goes away to the same thing in one that stays.
function focusBeside(row) {
	const like = document.activeElement.localName;
	const beside = row.nextElementSibling ?? row.previousElementSibling ?? row.closest("section");
	(beside?.querySelector(like) ?? main).focus();
}

const byNumber = (pool) => pool.number;

function showConn(row, c) {
	row.dataset.mood = c.mood;
	// The button is hidden, under the keyboard it may be.
	if (c.retiring && row.querySelector("form")?.contains(document.activeElement)) row.querySelector("summary").focus();
}

function showHost(row, h) {
	row.dataset.state = h.state;
}

function showEvent(row, e) {
	row.querySelector(".event").dataset.event = e.name;
}

function showSetting(row, s) {
	row.dataset.origin = s.origin;
}

function showLine(row, pool) {
	row.dataset.failing = pool.failing;
	row.querySelector(".verdict").dataset.verdict = pool.verdict;
	row.querySelector("a").hash = "#pool-" + pool.number;
	const room = pool.limit > 0 ? pool.limit : Math.max(pool.size, pool.in_use + pool.idle + pool.opening, 1);
	const share = (n) => Math.min(100, Math.floor((n * 100) / room));
	row.querySelector("rect.used").setAttribute("width", share(pool.in_use));
	row.querySelector("rect.idle").setAttribute("width", Math.min(100, share(pool.in_use) + share(pool.idle)));
}

function showPool(section, pool) {
	const id = "pool-" + pool.number;
	if (section.id !== id) { // it was cloned
		section.id = id;
		section.querySelector("h2").id = id + "-title";
		section.setAttribute("aria-labelledby", id + "-title");
	}
	section.dataset.failing = pool.failing;
	section.querySelector(".verdict").dataset.verdict = pool.verdict;
	const list = (name) => section.querySelector(`[data-list=${name}]`);
	reconcile(list("conns"), pool.conns, (c) => c.id, "conns", showConn);
	reconcile(list("hosts"), pool.hosts, (h) => `${h.name} ${h.address}`, "hosts", showHost);
	reconcile(list("events"), pool.events, (e) => `${e.time} ${e.name} ${e.conn}`, "events", showEvent);
	reconcile(list("settings"), pool.settings, (s) => s.key, "settings", showSetting);
	section.querySelector(".charts").hidden = false;
	drawPool(section, pool);
}

function drawPool(section, pool) {
	const history = histories.get(pool.number);
	const now = history.points.at(-1);
	drawConns(section.querySelector("svg.conns"), history.points, pool.limit);
	drawWaits(section.querySelector("svg.waits"), history.points);
	const say = (name, text) => setText(section.querySelector(`.legend .${name} b`), text);
	const figure = (key) => `${formats.count(now[key])} (most ${formats.count(history.most(key))})`;
	const time = (s) => (s === null ? "–" : seconds(s));
	say("used", figure("inUse"));
	say("idle", figure("idle"));
	say("waiting", figure("waiting"));
	say("limit", formats.bound(pool.limit));
	section.querySelector(".legend .limit").hidden = pool.limit < 0;
	say("median", time(now.median));
	say("worst", time(now.worst));
	say("rate", now.rate === null ? "–" : `${now.rate > 0 && now.rate < 10 ? now.rate.toFixed(1) : formats.count(Math.round(now.rate))} a second`);
}

function show(report) {
	const when = Date.parse(report.time) / 1000;
	const numbers = new Set(report.pools.map(byNumber));
	for (const number of histories.keys()) {
		if (!numbers.has(number)) histories.delete(number);
	}
	for (const pool of report.pools) {
		derive(pool);
		pool.title = report.pools.some((other) => other !== pool && other.name === pool.name) ? `${pool.name} (${pool.number})` : pool.name;
		if (!histories.has(pool.number)) histories.set(pool.number, new History());
		histories.get(pool.number).add(when, pool);
		pool.verdict = verdict(pool);
	}
	const now = document.getElementById("now");
	now.dateTime = report.time;
	setText(now, formats.clock(report.time));
	document.getElementById("none").hidden = report.pools.length > 0;
	document.getElementById("overview").hidden = report.pools.length < 2;
	reconcile(document.querySelector("[data-list=pools]"), report.pools, byNumber, "line", showLine);
	reconcile(document.getElementById("pools"), report.pools, byNumber, "pool", showPool);
}

// say tells how it goes. News stays for a while before what is usual takes its place.
let newsUntil = 0;
function say(text, news = false) {
	if (news) newsUntil = Date.now() + 4000;
	else if (Date.now() < newsUntil) return;
	const status = document.getElementById("status");
	setText(status, text); // only a change is read out
	status.dataset.live = text === "live";
}

async function ask() {
	const reply = await fetch(here + main.dataset.poll, { cache: "no-store", signal: AbortSignal.timeout(10000) });
	if (!reply.ok) throw new Error((await reply.text()).trim() || `status ${reply.status}`);
	return reply.json();
}

// turn is one poll after the other, for as long as somebody can see it.
let timer = 0, asking = false;
const paused = () => pause.getAttribute("aria-pressed") === "true";
async function turn() {
	clearTimeout(timer);
	if (asking) return;
	if (document.hidden || paused()) {
		say(paused() ? "paused" : "not live");
		return;
	}
	asking = true;
	try {
		const report = await ask();
		if (!paused()) {
			show(report);
			say("live");
		}
	} catch (err) {
		say("no answer, trying again: " + err.message);
	}
	asking = false;
	timer = setTimeout(turn, interval);
}

// A form is sent without leaving the page, so that the charts keep their past.
document.addEventListener("submit", async (submitted) => {
	submitted.preventDefault();
	try {
		const body = new URLSearchParams(new FormData(submitted.target));
		const reply = await fetch(here + location.search, { method: "POST", body, redirect: "manual" });
		if (reply.type !== "opaqueredirect" && !reply.ok) throw new Error((await reply.text()).trim());
		say("done", true);
		turn();
	} catch (err) {
		say("not done: " + err.message, true);
	}
});

pause.addEventListener("click", () => {
	pause.setAttribute("aria-pressed", String(!paused()));
	turn();
});
document.addEventListener("visibilitychange", turn);
addEventListener("resize", () => {
	for (const [number, history] of histories) {
		const section = document.getElementById("pool-" + number);
		if (section) drawPool(section, history.last);
	}
});
pause.hidden = false;
turn();
