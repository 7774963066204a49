package docs_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
)

var updateOptions = flag.Bool("update-options", false, "write the option table into docs/options.md")

// docs/options.md has a section for each option, in the order of the table, and what the table in it says
// of default, range and classes is so.
func TestOptionsDocumented(t *testing.T) {
	sections := strings.Split(readFile(t, "docs/options.md"), "\n## ")[1:]
	options := pooled.Options()
	for i, o := range options {
		heading := "`" + strings.Join(append([]string{o.Key}, o.Aliases...), "`, `") + "`"
		if i >= len(sections) || !strings.HasPrefix(sections[i], heading+"\n") {
			t.Fatalf("docs/options.md, section %d: want the heading ## %s", i+1, heading)
		}
		checkOptionSection(t, o, sections[i])
	}
	if have := len(sections) - len(options); have != 1 {
		t.Errorf("docs/options.md: have %d sections more than options, want one", have)
	}
}

func checkOptionSection(t *testing.T, o pooled.Option, section string) {
	t.Helper()
	lines := strings.Split(section, "\n")
	const head = "| unit | default | 0 | -1 | classes | in code |"
	if len(lines) < 5 || lines[2] != head {
		t.Fatalf("%s: want a table that begins with %s", o.Key, head)
	}
	cells := strings.Split(lines[4], "|")
	if len(cells) != 8 {
		t.Fatalf("%s: have the row %s, want six cells", o.Key, lines[4])
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	byDefault, zero, off, classes, field := strings.Trim(cells[2], "`"), cells[3], cells[4], cells[5],
		strings.Trim(cells[6], "`")
	if byDefault != o.Default {
		t.Errorf("%s: have the default %q, want %q", o.Key, byDefault, o.Default)
	}
	checkAccepted(t, o.Key, "0", zero)
	checkAccepted(t, o.Key, "-1", off)
	checkRefused(t, o.Key, zero != "–")
	want := "all"
	if o.Classes != nil {
		want = classNames(o.Classes)
	}
	if classes != want {
		t.Errorf("%s: have classes %q, want %q", o.Key, classes, want)
	}
	if _, ok := reflect.TypeFor[pooled.Config]().FieldByName(field); !ok {
		t.Errorf("%s: Config has no field %s", o.Key, field)
	}
}

// checkAccepted holds a cell to what ParseDSN does; a cell of – says nothing.
func checkAccepted(t *testing.T, key, value, cell string) {
	t.Helper()
	_, err := pooled.ParseDSN("u@tcp(h)/db?" + key + "=" + value)
	if cell != "–" && (err != nil) != (cell == "refused") {
		t.Errorf("%s=%s: docs/options.md says %q, have %v", key, value, cell, err)
	}
}

// checkRefused: any other negative number.
func checkRefused(t *testing.T, key string, numeric bool) {
	t.Helper()
	if _, err := pooled.ParseDSN("u@tcp(h)/db?" + key + "=-2"); numeric && err == nil {
		t.Errorf("%s=-2: have no error, want it refused", key)
	}
}

func classNames(classes []pooled.Class) string {
	var names []string
	for _, c := range classes {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// optionsMarkdown is the table of docs/options.md. Each key leads to its section.
func optionsMarkdown() string {
	var b strings.Builder
	b.WriteString("| key | default | meaning |\n|---|---|---|\n")
	for _, o := range pooled.Options() {
		keys := append([]string{o.Key}, o.Aliases...)
		key := "[`" + o.Key + "`](#" + strings.Join(keys, "-") + ")"
		for _, alias := range o.Aliases {
			key += ", `" + alias + "`"
		}
		def := ""
		if o.Default != "" {
			def = "`" + o.Default + "`"
		}
		doc := o.Doc
		if o.Key == "pool_size" {
			doc += ". `pool_max_conns=N` sets pool_size to N and pool_max_overflow to 0"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", key, def, doc)
	}
	return b.String()
}

// TestOptionTable compares the table of docs/options.md with the code. It is written by
// go test -run TestOptionTable ./docs -update-options
func TestOptionTable(t *testing.T) {
	const begin, end = "<!-- options -->\n", "<!-- /options -->"
	before, rest, ok := strings.Cut(readFile(t, "docs/options.md"), begin)
	have, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("docs/options.md: have no table between %q and %q, want one", begin, end)
	}
	want := optionsMarkdown()
	if have == want {
		return
	}
	if *updateOptions {
		text := []byte(before + begin + want + end + after)
		if err := os.WriteFile(filepath.Join(root, "docs/options.md"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("docs/options.md's option table (-update-options writes it): have\n%s\nwant\n%s", have, want)
}
