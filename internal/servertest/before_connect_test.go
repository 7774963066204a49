package servertest_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A password that rotates: the DSN has the old one, the hook knows the new one.
func TestBeforeConnectRotatesThePassword(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			dsn := s.dsn(t)
			password := "new&secret/1" // with characters that DSNs have to encode
			admin := openServer(t, s.bare, dsn)
			user := "rotating"
			switch s.name {
			case "postgres":
				pooledtest.MustExec(t, admin, "DROP ROLE IF EXISTS rotating")
				pooledtest.MustExec(t, admin, "CREATE ROLE rotating LOGIN PASSWORD '"+password+"'")
			case "mysql":
				pooledtest.Make(t, admin, "USER", "rotating@'127.0.0.1'", "IDENTIFIED BY '"+password+"'")
				pooledtest.MustExec(t, admin, "GRANT ALL ON *.* TO rotating@'127.0.0.1'")
			}
			name := "rotating-" + rand.Text() // a name can be registered once
			pooled.RegisterHooks(name, pooled.Hooks{BeforeConnect: func(_ context.Context, p *pooled.ConnectParams) error {
				p.User, p.Password = user, password
				return nil
			}})
			db := openServer(t, "pooled", dsn, "pool_hooks="+name)
			who := map[string]string{"postgres": "SELECT current_user",
				"mysql": "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"}
			if have := pooledtest.ScanOne[string](t, db, who[s.name]); have != user {
				t.Errorf("have %s, want %s", have, user)
			}
			password = "wrong-hunter2"
			pool, _ := pooled.PoolOf(db)
			pool.Dispose()
			if err := db.Ping(); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("with the wrong one: have %v, want an error without it", err)
			}
			db.Close()
			switch s.name {
			case "postgres":
				pooledtest.MustExec(t, admin, "DROP ROLE rotating")
			case "mysql":
				pooledtest.MustExec(t, admin, "DROP USER rotating@'127.0.0.1'")
			}
		})
	}
}
