package bench

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A relative REPORT is seen from the repository's root, an absolute one is what it says.
func TestReportGoesWhereItIsTold(t *testing.T) {
	for report, want := range map[string]string{
		"docs/benchmarks": "-o '../docs/benchmarks'",
		"/tmp/a report":   "-o '/tmp/a report'",
		"":                "./cmd/report",
	} {
		cmd := exec.Command("make", "--no-print-directory", "-n", "report", "REPORT="+report)
		cmd.Env = append(os.Environ(), "MAKEFLAGS=") // this test may run under a make of its own
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if line := strings.TrimSpace(string(out)); !strings.HasSuffix(line, want) {
			t.Errorf("REPORT=%s: have %s, want it to end with %s", report, line, want)
		}
	}
}
