package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspectZip(t *testing.T) {
	key := "-----BEGIN EC " + "PRIVATE KEY-----\n" // in two, or this file would be taken for one
	for _, tt := range []struct{ name, text, fault string }{
		{"pool.go", "package pooled\n", ""},
		{"LICENSE", "MIT", ""},
		{"internal/dsn/testdata/fuzz/FuzzDetect/0a1b", "go test fuzz v1", ""},
		{"debug/page/style.css", "p {}", ""},
		{".env", "PASSWORD=tiger", ".env: a file of this kind is not known"},
		{"cpu.prof", "", "cpu.prof: a file of this kind is not known"},
		{"docs/notes", "", "docs/notes: a file of this kind is not known"},
		{"testdata/rows.txt", strings.Repeat("x", maxZipFile+1), "testdata/rows.txt has 307201 bytes, more than 307200"},
		{"testdata/tls.txt", "a key:\n" + key, "testdata/tls.txt holds a private key"},
	} {
		file := filepath.Join(t.TempDir(), "m.zip")
		writeZip(t, file, "m@v1.0.0/"+tt.name, tt.text)
		_, n, err := inspectZip(file, "m@v1.0.0/")
		if n != 1 || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: have %d files and %v, want 1 and %q", tt.name, n, err, tt.fault)
		}
	}
}

func writeZip(t *testing.T, file, name, text string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	entry, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
