package parse

import (
	"database/sql"
	"slices"
	"strings"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/advice"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/dsn"
)

// report is the JSON, too: docs/cli.md has its fields.
type report struct {
	Version   int       `json:"version"` // of this form
	DSN       string    `json:"dsn"`     // without its password
	From      cli.From  `json:"dsn_from"`
	Form      string    `json:"form"`
	Driver    string    `json:"driver"`
	BuiltIn   bool      `json:"driver_built_in"` // into this program
	DriverDSN string    `json:"driver_dsn"`      // what is for the driver, with all hosts, without its password
	Hosts     []host    `json:"hosts"`           // at least one
	Options   []option  `json:"options"`
	Warnings  []warning `json:"warnings"`

	anySQLite bool // a program may have either of SQLite's drivers
}

// host is one of those that the pool chooses from.
type host struct {
	Name      string `json:"name"`
	DriverDSN string `json:"driver_dsn"` // with this host alone, without its password
}

type option struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin origin `json:"origin"`
	By     string `json:"by,omitempty"` // another name under which it was given, or what implies it
}

type origin string

const (
	originDSN     origin = "DSN"
	originDefault origin = "default"
	originImplied origin = "implied"
)

type warning struct {
	ID     string `json:"id"` // that of the doctor's finding
	Text   string `json:"text"`
	Change string `json:"change"`
}

const driverKey = "pool_driver"

// read understands a DSN. Its errors are the library's, and show no password.
func read(source cli.DSN) (*report, error) {
	given, err := pooled.ParseDSN(source.Text)
	if err != nil {
		return nil, err
	}
	cfg, err := cli.WithDriver(given)
	if err != nil {
		return nil, err
	}
	form, err := dsn.Detect(source.Text)
	if err != nil {
		return nil, err
	}
	r := &report{
		Version: 1, DSN: source.Masked(), From: source.From, Form: cli.FormOf(source.Text, cfg.Driver),
		Driver: cfg.Driver, BuiltIn: slices.Contains(sql.Drivers(), cfg.Driver), DriverDSN: driverDSN(cfg),
		Warnings: []warning{}, anySQLite: given.Driver == "",
	}
	if err := r.addHosts(cfg); err != nil {
		return nil, err
	}
	r.addOptions(cfg, form.Options())
	r.addWarnings(cfg, source.Text)
	return r, nil
}

// addHosts adds the hosts, each with what the driver gets when it is dialed.
func (r *report) addHosts(cfg pooled.Config) error {
	split, err := dsn.Hosts(cfg.Driver, cfg.DSN)
	for _, h := range split.Hosts {
		cfg.DSN = h.DSN
		r.Hosts = append(r.Hosts, host{h.Name, driverDSN(cfg)})
	}
	return err
}

// driverDSN is what the driver gets, without passwords. Config.String masks them, and writes the driver's name into a
// DSN whose form does not tell it: that is the pool's, and taken out again.
func driverDSN(cfg pooled.Config) string {
	alone := pooled.NewConfig()
	alone.Driver, alone.DSN = cfg.Driver, cfg.DSN
	shown := alone.String()
	if alone.FormatDSN() == cfg.DSN {
		return shown
	}
	named := driverKey + "=" + cfg.Driver
	for _, written := range []string{"&" + named, "?" + named, ";" + named, " " + named, named + "&", named + ";",
		named + " ", named} {
		if before, after, found := strings.Cut(shown, written); found {
			return before + after
		}
	}
	return shown
}

