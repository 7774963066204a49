package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/seconds"
)

// print writes a look for people, in as many lines as that; 0: as many as it takes.
func (v view) print(p *cli.Page, lines int) {
	p.Dense = true
	head := fmt.Sprintf("%s (pid %d) at %s UTC, %s", v.Program, v.PID, v.Time.UTC().Format("15:04:05"), v.URL)
	if lines > 0 {
		head = cli.Cut(head, p.Width)
	}
	p.Line("%s", head)
	p.Line("")
	if len(v.Pools) == 0 {
		p.Line("no pool is open")
		return
	}
	left := lines - 2
	rows := v.poolRows(p)
	if lines > 0 && len(rows) > max(left/2, 2) {
		rows = rows[:max(left/2, 2)]
		rows[len(rows)-1] = row{text: fmt.Sprintf("… and %d more pools", len(v.Pools)-len(rows)+2)}
	}
	warnings := v.warnings(p, lines)
	if lines > 0 {
		warnings = warnings[:min(len(warnings), max(left-len(rows), 0)/2)]
	}
	rows = append(rows, warnings...)
	left -= len(rows) + 1
	for _, r := range rows {
		p.Mark(r.color, r.text, "")
	}
	conns := v.connRows(p)
	if lines > 0 && len(conns) > left {
		hidden := len(conns) - left + 1
		conns = conns[:max(left-1, 0)]
		conns = append(conns, row{text: fmt.Sprintf("… and %d more connections", hidden+v.omitted())})
	} else if n := v.omitted(); n > 0 {
		conns = append(conns, row{text: fmt.Sprintf("… and %d more connections", n)})
	}
	if left < 2 && lines > 0 || len(conns) < 2 {
		return
	}
	p.Line("")
	for _, r := range conns {
		p.Mark(r.color, r.text, "")
	}
}

// row is a line of a table.
type row struct {
	color cli.Color
	text  string
}

// rows are the lines of a table. The first is its head.
func rows(p *cli.Page, table [][]string, colors []cli.Color) []row {
	list := make([]row, len(table))
	for i, line := range p.Rows(table, p.Width) {
		list[i] = row{colors[i], line}
	}
	return list
}

func (v view) poolRows(p *cli.Page) []row {
	table := [][]string{{"pool", "in use", "idle", "waiting", "limit", "wait p99", "checkouts/s", "timeouts", "errors"}}
	leaks := slices.ContainsFunc(v.Pools, func(p poolView) bool { return p.Leaked > 0 })
	if leaks {
		table[0] = slices.Insert(table[0], 1, "leaked")
	}
	colors := []cli.Color{cli.Strong}
	for _, pool := range v.Pools {
		cells := []string{pool.Name, fmt.Sprint(pool.InUse), fmt.Sprint(pool.Idle), fmt.Sprint(pool.Waiting),
			bound(pool.Limit), atMost(pool.WaitP99), rate(pool.CheckoutRate), fmt.Sprint(pool.Timeouts),
			fmt.Sprint(pool.ConnectErrors)}
		if leaks {
			cells = slices.Insert(cells, 1, fmt.Sprint(pool.Leaked))
		}
		table, colors = append(table, cells), append(colors, pool.color())
	}
	return rows(p, narrowed(p, table), colors)
}

// narrowed is a table without the columns that can be spared, the first of them first, if the page is too narrow.
func narrowed(p *cli.Page, table [][]string) [][]string {
	const endless = 1 << 20
	for _, spare := range []string{"idle", "wait p99", "checkouts/s", "limit"} {
		fits := func(line string) bool { return utf8.RuneCountInString(line) <= p.Width }
		if !slices.ContainsFunc(p.Rows(table, endless), func(line string) bool { return !fits(line) }) {
			break
		}
		column := slices.Index(table[0], spare)
		for i := range table {
			table[i] = slices.Delete(table[i], column, column+1)
		}
	}
	return table
}

// warnings are about pools whose server is gone, and about those whose queue nobody reaches.
func (v view) warnings(p *cli.Page, lines int) (warnings []row) {
	warn := func(color cli.Color, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if lines > 0 {
			text = cli.Cut(text, p.Width)
		}
		warnings = append(warnings, row{color, text})
	}
	for _, pool := range v.Pools {
		if o := pool.Outage; o != nil {
			warn(cli.Bad, "%s: no server can be reached for %s (%d probes): %s", pool.Name, ago(o.Took), o.Probes, o.Error)
		}
	}
	for _, pool := range v.Pools {
		if pool.MaxOpen > 0 && pool.MaxOpen <= pool.Limit {
			warn(cli.Warning, "%s: db.SetMaxOpenConns(%d) keeps callers out of the pool's queue (limit %d): delete that call",
				pool.Name, pool.MaxOpen, pool.Limit)
		}
	}
	return warnings
}

// color says how the pool is at this moment.
func (p poolView) color() cli.Color {
	some := func(rate *float64) bool { return rate != nil && *rate > 0 }
	switch {
	case p.Outage != nil, p.Leaked > 0, some(p.TimeoutRate), some(p.ConnectErrorRate):
		return cli.Bad
	case p.Waiting > 0:
		return cli.Warning
	}
	return cli.NoColor
}

// connRows are the connections of all pools: those leaked first, then those in use, the longest out on top.
func (v view) connRows(p *cli.Page) []row {
	type ofPool struct {
		pool string
		conn
	}
	var all []ofPool
	for _, pool := range v.Pools {
		for _, c := range pool.Conns {
			all = append(all, ofPool{pool.Name, c})
		}
	}
	rank := func(c ofPool) int {
		switch {
		case c.Leaked:
			return 0
		case c.State != idle:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b ofPool) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Held, a.Held))
	})
	table := [][]string{{"pool", "conn", "session", "state", "for", "last statement"}}
	colors := []cli.Color{cli.Strong}
	for _, c := range all {
		table = append(table, []string{c.pool, fmt.Sprint(c.ID), cmp.Or(c.Session, "–"), c.state(), ago(c.Idle + c.Held),
			strings.Join(strings.Fields(c.Statement), " ")})
		color := cli.NoColor
		if c.Leaked {
			color = cli.Bad
		}
		colors = append(colors, color)
	}
	return rows(p, table, colors)
}

const idle = "idle"

func (c conn) state() string {
	switch {
	case c.Leaked:
		return "leaked"
	case c.Retiring:
		return c.State + ", retiring"
	}
	return c.State
}

// omitted is how many connections the page has left out.
func (v view) omitted() (n int) {
	for _, pool := range v.Pools {
		n += pool.ConnsOmitted
	}
	return n
}

func bound(n int) string {
	if n < 0 {
		return "none"
	}
	return fmt.Sprint(n)
}

func rate(perSecond *float64) string {
	if perSecond == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", *perSecond)
}

func atMost(ms *float64) string {
	switch {
	case ms == nil:
		return "–"
	case *ms < 0:
		return "> 1m"
	}
	return "≤ " + seconds.Short(*ms/1000)
}

// ago is for how long something has been so, which the page knows to a quarter of a second.
func ago(s float64) string {
	switch {
	case s < 0.3:
		return "<0.3s"
	case s < 9.95:
		return fmt.Sprintf("%.1fs", s)
	case s < 59.5:
		return fmt.Sprintf("%.0fs", s)
	}
	return seconds.Short(s)
}
