package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pooled-go/pooled/internal/dsn"
)

// pgx reads the DSN of each host as it is meant: one host, no fallback to another but that of TLS, and all else as in
// the whole.
func TestPgxReadsEachHost(t *testing.T) {
	for _, test := range []struct {
		dsn  string
		want []string // host and port
	}{
		{"postgres://scott:ti%40ger@db1:5432,db2/shop", []string{"db1 5432", "db2 5432"}},
		{"postgres://scott:ti%40ger@db1:6000,db2:6001/shop?target_session_attrs=read-write", []string{
			"db1 6000", "db2 6001"}},
		{"postgres://scott:ti%40ger@db1,[::1]:7,[fe80::1]/shop?sslmode=disable", []string{
			"db1 5432", "::1 7", "fe80::1 5432"}},
		{"postgres://scott:ti%40ger@/shop?host=db1,db2&port=5432,5433", []string{"db1 5432", "db2 5433"}},
		{"postgres://scott:ti%40ger@/shop?host=db1,db2&port=6000", []string{"db1 6000", "db2 6000"}},
		{"postgres://scott:ti%40ger@%2Frun%2Fa,db2/shop", []string{"/run/a 5432", "db2 5432"}},
		{"postgres://scott:ti%40ger@10.0.0.1,10.0.0.2/shop?load_balance_hosts=random", []string{
			"10.0.0.1 5432", "10.0.0.2 5432"}},
		{"host=db1,db2 user=scott password='ti@ger' dbname=shop", []string{"db1 5432", "db2 5432"}},
		{"host=db1,db2,/run/c port=1,,3 user=scott password='ti@ger' dbname=shop target_session_attrs=any", []string{
			"db1 1", "db2 5432", "/run/c 3"}},
		{"host=db1,db2 port=6000 user=scott password='ti@ger' dbname=shop target_session_attrs=standby", []string{
			"db1 6000", "db2 6000"}},
	} {
		split, err := dsn.Hosts("pgx", test.dsn)
		if err != nil {
			t.Errorf("%s: %v", test.dsn, err)
			continue
		}
		var have []string
		for _, h := range split.Hosts {
			cfg, err := pgx.ParseConfig(h.DSN)
			if err != nil {
				t.Errorf("%s: %v", h.DSN, err)
				continue
			}
			have = append(have, fmt.Sprint(cfg.Host, " ", cfg.Port))
			if cfg.User != "scott" || cfg.Password != "ti@ger" || cfg.Database != "shop" || cfg.ValidateConnect != nil {
				t.Errorf("%s: have %+v", h.DSN, cfg.Config)
			}
			for _, f := range cfg.Fallbacks {
				if f.Host != cfg.Host || f.Port != cfg.Port {
					t.Errorf("%s: have a fallback to %s %d", h.DSN, f.Host, f.Port)
				}
			}
		}
		if strings.Join(have, ", ") != strings.Join(test.want, ", ") {
			t.Errorf("%s: have %q, want %q", test.dsn, have, test.want)
		}
	}
}