// addOptions adds those that mean something in the pool's class. The values are those that the pool uses; what the DSN
// said is known by its options, for which a Config has no room.
func (r *report) addOptions(cfg pooled.Config, given []dsn.Option) {
	used := valuesOf(cfg)
	for _, o := range pooled.Options() {
		if o.Classes != nil && !slices.Contains(o.Classes, cfg.Class) {
			continue
		}
		value, changed := used[o.Key]
		if !changed {
			value = o.Default
		}
		shown := option{Key: o.Key, Value: value, Origin: originDefault}
		if o.Key == driverKey {
			shown = option{Key: o.Key, Value: r.Driver, Origin: originImplied, By: r.impliedBy()}
		}
		for _, g := range given {
			shown.setBy(g, o)
			if (g.Key == o.Key || slices.Contains(o.Aliases, g.Key)) && hidden(g, value) {
				shown.Value = dsn.Masked
			}
		}
		r.Options = append(r.Options, shown)
	}
}

// valuesOf are the options of a Config that differ from their defaults, as one writes them in a DSN.
func valuesOf(cfg pooled.Config) map[string]string {
	values := map[string]string{}
	form, err := dsn.Detect(cfg.FormatDSN())
	if err != nil {
		return values // of a Config that was just read it can't be
	}
	for _, o := range form.Options() {
		values[o.Key] = o.Value
	}
	return values
}

// setBy says where an option has its value from, if that is an option that was given.
func (shown *option) setBy(given dsn.Option, o pooled.Option) {
	switch {
	case given.Key == o.Key:
		shown.Origin, shown.By = originDSN, ""
	case slices.Contains(o.Aliases, given.Key):
		shown.Origin, shown.By = originDSN, given.Key
	case given.Key == "pool_max_conns" && o.Key == "pool_max_overflow":
		shown.Origin, shown.By = originImplied, given.Key
	}
}

// hidden tells a value that may be, or hold, a secret: SQL, and what may be the end of a password that was cut.
func hidden(given dsn.Option, value string) bool {
	names := []string{"pool_name", "pool_logger", "pool_hooks"}
	return value != "" && (given.Key == "pool_init_sql" || slices.Contains(names, given.Key) && !given.Shown)
}

// impliedBy is what tells the driver if no option does.
func (r *report) impliedBy() string {
	if r.Form == "a URL" {
		return "the scheme"
	}
	return "the form"
}

// addWarnings says what can be said without asking anybody.
func (r *report) addWarnings(cfg pooled.Config, text string) {
	sqlite := cfg.Driver == "sqlite" || cfg.Driver == "sqlite3"
	if r.Form == "a URL" && !sqlite && cli.MaybeTorn(text) {
		r.Warnings = append(r.Warnings, warning{"dsn", "there is an @ after the host: if it is part of the password, the " +
			"driver takes a piece of the password for the host", "write %40 for @, %2F for /, %3F for ? and %23 for # in " +
			"user and password"})
	}
	if w, unknown := r.unknownDriver(); unknown {
		r.Warnings = append(r.Warnings, w)
	}
	for _, a := range advice.OnOptions {
		if a.Wrong(cfg) && (a.Embedded || !sqlite) {
			r.Warnings = append(r.Warnings, warning{a.ID, a.Text, a.Change})
		}
	}
	if advice.TurnsAutocommitOff(cfg) {
		r.Warnings = append(r.Warnings, warning{"autocommit", advice.AutocommitText(cfg.ResetOnReturn),
			advice.AutocommitChange})
	}
	if advice.MostConns(cfg) < 0 && !sqlite {
		r.Warnings = append(r.Warnings, warning{"limit", "the pool has no limit: under load it opens a connection for " +
			"each caller, until the server refuses", "set pool_max_conns, in class queue"})
	}
}

// unknownDriver warns of the name of a driver that is probably misspelt. A program may have one of any name.
func (r *report) unknownDriver() (w warning, unknown bool) {
	if r.BuiltIn || dsn.KnownDriver(r.Driver) {
		return warning{}, false
	}
	w = warning{"driver", "no driver " + r.Driver + " is known here", "your program must import a driver of that name"}
	if meant := dsn.MeantDriver(r.Driver, sql.Drivers()); meant != "" {
		w.Change = "did you mean " + meant + "? If not, " + w.Change
	}
	return w, true
}
