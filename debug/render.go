package debug

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/visible"
)

//go:embed page
var files embed.FS

// page is the template with its style and script, and their hashes for the Content-Security-Policy.
type page struct {
	template              *template.Template
	style                 template.CSS
	script                template.JS
	styleHash, scriptHash string
}

// assembled is made when the page is first asked for: until then it costs nothing.
var assembled = sync.OnceValue(func() page {
	style := read("style.css")
	script := "\"use strict\";\n" + read("format.js") + read("chart.js") + read("page.js")
	return page{
		template:  template.Must(template.New("").Funcs(formats).ParseFS(files, "page/*.html")),
		style:     template.CSS(style),
		script:    template.JS(script),
		styleHash: hash(style), scriptHash: hash(script),
	}
})

func read(name string) string {
	text, err := files.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(text)
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// shown is what page.html is given.
type shown struct {
	Style  template.CSS
	Script template.JS
	Report report
	Poll   string // the query that the script asks with
	JSON   string // the query of the link to all there is
	Single bool   // one pool was asked for
	Form   form
	Blank  blank
}

// form is what an action needs.
type form struct {
	Allowed bool
	Token   string
}

// blank has the shapes that the script clones for what comes later.
type blank struct {
	Pool    shownPool
	Conn    shownConn
	Host    host
	Event   event
	Setting setting
}

// Nothing is embedded here: a template finds a field of an embedded struct slowly, and asks for thousands.
type shownPool struct {
	Report poolReport
	Title  string // its name, with its number if another has that name too
	Form   form
	Single bool

	Failing bool // there is an outage, or a connection could not be opened within the last minute
}

type shownConn struct {
	Conn conn
	Form form
	Pool int
}

func (h Handler) render(w io.Writer, r report, asked question) error {
	r.makeVisible()
	p := assembled()
	f := form{Allowed: h.AllowActions}
	if f.Allowed {
		f.Token = token()
	}
	poll := asked
	poll.json = true
	return p.template.ExecuteTemplate(w, "page.html", shown{
		Style: p.style, Script: p.script, Report: r, Form: f, Single: asked.pool > 0,
		Poll: poll.query(), JSON: question{json: true, pool: asked.pool, limit: -1}.query(),
		Blank: blank{Pool: shownPool{Form: f, Single: asked.pool > 0}, Conn: shownConn{Form: f}},
	})
}

// makeVisible changes all texts of others, so that they do nothing on a page but stand there. In the JSON they are as
// they were; the script does the same to what it shows of it.
func (r *report) makeVisible() {
	show := func(texts ...*string) {
		for _, text := range texts {
			*text = visible.Text(*text)
		}
	}
	show(&r.Program)
	for i := range r.Pools {
		p := &r.Pools[i]
		show(&p.Name)
		if p.LastConnectError != nil {
			show(&p.LastConnectError.Detail)
		}
		if p.Outage != nil {
			show(&p.Outage.Error)
		}
		for i := range p.Hosts {
			show(&p.Hosts[i].Name, &p.Hosts[i].Address, &p.Hosts[i].Error)
		}
		for i := range p.Conns {
			show(&p.Conns[i].Session, &p.Conns[i].Statement, &p.Conns[i].Stack)
		}
		for i := range p.Events {
			show(&p.Events[i].Detail)
		}
		for i := range p.Settings {
			show(&p.Settings[i].Value)
		}
	}
}

// Pools are the pools with what their forms need.
func (s shown) Pools() []shownPool {
	list := make([]shownPool, 0, len(s.Report.Pools))
	named := map[string]int{}
	for _, p := range s.Report.Pools {
		named[p.Name]++
	}
	for _, p := range s.Report.Pools {
		title := p.Name
		if named[p.Name] > 1 {
			title = fmt.Sprintf("%s (%d)", title, p.Number)
		}
		failed := p.LastConnectError
		failing := p.Outage != nil || failed != nil && s.Report.Time.Sub(failed.Time) < time.Minute
		list = append(list, shownPool{p, title, s.Form, s.Single, failing})
	}
	return list
}

// Rows are the connections with what their forms need.
func (p shownPool) Rows() []shownConn {
	list := make([]shownConn, 0, len(p.Report.Conns))
	for _, c := range p.Report.Conns {
		list = append(list, shownConn{c, p.Form, p.Report.Number})
	}
	return list
}

// Changed is how many settings are not at their default.
func (r poolReport) Changed() int {
	n := 0
	for _, s := range r.Settings {
		if s.Origin != "default" {
			n++
		}
	}
	return n
}

// Verdict is the worst that can be said of the pool now; format.js says the same.
func (p shownPool) Verdict() string {
	r := p.Report
	switch {
	case r.Outage != nil:
		return "outage"
	case p.Failing:
		return "connect errors"
	case r.Leaked > 0:
		return "leaks"
	case r.Waiting > 0:
		return "callers wait"
	case r.Limit > 0 && r.InUse >= r.Limit:
		return "all in use"
	}
	return "ok"
}

// HostStates is how many hosts are in each state.
func (r poolReport) HostStates() string {
	var texts []string
	for _, state := range []pooled.HostState{
		pooled.HostUp, pooled.HostDown, pooled.HostWrongRole, pooled.HostUnknown,
	} {
		n := 0
		for _, h := range r.Hosts {
			if h.State == string(state) {
				n++
			}
		}
		if n > 0 {
			texts = append(texts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(texts, ", ")
}

// Mood is what the row of a connection is marked with.
func (c conn) Mood() string {
	if c.Leaked {
		return "leaked"
	}
	return c.State
}

// Since is for how long the connection has been in its state.
func (c conn) Since() float64 { return max(c.Idle, c.Held) }

// Brief is the beginning of an event's detail, which may go on with stacks.
func (e event) Brief() string {
	brief, _, _ := strings.Cut(e.Detail, "\n")
	return brief
}

// Rest is what follows the Brief.
func (e event) Rest() string {
	_, rest, _ := strings.Cut(e.Detail, "\n")
	return rest
}
