package pooled_test

import (
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The time after which the server ends an idle session is what the session was born with, pool_init_sql's doing too.
func TestIdleLimitOfTheBirth(t *testing.T) {
	for _, test := range []struct {
		server
		option string
	}{
		{onPostgres, "idle_session_timeout=40000"},
		{onPostgres, "pool_init_sql=SET idle_session_timeout = 40000"},
		{onMySQL, "wait_timeout=40"},
		{onMySQL, "pool_init_sql=SET wait_timeout = 40"},
	} {
		t.Run(test.name+"/"+test.option, func(t *testing.T) {
			db := openServer(t, "pooled", test.dsn(t), test.option)
			if err := db.Ping(); err != nil {
				t.Fatal(err)
			}
			pool, _ := pooled.PoolOf(db)
			if have := pooled.IdleLimit(pool).Seconds(); have != 30 {
				t.Errorf("have %v s, want 30, which is earlier than the server", have)
			}
		})
	}
}

// A connection that is lost while it is asked for its limit tells none, and the next one is asked again if its server
// tells one by default.
func TestIdleLimitOfALostGreeting(t *testing.T) {
	for _, test := range []struct {
		server
		at string
	}{
		{onPostgres, "pg_backend_pid"},
		{onPostgres, "idle_session_timeout"},
		{onMySQL, "@@autocommit"},
		{onMySQL, "@@init_connect"},
	} {
		t.Run(test.name+"/"+test.at, func(t *testing.T) {
			proxy := pooledtest.NewProxy(t, test.dsn(t))
			proxy.On(test.at, proxy.CloseAll)
			db := openServer(t, "pooled", proxy.DSN(), "pool_reset_on_return=session", "pool_stmt_cache=64")
			if err := db.Ping(); err == nil {
				t.Error("have no error of the connection that was lost")
			}
			pool, _ := pooled.PoolOf(db)
			if have := pooled.IdleLimit(pool); have != 0 && test.at != "@@init_connect" {
				t.Errorf("have a limit of %v of a connection that was lost, want none", have)
			}
			if err := db.Ping(); err != nil {
				t.Fatal(err)
			}
			if have := pooled.IdleLimit(pool) > 0; have != (test.name == "mysql") {
				t.Errorf("a limit on idleness is known: %t", have)
			}
		})
	}
}
