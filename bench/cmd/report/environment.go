package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// measuredModules are those that figures depend on.
var measuredModules = []string{
	"github.com/go-sql-driver/mysql", "github.com/lib/pq", "github.com/jackc/pgx/v5", "github.com/jackc/puddle/v2",
	"github.com/ngrok/sqlmw", "github.com/XSAM/otelsql", "github.com/simukti/sqldb-logger",
}

// environment names what a figure depends on: versions and hardware.
func environment() [][2]string {
	env := [][2]string{
		{"machine", fmt.Sprintf("%s, %d CPUs, %s memory, %s/%s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
			gibibytes(field("/proc/meminfo", "MemTotal")), runtime.GOOS, runtime.GOARCH)},
		{"Go", runtime.Version()},
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		env[0][1] += ", load at the start " + strings.Fields(string(load))[0]
	}
	var modules []string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if slices.Contains(measuredModules, m.Path) {
				modules = append(modules, m.Path+" "+m.Version)
			}
		}
	}
	return append(env, [2]string{"modules", strings.Join(modules, ", ")})
}

// field reads one of the lines "name : value" of a file.
func field(file, name string) string {
	text, _ := os.ReadFile(file) // elsewhere than on Linux there is none
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func gibibytes(kilobytes string) string {
	var n float64
	if _, err := fmt.Sscanf(kilobytes, "%f kB", &n); err != nil {
		return kilobytes
	}
	return fmt.Sprintf("%.0f GiB", n/(1<<20))
}
