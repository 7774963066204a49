package servertest_test

import (
	"database/sql"
	"testing"

	"github.com/pooled-go/pooled"
)

// A DSN may set any variable of the server: none has a name that is taken for an option that was written wrong.
func TestServersVariablesAreNoOptions(t *testing.T) {
	for _, on := range []struct {
		server    server
		variables string
		dsn       string // before the name
	}{
		{onMySQL, "SHOW GLOBAL VARIABLES", "user@tcp(host)/db?"},
		{onPostgres, "SELECT name, setting FROM pg_settings", "postgres://user@host/db?"},
	} {
		t.Run(on.server.name, func(t *testing.T) {
			rows, err := openServer(t, on.server.bare, on.server.dsn(t)).Query(on.variables)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			n := 0
			for ; rows.Next(); n++ {
				var name string
				if err := rows.Scan(&name, new(sql.RawBytes)); err != nil {
					t.Fatal(err)
				}
				if _, err := pooled.ParseDSN(on.dsn + name + "=1"); err != nil {
					t.Errorf("%s: have %v, want no error", name, err)
				}
			}
			if err := rows.Err(); err != nil || n < 100 {
				t.Errorf("have %d variables and %v, want some hundred", n, err)
			}
		})
	}
}
