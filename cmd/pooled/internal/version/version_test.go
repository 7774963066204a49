package version

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	_ "github.com/pooled-go/pooled/cmd/pooled/internal/demo"
	_ "github.com/pooled-go/pooled/cmd/pooled/internal/doctor"
)

func TestDescribe(t *testing.T) {
	pq := &debug.Module{Path: "github.com/lib/pq", Version: "v1.12.3"}
	lib := &debug.Module{Path: library, Version: "v0.1.0"}
	for _, tt := range []struct {
		name  string
		build debug.BuildInfo
		want  string // the first two lines
	}{
		{"installed", debug.BuildInfo{Main: debug.Module{Path: program, Version: "v0.2.0"},
			Deps: []*debug.Module{lib, pq}},
			"pooled v0.2.0\n   library           github.com/pooled-go/pooled v0.1.0\n"},
		{"a checkout", debug.BuildInfo{Main: debug.Module{Path: program, Version: "v0.2.1-0.20260101000000-0123456789ab"},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}},
			Deps:     []*debug.Module{{Path: library, Version: "(devel)"}, pq}},
			"pooled devel (revision 0123456789abcdef)\n   library           github.com/pooled-go/pooled devel\n"},
		{"a changed checkout", debug.BuildInfo{Main: debug.Module{Path: program, Version: "(devel)"},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123"}, {Key: "vcs.modified", Value: "true"}},
			Deps:     []*debug.Module{{Path: library, Version: "v0.1.0", Replace: &debug.Module{Path: "../.."}}, pq}},
			"pooled devel (revision 0123, modified)\n   library           github.com/pooled-go/pooled devel\n"},
		{"nothing is known", debug.BuildInfo{},
			"pooled devel\n   library           github.com/pooled-go/pooled devel\n"},
	} {
		var b bytes.Buffer
		if err := describe(&tt.build).print(&b); err != nil || !strings.HasPrefix(b.String(), tt.want) {
			t.Errorf("%s: have %s%v, want it to begin with %s", tt.name, b.String(), err, tt.want)
		}
		driver := "driver postgres   github.com/lib/pq v1.12.3\n"
		if len(tt.build.Deps) > 0 && !strings.Contains(b.String(), driver) {
			t.Errorf("%s: have %s, want in it %s", tt.name, b.String(), driver)
		}
		if want := runtime.Version() + " for " + runtime.GOOS + "/" + runtime.GOARCH; !strings.Contains(b.String(), want) {
			t.Errorf("%s: have %s, want in it %s", tt.name, b.String(), want)
		}
	}
}

// The drivers that it names are those that demo and doctor register.
func TestDrivers(t *testing.T) {
	var out, errs bytes.Buffer
	s := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}
	if code := cli.Run(t.Context(), []string{"version", "--json"}, s, Command()); code != 0 {
		t.Fatalf("have exit code %d and %s, want 0", code, errs.String())
	}
	var have about
	if err := json.Unmarshal(out.Bytes(), &have); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range have.Drivers {
		names = append(names, d.Name)
	}
	registered := slices.DeleteFunc(sql.Drivers(), func(name string) bool { return name == pooled.DriverName })
	if !slices.Equal(names, registered) {
		t.Errorf("have drivers %q, want %q", names, registered)
	}
}
