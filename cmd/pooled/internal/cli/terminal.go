package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// PageWidth is how wide a page is where there is no terminal to ask, and the widest that a text is to be.
const PageWidth = 100

// Terminal is the terminal that a writer is.
func Terminal(w io.Writer) (f *os.File, ok bool) {
	f, ok = w.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// Size is how many columns and lines a terminal has now.
func Size(terminal *os.File) (width, height int) {
	width, height, err := term.GetSize(int(terminal.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// Width is how many columns a text may take.
func Width(w io.Writer) int {
	f, ok := Terminal(w)
	if !ok {
		return PageWidth
	}
	width, _ := Size(f)
	return max(narrowest, min(width, PageWidth))
}

// narrowest is as narrow as a text can be read.
const narrowest = 40

// Color is a colour of text, as the number that terminals know it by. All colour goes through a Page.
type Color string

const (
	NoColor Color = ""
	Good    Color = "32"
	Warning Color = "33"
	Bad     Color = "31"
	Strong  Color = "1"
)

// ColorOf is the colour of a word such as a finding's level.
func ColorOf(word string) Color {
	switch word {
	case "ok":
		return Good
	case "warning":
		return Warning
	case "problem":
		return Bad
	}
	return NoColor
}

// Screen is the terminal that a writer is, if that heeds escape sequences.
func Screen(w io.Writer) (f *os.File, ok bool) {
	f, ok = Terminal(w)
	return f, ok && os.Getenv("TERM") != "dumb" && understandsEscapes(f)
}

// Colors says whether a writer shows colours: only a terminal does, and not if NO_COLOR (no-color.org) is set.
func Colors(w io.Writer) bool {
	_, ok := Screen(w)
	return ok && os.Getenv("NO_COLOR") == ""
}
