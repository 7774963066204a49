package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

var indexLine = regexp.MustCompile(`(?m)^- .*$`)

// docs/README.md leads to each page of docs. Each of its lines has one link.
func TestIndexHasEveryPage(t *testing.T) {
	index := readFile(t, "docs/README.md")
	linked := map[string]bool{}
	for _, line := range indexLine.FindAllString(index, -1) {
		links := mdLink.FindAllStringSubmatch(line, -1)
		if len(links) != 1 {
			t.Errorf("docs/README.md: %q: have %d links, want one", line, len(links))
			continue
		}
		page, _, _ := strings.Cut(links[0][1], "#")
		linked["docs/"+page] = true
	}
	for _, page := range documentation(t) {
		if page != "README.md" && page != "docs/README.md" && !linked[page] {
			t.Errorf("docs/README.md: have no question that leads to %s", page)
		}
	}
}
