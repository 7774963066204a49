package demo

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	shownText      = regexp.MustCompile("(?ms)^```text\n(.*?)^```$")
	measuredNumber = regexp.MustCompile(`\d[\d.]*(ns|µs|ms|s\b)?`)
	blanks         = regexp.MustCompile(`\s+`)
)

// What README.md shows of the demo is what the demo prints, but for the numbers. Lines of three dots stand for what was
// left out.
func TestREADMEDemo(t *testing.T) {
	readme, err := os.ReadFile("../../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := shownText.FindAllSubmatch(readme, -1)
	if len(shown) != 1 {
		t.Fatalf("README.md shows %d texts, want one, the demo's", len(shown))
	}
	code, stdout, stderr := runCommand(t)
	if code != 0 {
		t.Fatalf("have exit code %d and %s", code, stderr)
	}
	rest := shape(stdout)
	for part := range strings.SplitSeq(string(shown[0][1]), "\n...\n") {
		want := shape(part)
		_, after, ok := strings.Cut(rest, want)
		if !ok || want == "" {
			t.Fatalf("README.md shows\n%s\nthe demo prints\n%s", part, stdout)
		}
		rest = after
	}
}

// shape is a text without its figures and its line breaks. The bare driver may fail to count its rows.
func shape(text string) string {
	text = blanks.ReplaceAllString(measuredNumber.ReplaceAllString(text, "#"), " ")
	return strings.TrimSpace(strings.ReplaceAll(text, "# of # error", "# of # #"))
}
