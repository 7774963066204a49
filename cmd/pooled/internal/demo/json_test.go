package demo

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The JSON has the figures of both in each scenario, and nothing is written beside it.
func TestDemoJSON(t *testing.T) {
	code, stdout, stderr := runCommand(t, "--json", "file:x?mode=memory&pool_size=3&pool_max_overflow=1")
	var have figures
	strict := json.NewDecoder(strings.NewReader(stdout))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&have); err != nil || code != 0 || stderr != "" {
		t.Fatalf("have exit code %d, %v and %s%s, want 0 and JSON", code, err, stdout, stderr)
	}
	if have.Version != 1 || have.Driver != "sqlite" || have.From != "argument" || have.Duration <= 0 || !have.Kept ||
		have.Broken == nil || have.DSN != "file:x?mode=memory&pool_size=3&pool_max_overflow=1" {
		t.Errorf("have %+v", have)
	}
	if len(have.Shared) != 2 || len(have.Forgotten) != 2 || len(have.Limit) != 2 || len(have.Burst) != 2 {
		t.Fatalf("have %+v, want the bare driver and pooled in each scenario", have)
	}
	shared, bare := have.Shared[1], have.Shared[0]
	if shared.Subject != "pooled" || shared.Operations != 800 || shared.Failed != 0 || *shared.Rows != 400 ||
		shared.FirstError != "" || bare.Subject != "bare" || bare.Failed < 2*(holders-1) || bare.Connections < holders {
		t.Errorf("have %+v, want 400 rows by 800 operations, and errors of the bare driver", have.Shared)
	}
	if f := have.Forgotten; f[0].StrayRows != 1 || f[1] != (forgottenFigures{Subject: "pooled"}) {
		t.Errorf("have %+v, want a stray row of the bare driver alone", f)
	}
	if l := have.Limit[1]; !l.IsTimeout || l.Waited < 200 || l.Error == "" || l.Returned != "" {
		t.Errorf("have %+v, want a timeout error after 200 ms", l)
	}
	if b := have.Burst[1]; b.Goroutines != 200 || b.Queries != 400 || b.Failed != 0 || b.Opened+b.OpenedMore > 4 {
		t.Errorf("have %+v, want 400 queries on 4 connections", b)
	}
}

// A broken promise is in the JSON, and an error.
func TestDemoJSONBroken(t *testing.T) {
	withScenarios(t, brokenPromise)
	code, stdout, stderr := runCommand(t, "--json")
	var have figures
	if err := json.Unmarshal([]byte(stdout), &have); err != nil {
		t.Fatal(err)
	}
	if code != 1 || stderr == "" || have.Kept || !slices.Equal(have.Broken, []string{"399 rows, want 400"}) {
		t.Errorf("have exit code %d, %s and %+v, want 1 and the promise", code, stderr, have)
	}
	pooledtest.WantRuly(t, stdout)
}

// A database in DATABASE_URL is not touched by who only wants to see the demo.
func TestDemoLeavesEnvAlone(t *testing.T) {
	withScenarios(t)
	t.Setenv("DATABASE_URL", "postgres://scott:t1ger@127.0.0.1:1/db")
	if code, stdout, stderr := runCommand(t); code != 0 || !strings.Contains(stdout, "database: :memory: ") {
		t.Errorf("have exit code %d and %s%s, want the embedded database", code, stdout, stderr)
	}
}
