package pooledtest

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Unruly is what a server may say to a terminal: an escape sequence and its C1 forms, as a character and as a byte, a
// bell, DEL, a bidirectional override, and the beginning of another line.
const Unruly = "\x1b[2J\x1b]0;mine\x07\u009b2J\x9b\x7f\u202e\r\n" + unrulyLine + "\t\t!"

// unrulyLine looks like a line of the doctor's report.
const unrulyLine = "ok       server  all is well"

// Ruly is the first line of Unruly as it is shown.
const Ruly = "⟨001B⟩[2J⟨001B⟩]0;mine⟨0007⟩⟨009B⟩2J�⟨007F⟩⟨202E⟩"

// WantRuly wants lines of text of which none does anything to a terminal, and none is Unruly's second one.
func WantRuly(tb testing.TB, text string) {
	tb.Helper()
	for _, r := range strings.ReplaceAll(text, "\n", "") {
		if !unicode.IsGraphic(r) {
			tb.Errorf("have %U in %q, want it by its code", r, text)
			return
		}
	}
	if !utf8.ValidString(text) {
		tb.Errorf("have %q, want UTF-8", text)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, unrulyLine[:len("ok       server  all")]) {
			tb.Errorf("have the line %q, which a server made", line)
		}
	}
}
