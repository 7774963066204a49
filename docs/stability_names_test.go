package docs_test

import (
	"go/ast"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The names in logs: events, and attributes with the kind of their value.
func TestStableLog(t *testing.T) {
	attrs, events := map[string]bool{}, map[string]bool{}
	for _, dir := range []string{".", "internal"} {
		for _, file := range sources(t, dir, dir != ".") {
			if strings.HasPrefix(file.path, "internal/pool") { // pooledtest's own logger; the pool logs nothing
				continue
			}
			ast.Inspect(file.ast, func(n ast.Node) bool {
				addAttrs(attrs, n)
				addEvents(events, n)
				return true
			})
		}
	}
	documented := readFile(t, "docs/logging.md")
	for name := range maps.Keys(attrs) {
		if name, _, _ = strings.Cut(name, " "); !strings.Contains(documented, "`"+name+"`") {
			t.Errorf("docs/logging.md: the table of attributes lacks %s", name)
		}
	}
	for name := range maps.Keys(events) {
		if !strings.Contains(documented, "`"+name+"`") {
			t.Errorf("docs/logging.md lacks the event %s", name)
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(events)) {
		b.WriteString("event " + name + "\n")
	}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		b.WriteString("attribute " + name + "\n")
	}
	checkStable(t, "log.txt", b.String())
}

// addAttrs finds attributes made by slog's functions and by millis, and those that go to a logger as pairs.
func addAttrs(attrs map[string]bool, n ast.Node) {
	switch n := n.(type) {
	case *ast.CallExpr:
		of, name := "", ""
		switch f := n.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			if x, ok := f.X.(*ast.Ident); ok {
				of = x.Name
			}
			name = f.Sel.Name
		}
		key, ok := "", false
		if len(n.Args) > 0 {
			key, ok = constant(n.Args[0])
		}
		switch {
		case ok && name == "millis":
			attrs[key+" number of milliseconds"] = true
		case ok && of == "slog":
			attrs[key+" "+strings.ToLower(strings.TrimRight(name, "0123456789"))] = true
		case ok && slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, name):
			addPairs(attrs, n.Args[1:])
		}
	case *ast.CompositeLit:
		if list, ok := n.Type.(*ast.ArrayType); ok && list.Len == nil {
			if of, ok := list.Elt.(*ast.Ident); ok && of.Name == "any" {
				addPairs(attrs, n.Elts)
			}
		}
	}
}

func addPairs(attrs map[string]bool, pairs []ast.Expr) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if key, ok := constant(pairs[i]); ok {
			attrs[key+" any"] = true
		}
	}
}

// addEvents finds the constants that name an event.
func addEvents(events map[string]bool, n ast.Node) {
	spec, ok := n.(*ast.ValueSpec)
	if !ok {
		return
	}
	for i, name := range spec.Names {
		if i < len(spec.Values) && strings.HasPrefix(strings.ToLower(name.Name), "event") {
			if text, ok := constant(spec.Values[i]); ok {
				events[text] = true
			}
		}
	}
}

// The members of all JSON that the live page and the commands write.
func TestStableJSON(t *testing.T) {
	var lines []string
	for _, dir := range []string{"debug", "cmd/pooled"} {
		for _, file := range sources(t, dir, true) {
			ast.Inspect(file.ast, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				if fields, ok := spec.Type.(*ast.StructType); ok {
					lines = append(lines, jsonMembers(t, file, path.Dir(file.path)+" "+spec.Name.Name, fields)...)
				}
				return false
			})
		}
	}
	slices.Sort(lines)
	checkStable(t, "json.txt", strings.Join(lines, ""))
	const ofEither = "cmd/pooled/internal/doctor allowance: value *float64\n" // its member unit says which
	isMeasured, hasUnit := regexp.MustCompile(`(float64|Duration)\n$`), regexp.MustCompile(`_m?s \S+\n$`)
	for _, line := range lines {
		if isMeasured.MatchString(line) && !hasUnit.MatchString(line) && line != ofEither {
			t.Errorf("%s: have no unit in the name, want one that ends in _s or _ms", strings.TrimSpace(line))
		}
	}
}

func jsonMembers(t *testing.T, file sourceFile, of string, s *ast.StructType) (lines []string) {
	t.Helper()
	for _, field := range s.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			t.Fatal(err)
		}
		name, ok := reflect.StructTag(tag).Lookup("json")
		if !ok || name == "-" {
			continue
		}
		if inner, ok := field.Type.(*ast.StructType); ok {
			lines = append(append(lines, of+": "+name+" object\n"), jsonMembers(t, file, of+"."+name, inner)...)
			continue
		}
		lines = append(lines, of+": "+name+" "+source(t, file.set, field.Type))
	}
	return lines
}
