package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
)

var (
	mdKey    = regexp.MustCompile(`\bpool_[a-z_]+\b`)
	mdName   = regexp.MustCompile(`\bpooled\.([A-Z]\w*)`)
	mdMember = regexp.MustCompile(`(?:^|[^\w.])` +
		`(Config|ConnInfo|ContextError|Histogram|Holder|Hooks|Pool|ServerConn|Setting|Stats|` +
		`TimeoutError|Timings|Wait)\.([A-Z]\w*)`)
)

// Words of others that look like our options.
var othersKeys = []string{
	"pool_mode", "pool_logging_name", // PgBouncer, SQLAlchemy
	"pool_min_conns", "pool_health_check_period", // pgxpool
	"pool_max_size", // asyncpg and others
}

// What README and docs call by name, there is: options, what the package exports, fields and methods.
func TestDocumentedNamesExist(t *testing.T) {
	keys := slices.Clone(othersKeys)
	for _, o := range pooled.Options() {
		keys = append(append(keys, o.Key), o.Aliases...)
	}
	api := exported(t)
	for _, file := range documentation(t) {
		text := readFile(t, file)
		for _, key := range mdKey.FindAllString(text, -1) {
			if !slices.Contains(keys, key) {
				t.Errorf("%s: there is no option %s", file, key)
			}
		}
		for _, m := range mdName.FindAllStringSubmatch(text, -1) {
			if !api[m[1]] {
				t.Errorf("%s: there is no pooled.%s", file, m[1])
			}
		}
		for _, m := range mdMember.FindAllStringSubmatch(text, -1) {
			if !api[m[1]+"."+m[2]] {
				t.Errorf("%s: there is no %s.%s", file, m[1], m[2])
			}
		}
	}
}

// pgxpool's keys are taken or refused as docs/from-pgxpool.md says.
func TestPgxpoolKeys(t *testing.T) {
	_, rest, _ := strings.Cut(readFile(t, "docs/from-pgxpool.md"), "<!-- pgxpool -->\n")
	table, _, _ := strings.Cut(rest, "<!-- /pgxpool -->")
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		key := strings.Trim(cells[1], " `")
		if len(cells) != 6 || !strings.HasPrefix(key, "pool_") {
			continue
		}
		rows++
		value := "3s"
		if strings.HasSuffix(key, "_conns") {
			value = "3"
		}
		_, err := pooled.ParseDSN("postgres://u@h/db?" + key + "=" + value)
		if refused := strings.HasPrefix(strings.TrimSpace(cells[3]), "refused"); (err != nil) != refused {
			t.Errorf("%s=%s: have %v, docs/from-pgxpool.md says %q", key, value, err, cells[3])
		}
	}
	if rows != 8 {
		t.Errorf("have %d keys in the table, want pgxpool's 8", rows)
	}
}

// exported are the names of the package that programs can use: Name, and Type.Member.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(root + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			addExported(names, decl)
		}
	}
	return names
}

func addExported(names map[string]bool, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names[d.Name.Name] = true
			return
		}
		receiver := d.Recv.List[0].Type
		if star, ok := receiver.(*ast.StarExpr); ok {
			receiver = star.X
		}
		if of, ok := receiver.(*ast.Ident); ok {
			names[of.Name+"."+d.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names[name.Name] = true
				}
			case *ast.TypeSpec:
				names[s.Name.Name] = true
				if fields, ok := s.Type.(*ast.StructType); ok {
					for _, field := range fields.Fields.List {
						for _, name := range field.Names {
							names[s.Name.Name+"."+name.Name] = true
						}
					}
				}
			}
		}
	}
}
