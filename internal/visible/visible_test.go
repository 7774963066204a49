package visible_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/pooled-go/pooled/internal/visible"
)

func TestText(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"SELECT 'naïve 文字 🎉'\r\n\tFROM t", "SELECT 'naïve 文字 🎉'\r\n\tFROM t"},
		{"\x1b[2J\x1b]0;mine\x07", "⟨001B⟩[2J⟨001B⟩]0;mine⟨0007⟩"},
		{"a\x00b\x08c\x7fd", "a⟨0000⟩b⟨0008⟩c⟨007F⟩d"},
		{"C1 \u009b2J \u0085", "C1 ⟨009B⟩2J ⟨0085⟩"},
		{"\u202eabc\u202c \u2066x\u2069 \u200f", "⟨202E⟩abc⟨202C⟩ ⟨2066⟩x⟨2069⟩ ⟨200F⟩"},
		{"no\u200bwidth\ufeff\u00ad", "no⟨200B⟩width⟨FEFF⟩⟨00AD⟩"},
		{"a\u2028b\u2029c", "a⟨2028⟩b⟨2029⟩c"},
		{"tags \U000e0041", "tags ⟨E0041⟩"},
		{"a raw C1 \x9b2J, half a character \xe6\x96", "a raw C1 �2J, half a character ��"},
	} {
		if have := visible.Text(test.text); have != test.want {
			t.Errorf("%q: have %q, want %q", test.text, have, test.want)
		}
	}
}

func TestLine(t *testing.T) {
	const text = "one\r\ntwo\nthree\rfour\tfive\x1b[A"
	if have, want := visible.Line(text), "one two three four five⟨001B⟩[A"; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
}

// everything is all characters of the first plane, and those of a rare one that has characters for formatting.
func everything() string {
	var b strings.Builder
	for r := range rune(0xe0200) {
		if utf8.ValidRune(r) && (r < 0x10000 || r >= 0xe0000) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Nothing is left that a terminal would heed, and what can be seen is left as it is.
func TestNothingUnrulyIsLeft(t *testing.T) {
	for _, r := range visible.Line(everything() + "\x80\x9b\xff") {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Errorf("have %U, want it by its code", r)
		}
	}
	var plain strings.Builder
	for _, r := range everything() {
		if unicode.IsPrint(r) || r == '\n' {
			plain.WriteRune(r)
		}
	}
	if visible.Text(plain.String()) != plain.String() {
		t.Error("have another text, want characters that can be seen as they are")
	}
}

// JSON is exact for who decodes it, and has nothing unruly for who looks at it.
func TestJSON(t *testing.T) {
	want := everything()
	encoded, err := json.MarshalIndent(want, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	shown := visible.JSON(encoded)
	var have string
	if err := json.Unmarshal(shown, &have); err != nil || have != want {
		t.Errorf("have another text behind it, %v; want the same", err)
	}
	for _, r := range string(shown) {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Errorf("have %U, want it escaped", r)
		}
	}
	if plain := []byte("{\n  \"a\": \"é\"\n}\n"); !bytes.Equal(visible.JSON(plain), plain) {
		t.Errorf("have %q, want %q", visible.JSON(plain), plain)
	}
}
