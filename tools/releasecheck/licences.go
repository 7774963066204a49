package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

const licencesFile = "docs/licences.md"

// compatible are the licences that a dependency of an MIT program may have, by their SPDX names.
var compatible = map[string]string{
	"0BSD": "", "Apache-2.0": "", "BSD-2-Clause": "", "BSD-3-Clause": "", "CC0-1.0": "", "ISC": "", "MIT": "",
	"Unlicense": "",
	"MPL-2.0":   "files of MPL-2.0 stay under it, and who changes them publishes the change; all else is free",
}

// read are files that hold more than licences, so that only a part of them is known. A person has read them. Each
// licence that is found in them must be compatible all the same.
var read = []string{
	"modernc.org/libc LICENSE-3RD-PARTY.md",   // musl and others: MIT, BSD, public domain
	"modernc.org/memory LICENSE-LOGO",         // where a picture is from
	"modernc.org/sqlite LICENSE-3RD-PARTY.md", // a list of components, with their licences
	"modernc.org/sqlite LICENSE-SQLITE",       // SQLite is in the public domain
}

// dependency is a module that released modules need.
type dependency struct {
	path, version string
	licences      []string
	linked, tests []string // the released modules that programs get it with, and those that need it for tests only
}

// platforms are those that the list is for: some dependencies are of one system only.
var platforms = []string{"linux", "darwin", "windows"}

// licences is the text of docs/licences.md, or says what is wrong with a licence.
func (r *release) licences(ctx context.Context) (string, error) {
	all := map[string]*dependency{}
	files := map[string][]string{} // of a module, the files with its licences
	for _, m := range modules {
		if !m.released {
			continue
		}
		for _, system := range platforms {
			if err := r.addDependencies(ctx, all, files, m.dir, system); err != nil {
				return "", err
			}
		}
	}
	var faults []error
	for path, d := range all {
		var err error
		if d.licences, err = licencesOf(path, files[path]); err != nil {
			faults = append(faults, err)
		}
	}
	return licencesPage(all), errors.Join(faults...)
}

// listed is what go list says of a package.
type listed struct {
	Dir    string
	Module *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// addDependencies asks first for what programs import, so that the rest is for tests.
func (r *release) addDependencies(
	ctx context.Context, all map[string]*dependency, files map[string][]string, dir, system string,
) error {
	in, err := r.unpacked(ctx, dir, r.version)
	if err != nil {
		return err
	}
	env := []string{"GOOS=" + system, "CGO_ENABLED=0"}
	every, err := r.user.commandEnv(ctx, env, in, "go", "list", "./...")
	if err != nil {
		return err
	}
	public := slices.DeleteFunc(strings.Fields(every), func(path string) bool {
		return slices.Contains(strings.Split(path, "/"), "internal")
	})
	by := cmp.Or(strings.TrimPrefix(dir, "."), "pooled")
	for _, args := range [][]string{public, {"-test", "./..."}} {
		out, err := r.user.commandEnv(ctx, env, in, "go", append([]string{"list", "-deps", "-json=Dir,Module"}, args...)...)
		if err != nil {
			return err
		}
		packages := json.NewDecoder(strings.NewReader(out))
		for packages.More() {
			var p listed
			if err := packages.Decode(&p); err != nil {
				return err
			}
			if p.Module == nil || p.Module.Main || p.Module.Path == library {
				continue // the standard library, and ours
			}
			if err := addDependency(all, files, p, by, args[0] == "-test"); err != nil {
				return err
			}
		}
	}
	return nil
}

func addDependency(all map[string]*dependency, files map[string][]string, p listed, by string, tests bool) error {
	d := all[p.Module.Path]
	if d == nil {
		d = &dependency{path: p.Module.Path, version: p.Module.Version}
		all[d.path] = d
	}
	if d.version != p.Module.Version {
		return fmt.Errorf("%s: released modules need both %s and %s of it", d.path, d.version, p.Module.Version)
	}
	switch {
	case !tests && !slices.Contains(d.linked, by):
		d.linked = append(d.linked, by)
	case tests && !slices.Contains(d.tests, by):
		d.tests = append(d.tests, by)
	}
	found, err := licenceFiles(p.Dir, p.Module.Dir)
	files[d.path] = append(files[d.path], found...)
	return err
}

var licenceName = regexp.MustCompile(`(?i)^(licen[sc]e|copying|unlicense)([-.].*)?$`)

// licenceFiles are those beside a package, and in the folders above it up to the module's.
func licenceFiles(dir, top string) (found []string, err error) {
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Type().IsRegular() && licenceName.MatchString(e.Name()) && !strings.HasSuffix(e.Name(), ".go") {
				found = append(found, filepath.Join(dir, e.Name()))
			}
		}
		parent := filepath.Dir(dir)
		if dir == top || parent == dir {
			return found, nil
		}
		dir = parent
	}
}

// covered is how much of a licence file has to be the text of licences, in per cent. The rest is who holds the rights.
const covered = 75

func licencesOf(module string, files []string) ([]string, error) {
	names := map[string]bool{}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: there is no file with a licence", module)
	}
	for _, file := range slices.Compact(slices.Sorted(slices.Values(files))) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found := licensecheck.Scan(text)
		name := module + " " + filepath.Base(file)
		if found.Percent < covered && !slices.Contains(read, name) {
			return nil, fmt.Errorf("%s: only %.0f%% of it are a known licence: a person has to read it",
				name, found.Percent)
		}
		for _, match := range found.Match {
			names[match.ID] = true
		}
	}
	var faults []error
	for name := range names {
		if _, ok := compatible[name]; !ok {
			faults = append(faults, fmt.Errorf("%s is under %s, which is not among the licences that may be used", module, name))
		}
	}
	return slices.Sorted(maps.Keys(names)), errors.Join(faults...)
}

func licencesPage(all map[string]*dependency) string {
	var b strings.Builder
	b.WriteString(`# Licences of dependencies

pooled is under the [MIT licence](../LICENSE). These are the modules that it needs, with the licences that are in them.
All of them may be used by programs under MIT, and by closed ones.

`)
	for _, name := range slices.Sorted(maps.Keys(compatible)) {
		if note := compatible[name]; note != "" {
			b.WriteString("- " + name + ": " + note + ".\n")
		}
	}
	b.WriteString(`
Programs that import a package of ours, or the command, have those that are linked. The others are for our tests only.
` + "`make licences` writes this page, and `make release-check` compares it with what is required." + `

| module | version | licence | linked with | for tests of |
|---|---|---|---|---|
`)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		d := all[path]
		d.tests = slices.DeleteFunc(d.tests, func(by string) bool { return slices.Contains(d.linked, by) })
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n",
			path, d.version, strings.Join(d.licences, ", "), strings.Join(d.linked, ", "), strings.Join(d.tests, ", "))
	}
	return b.String()
}

func (r *release) checkLicences(ctx context.Context) (string, error) {
	want, err := r.licences(ctx)
	if err != nil {
		return "", err
	}
	have, err := r.file(ctx, licencesFile)
	if err == nil && have+"\n" != want {
		err = fmt.Errorf("%s is not what is required: make licences writes it", licencesFile)
	}
	return fmt.Sprintf("%d modules, see %s\n", strings.Count(want, "\n| ")-1, licencesFile), err
}
