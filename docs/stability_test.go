package docs_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What docs/stability.md promises is written down in lists, which change in the same commit or not at all.
// go test ./docs -run TestStable -update-stable writes them.
var updateStable = flag.Bool("update-stable", false, "write the lists of docs/stability.md")

func checkStable(t *testing.T, list, want string) {
	t.Helper()
	file := "docs/testdata/" + list
	if *updateStable {
		if err := os.WriteFile(filepath.Join(root, file), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	listed, is := strings.Split(readFile(t, file), "\n"), strings.Split(want, "\n")
	for _, line := range without(listed, is) {
		t.Errorf("%s: the code no longer has %q", file, line)
	}
	for _, line := range without(is, listed) {
		t.Errorf("%s: does not list %q", file, line)
	}
	if t.Failed() {
		t.Log("docs/stability.md promises these to programs; -update-stable writes the list after a change on purpose")
	}
}

// without are those of lines that are not among others.
func without(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) })
}

// What programs can name: constants, variables, functions, types with their fields and methods.
func TestStableAPI(t *testing.T) {
	var b strings.Builder
	for _, dir := range []string{".", "debug", "metrics", "metrics/prom"} {
		fmt.Fprintf(&b, "package %s\n", strings.TrimSuffix(module+"/"+dir, "/."))
		var decls []string
		for _, file := range sources(t, dir, false) {
			file.ast.Comments = nil
			ast.FileExports(file.ast)
			for _, decl := range file.ast.Decls {
				decls = append(decls, printed(t, file.set, decl)...)
			}
		}
		slices.Sort(decls)
		b.WriteString(strings.Join(decls, ""))
	}
	checkStable(t, "api.txt", b.String())
}

// printed are the lines of a declaration, each of which says what it is of.
func printed(t *testing.T, set *token.FileSet, decl ast.Decl) (lines []string) {
	t.Helper()
	switch d := decl.(type) {
	case *ast.FuncDecl:
		d.Doc, d.Body = nil, nil
		if d.Recv == nil {
			return []string{source(t, set, d)}
		}
		receiver := strings.TrimSuffix(source(t, set, d.Recv.List[0].Type), "\n")
		if !ast.IsExported(strings.TrimPrefix(receiver, "*")) {
			return nil
		}
		d.Recv = nil
		return []string{"func (" + receiver + ")" + strings.TrimPrefix(source(t, set, d), "func")}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for i, name := range s.Names {
					line := d.Tok.String() + " " + name.Name
					if s.Type != nil {
						line += " " + strings.TrimSuffix(source(t, set, s.Type), "\n")
					}
					if d.Tok == token.CONST && i < len(s.Values) {
						line += " = " + strings.TrimSuffix(source(t, set, s.Values[i]), "\n")
					}
					lines = append(lines, line+"\n")
				}
			case *ast.TypeSpec:
				lines = append(lines, printedType(t, set, s)...)
			}
		}
	}
	return lines
}

// printedType has a line for the type and one for each field or method in it.
func printedType(t *testing.T, set *token.FileSet, s *ast.TypeSpec) (lines []string) {
	t.Helper()
	var members *ast.FieldList
	kind := ""
	switch of := s.Type.(type) {
	case *ast.StructType:
		members, kind = of.Fields, "struct"
	case *ast.InterfaceType:
		members, kind = of.Methods, "interface"
	default:
		return []string{"type " + s.Name.Name + " " + source(t, set, of)}
	}
	lines = append(lines, "type "+s.Name.Name+" "+kind+"\n")
	for _, m := range members.List {
		names := []string{""} // embedded
		if len(m.Names) > 0 {
			names = nil
		}
		for _, n := range m.Names {
			names = append(names, n.Name+" ")
		}
		for _, n := range names {
			lines = append(lines, "type "+s.Name.Name+" "+kind+", "+n+source(t, set, m.Type))
		}
	}
	return lines
}

var blanks = regexp.MustCompile(`\s+`)

// source is a node as Go source, on one line.
func source(t *testing.T, set *token.FileSet, node any) string {
	t.Helper()
	var b bytes.Buffer
	if err := format.Node(&b, set, node); err != nil {
		t.Fatal(err)
	}
	return blanks.ReplaceAllString(b.String(), " ") + "\n"
}

type sourceFile struct {
	path string
	ast  *ast.File
	set  *token.FileSet
}

// sources are the files of a folder that are no tests, for whichever platform, and if deep those of folders in it.
func sources(t *testing.T, dir string, deep bool) (files []sourceFile) {
	t.Helper()
	set := token.NewFileSet()
	repository := os.DirFS(root)
	err := fs.WalkDir(repository, dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != dir && (!deep || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir(), !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(repository, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		files = append(files, sourceFile{name, file, set})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
