package docs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
)

var parameter = regexp.MustCompile(`^[A-Za-z_]+=`)

// jdbcRows are the parameters in one table of docs/from-hikaricp.md: those of JDBC, and those that it says to write,
// but for the pool's own, which no driver gets.
func jdbcRows(t *testing.T, server string) (jdbc, here []string) {
	t.Helper()
	_, rest, _ := strings.Cut(readFile(t, "docs/from-hikaricp.md"), "<!-- jdbc "+server+" -->\n")
	table, _, _ := strings.Cut(rest, "<!-- /jdbc ")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) != 2 {
			continue
		}
		for i, into := range []*[]string{&jdbc, &here} {
			for _, m := range inBackquotes.FindAllStringSubmatch(cells[i], -1) {
				if parameter.MatchString(m[1]) && !strings.HasPrefix(m[1], "pool_") {
					*into = append(*into, m[1])
				}
			}
		}
	}
	if len(jdbc) < 5 || len(here) < 5 {
		t.Fatalf("have %q and %q, want the parameters of %s", jdbc, here, server)
	}
	return jdbc, here
}

// go-sql-driver/mysql sends parameters that it does not know to the server, as variables. Those that the page says to
// write in place of JDBC's are its own or a variable, and JDBC's are neither.
func TestJDBCParametersMySQL(t *testing.T) {
	sent := func(parameter string) map[string]string {
		cfg, err := mysql.ParseDSN("scott@tcp(localhost)/shop?" + parameter)
		if err != nil {
			t.Errorf("%s: %v", parameter, err)
			return nil
		}
		return cfg.Params
	}
	jdbc, here := jdbcRows(t, "mysql")
	for _, p := range jdbc {
		if len(sent(p)) == 0 {
			t.Errorf("the driver knows %s, so the page need not translate it", p)
		}
	}
	for _, p := range here {
		params := sent(p)
		zone, ok := params["time_zone"]
		if len(params) > 0 && !ok || ok && zone != "'+00:00'" {
			t.Errorf("%s: have %q for the server", p, params)
		}
		if err := refusal("mysql://scott@localhost/shop?" + p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// The same of lib/pq, which sends what it does not know as settings of the session.
func TestJDBCParametersPostgres(t *testing.T) {
	_, here := jdbcRows(t, "postgres")
	settings := []string{"search_path", "statement_timeout"}
	for _, p := range here {
		cfg, err := pq.NewConfig("postgres://scott@localhost/shop?" + p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
		key, _, _ := strings.Cut(p, "=")
		if _, ok := cfg.Runtime[key]; ok && key != settings[0] && key != settings[1] {
			t.Errorf("%s: lib/pq does not know it", p)
		}
	}
}

// Each option of the page is accepted with the value that it has there.
func TestHikariCPOptions(t *testing.T) {
	found := 0
	text := fenced.ReplaceAllString(readFile(t, "docs/from-hikaricp.md"), "")
	for _, m := range inBackquotes.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[1], "pool_") || !strings.Contains(m[1], "=") {
			continue
		}
		found++
		if err := refusal("mysql://scott@localhost/shop?" + strings.ReplaceAll(m[1], "25%", "25%25")); err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
	}
	if found < 5 {
		t.Errorf("have %d options with a value, want more", found)
	}
}
