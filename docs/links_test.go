package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var (
	mdLink     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	mdTarget   = regexp.MustCompile(`(?m)^\[(\w+)\]: (\S+)$`)
	mdHeading  = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	inlineCode = regexp.MustCompile("`[^`\n]*`")
)

// Each link of README, CHANGELOG, CONTRIBUTING and docs to something in this repository leads to a file that exists,
// and to a heading that is in it.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, file := range append(documentation(t), "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "CODE_OF_CONDUCT.md") {
		text := inlineCode.ReplaceAllString(fenced.ReplaceAllString(readFile(t, file), ""), "")
		for _, link := range linksOf(text) {
			target, anchor, _ := strings.Cut(link, "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := file
			if target != "" {
				path = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: the link %s leads nowhere: %v", file, link, err)
				continue
			}
			if anchor != "" && !anchors(readFile(t, path))[anchor] {
				t.Errorf("%s: the link %s leads to no heading of %s", file, link, path)
			}
		}
	}
}

// linksOf are the targets of a text's links, those at the end of a text ([1]: target) included.
func linksOf(text string) (links []string) {
	for _, found := range mdLink.FindAllStringSubmatch(text, -1) {
		links = append(links, found[1])
	}
	for _, found := range mdTarget.FindAllStringSubmatch(text, -1) {
		links = append(links, found[2])
	}
	return links
}

// anchors are the names that GitHub gives to the headings of a file.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, h := range mdHeading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, mdLink.ReplaceAllString(h[1], ""))
		unique := name
		for n := 1; names[unique]; n++ {
			unique = name + "-" + strconv.Itoa(n)
		}
		names[unique] = true
	}
	return names
}

func TestAnchors(t *testing.T) {
	have := anchors("# `pool_size`, `pool_max_conns`\n## What it *costs*: 1 or 2?\n## What it costs 1 or 2\n```sh\n# " +
		"no heading\n```\n")
	for _, want := range []string{"pool_size-pool_max_conns", "what-it-costs-1-or-2", "what-it-costs-1-or-2-1"} {
		if !have[want] {
			t.Errorf("have %v, want %s", have, want)
		}
	}
	if len(have) != 3 {
		t.Errorf("have %v, want three", have)
	}
}
