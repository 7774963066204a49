package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// publish puts all modules of the commit into the user's proxy, as the commit's tags would.
func (r *release) publish(ctx context.Context) error {
	for _, m := range modules {
		if err := r.publishAs(ctx, m.dir, r.version, r.commit); err != nil {
			return err
		}
	}
	return nil
}

// publishAs puts a module of a revision into the proxy: the files of the protocol (go help goproxy).
func (r *release) publishAs(ctx context.Context, dir, version, revision string) error {
	in, err := r.proxyDir(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(in, 0o777); err != nil {
		return err
	}
	mod, err := r.git(ctx, "show", revision+":"+path.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Now().UTC()})
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{version + ".mod": []byte(mod + "\n"), version + ".info": info} {
		if err := os.WriteFile(filepath.Join(in, name), text, 0o666); err != nil {
			return err
		}
	}
	file, err := os.Create(filepath.Join(in, version+".zip"))
	if err != nil {
		return err
	}
	sub := strings.TrimPrefix(dir, ".")
	err = modzip.CreateFromVCS(file, module.Version{Path: modulePath(dir), Version: version}, r.root, revision, sub)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("the zip of %s %s: %w", modulePath(dir), version, err)
	}
	list, err := os.OpenFile(filepath.Join(in, "list"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(list, version)
	return errors.Join(err, list.Close())
}

func (r *release) proxyDir(dir string) (string, error) {
	escaped, err := module.EscapePath(modulePath(dir))
	return filepath.Join(r.user.proxy(), filepath.FromSlash(escaped), "@v"), err
}

// What a zip may hold. A user downloads all of it.
const (
	maxZip      = 2 << 20
	maxZipFile  = 300 << 10
	knownEnding = ".bash .conf .css .fish .go .html .java .js .json .md .mod .png .py .s .sh .sql .sum .svg .tmpl .txt " +
		".work .xml .yaml .yml .zsh"
)

// Files without an ending that belong there.
var knownNames = regexp.MustCompile(`^(LICENSE|Makefile|go\.work\.sum|\.gitignore|\.gitattributes|` +
	`\.ci/run|scripts/[a-z-]+|.*/testdata/fuzz/Fuzz\w+/\w+|testdata/fuzz/Fuzz\w+/\w+)$`)

var privateKey = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)

func (r *release) checkZips(context.Context) (string, error) {
	var said strings.Builder
	var faults []error
	for _, m := range modules {
		if !m.released {
			continue
		}
		in, err := r.proxyDir(m.dir)
		if err != nil {
			return "", err
		}
		name := filepath.Join(in, r.version+".zip")
		size, files, err := inspectZip(name, modulePath(m.dir)+"@"+r.version+"/")
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", modulePath(m.dir), err))
		}
		fmt.Fprintf(&said, "%s: %d files, %d kB\n", modulePath(m.dir), files, size>>10)
	}
	return said.String(), errors.Join(faults...)
}

func inspectZip(name, prefix string) (size int64, files int, err error) {
	stat, err := os.Stat(name)
	if err != nil {
		return 0, 0, err
	}
	archive, err := zip.OpenReader(name)
	if err != nil {
		return 0, 0, err
	}
	defer archive.Close()
	var faults []error
	if stat.Size() > maxZip {
		faults = append(faults, fmt.Errorf("the zip has %d bytes, more than %d", stat.Size(), maxZip))
	}
	for _, f := range archive.File {
		if err := inspectFile(f, strings.TrimPrefix(f.Name, prefix)); err != nil {
			faults = append(faults, err)
		}
	}
	return stat.Size(), len(archive.File), errors.Join(faults...)
}

func inspectFile(f *zip.File, name string) error {
	ending := path.Ext(name)
	known := ending != "" && slices.Contains(strings.Fields(knownEnding), ending) || knownNames.MatchString(name)
	switch {
	case !known:
		return fmt.Errorf("%s: a file of this kind is not known: remove it, or add it to knownEnding", name)
	case f.UncompressedSize64 > maxZipFile:
		return fmt.Errorf("%s has %d bytes, more than %d", name, f.UncompressedSize64, maxZipFile)
	}
	content, err := f.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if privateKey.Match(text) {
		return fmt.Errorf("%s holds a private key", name)
	}
	return nil
}
