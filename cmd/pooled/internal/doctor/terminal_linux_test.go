package doctor

import (
	"os"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/clitest"
)

// On a terminal one line says what is being done, and is gone at the end.
func TestDoctorProgress(t *testing.T) {
	term := clitest.New(t, 80, 24)
	own := os.Stderr
	t.Cleanup(func() { os.Stderr = own })
	os.Stderr = term.TTY
	t.Setenv("TERM", "xterm")
	if code, stdout, stderr := runCommand(t, ":memory:"); code != 0 || stderr != "" || strings.Contains(stdout, "\r") {
		t.Errorf("have exit code %d and %q, want 0 and no error", code, stderr)
	}
	t.Setenv("TERM", "dumb")
	if newProgress(term.TTY) != nil {
		t.Error("have progress on a terminal that can't rewrite a line, want none")
	}
	term.Close()
	shown := term.Text()
	for _, want := range []string{"] connecting", "] pings", "[4/4] what the next caller finds: attached database"} {
		if !strings.Contains(shown, want) {
			t.Errorf("have %q, want %q in it", shown, want)
		}
	}
	if strings.Contains(shown, "\n") || strings.TrimSpace(shown[strings.LastIndexByte(shown, '\r'):]) != "" {
		t.Errorf("have %q, want one line that is empty at the end", shown)
	}
}
