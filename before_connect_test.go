package pooled_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// beforeConnect registers one hook for a DSN to name.
func beforeConnect(hook func(context.Context, *pooled.ConnectParams) error) string {
	name := "before-" + rand.Text()
	pooled.RegisterHooks(name, pooled.Hooks{BeforeConnect: hook})
	return name
}

// What the hook asks for reaches the parent, for that dial alone.
func TestBeforeConnectChangesTheDSN(t *testing.T) {
	fake := pooledtest.NewFake(t)
	driverName := "fake-" + strings.ToLower(rand.Text()[:6])
	sql.Register(driverName, fake.Driver())
	calls := 0
	name := beforeConnect(func(_ context.Context, p *pooled.ConnectParams) error {
		calls++
		switch calls {
		case 1:
			p.DSN += "&token=a"
		case 2:
			p.Args = map[string]string{"region": "north"}
		case 4:
			return errors.New("no token today")
		}
		return nil
	})
	db, err := sql.Open("pooled", "fake://h/db?x=1&pool_driver="+driverName+"&pool_hooks="+name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pool, _ := pooled.PoolOf(db)
	for range 3 {
		mustExec(t, db, "UPDATE")
		pool.Dispose()
	}
	if _, err := db.Exec("UPDATE"); err == nil || err.Error() != "no token today" {
		t.Errorf("have %v, want the hook's error itself", err)
	}
	want := []string{"fake://h/db?x=1&token=a", "fake://h/db?x=1&region=north", "fake://h/db?x=1"}
	if have := fake.DSNs(); !slices.Equal(have, want) {
		t.Errorf("have %q\nwant %q", have, want)
	}
}

// A parent that the program made itself has no DSN to change: to ask for that is an
// error, not in vain.
func TestBeforeConnectWithoutADSN(t *testing.T) {
	fake := pooledtest.NewFake(t)
	change := false
	db, _ := open(t, fake, hooks(pooled.Hooks{BeforeConnect: func(_ context.Context, p *pooled.ConnectParams) error {
		if change {
			p.Password = "hunter2"
		}
		return nil
	}}))
	mustExec(t, db, "UPDATE")
	pool, _ := pooled.PoolOf(db)
	pool.Dispose()
	change = true
	if _, err := db.Exec("UPDATE"); err == nil || !strings.Contains(err.Error(), "no DSN to change") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("have %v", err)
	}
}

func TestConnectParamsShowNoSecret(t *testing.T) {
	p := pooled.ConnectParams{DSN: "postgres://u:hunter2@h/db", Password: "hunter2", Args: map[string]string{"password": "hunter2"}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%q", "%x"} {
		if have := fmt.Sprintf(verb, p) + fmt.Sprintf(verb, &p); strings.Contains(have, "hunter2") {
			t.Errorf("%s: %s", verb, have)
		}
	}
	if have, err := json.Marshal(p); err != nil || strings.Contains(string(have), "hunter2") {
		t.Errorf("have %s, %v", have, err)
	}
}

// A Config that was changed in code, and needs no parent connector to be made by hand.
func TestOpenConfig(t *testing.T) {
	cfg, err := pooled.ParseDSN("sqlite://?pool_size=1")
	if err != nil {
		t.Fatal(err)
	}
	connected := 0
	cfg.Hooks.Connect = func(context.Context, *pooled.ServerConn) error { connected++; return nil }
	db, err := pooled.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(); err != nil || connected != 1 {
		t.Errorf("have %v and %d connects", err, connected)
	}
	if _, err := pooled.Open(pooled.Config{}); err == nil || !strings.Contains(err.Error(), "NewConfig") {
		t.Errorf("the zero Config: have %v", err)
	}
}
