package docs_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Each module that a page says to go get is one of this repository's, or one that its tests require.
func TestGoGets(t *testing.T) {
	var modules strings.Builder
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "go.mod" {
			modules.WriteString(strings.ReplaceAll(readFile(t, path), "\n", " \n"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range documentation(t) {
		for _, line := range goGet.FindAllStringSubmatch(readFile(t, file), -1) {
			for _, module := range strings.Fields(line[1]) {
				found++
				path, _, _ := strings.Cut(module, "@")
				if !regexp.MustCompile(`[\t ]` + regexp.QuoteMeta(path) + ` `).MatchString(modules.String()) {
					t.Errorf("%s: go get %s: no go.mod of this repository has it", file, module)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("have %d modules to get in the documentation, want more", found)
	}
}

// Each package that a page says to import for its snippets is imported by a file that runs snippets.
func TestImportsOfSnippets(t *testing.T) {
	snippets := readTested(t).snippets
	found := 0
	for _, file := range documentation(t) {
		for _, sentence := range importsSentence.FindAllString(readFile(t, file), -1) {
			for _, name := range inBackquotes.FindAllStringSubmatch(sentence, -1) {
				if name[1] == "_" || name[1] == "entsql" {
					continue // names, not packages
				}
				found++
				if !strings.Contains(snippets, `"`+name[1]+`"`) {
					t.Errorf("%s: no file of snippets imports %s", file, name[1])
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("have %d packages to import in the documentation, want more", found)
	}
}

var (
	goGet           = regexp.MustCompile(`(?m)^go get (.*)$`)
	importsSentence = regexp.MustCompile(`(?m)\bImports: (?:[^\n]+\n)+`)
)
