package doctor

import (
	"fmt"
	"regexp"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// newExam understands the DSN. Its errors show no password.
func newExam(dsn string, instances int) (*exam, error) {
	given, err := pooled.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	cfg, err := cli.WithDriver(given)
	if err != nil {
		return nil, err
	}
	x := &exam{instances: instances, secrets: secretsOf(given)}
	x.report = diagnosis{Driver: cfg.Driver, Form: cli.FormOf(dsn, cfg.Driver),
		Instances: instances, ResetMode: string(cfg.ResetOnReturn)}
	x.cfg = x.replaceDriver(cfg)
	if err := cli.HasDriver(x.cfg.Driver); err != nil {
		return nil, err
	}
	x.server = serverKinds[x.cfg.Driver]
	x.torn = x.report.Form == "a URL" && x.server != sqliteServer && cli.MaybeTorn(dsn)
	if x.server == sqliteServer {
		if err := cli.FileExists(x.cfg.DSN); err != nil {
			return nil, err
		}
	}
	x.report.add("dsn", levelOK, fmt.Sprintf("understood as %s, for driver %s", x.report.Form, cfg.Driver), "")
	x.noteReplaced(cfg.Driver)
	if err := x.opens(); err != nil {
		return nil, err
	}
	return x, nil
}

// replaceDriver takes a driver of this program's in place of one that reads the same DSNs and isn't here.
func (x *exam) replaceDriver(cfg pooled.Config) pooled.Config {
	switch cfg.Driver {
	case "pgx", "pgx/v5":
		cfg.Driver, cfg.DSN = "postgres", withoutPgxKeys(cfg.DSN)
	case "sqlite3":
		cfg.Driver = "sqlite"
	}
	return cfg
}

func (x *exam) noteReplaced(named string) {
	if x.cfg.Driver == named {
		return
	}
	x.report.add("driver", levelOK, fmt.Sprintf("this command has no driver %s; it used %s, which reads the same DSNs. "+
		"What it finds about the server and the options is valid; latencies may differ", named, x.cfg.Driver), "")
}

// opens tells whether the driver takes the DSN. Nothing is connected.
func (x *exam) opens() error {
	s, err := x.open(nil)
	if err != nil {
		return err // pooled's own, and clean
	}
	return s.close()
}

// withoutPgxKeys takes out of a URL or keywords and values what only pgx knows: lib/pq would send it to the server.
func withoutPgxKeys(dsn string) string {
	return pgxKeys.ReplaceAllString(dsn, "$1")
}

var pgxKeys = regexp.MustCompile(`(^|[?&\s])` +
	`(?:(?:default_query_exec_mode|statement_cache_capacity|description_cache_capacity)=[^&\s]*(?:[&\s]|$))+`)
