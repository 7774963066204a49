package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLicencesOf(t *testing.T) {
	mit, err := os.ReadFile(filepath.Join("..", "..", "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	const agpl = "This program is free software: you can redistribute it and/or modify it under the terms of the GNU " +
		"Affero General Public License as published by the Free Software Foundation, either version 3 of the License, " +
		"or (at your option) any later version.\n"
	for _, tt := range []struct {
		texts []string
		want  []string
		fault string
	}{
		{[]string{string(mit)}, []string{"MIT"}, ""},
		{nil, nil, "there is no file with a licence"},
		{[]string{"All rights reserved. Ask us, and pay, before you do anything with this."}, nil, "a person has to read it"},
		{[]string{string(mit), agpl}, []string{"AGPL-3.0-or-later", "MIT"}, "AGPL-3.0-or-later, which is not among"},
	} {
		var files []string
		for i, text := range tt.texts {
			file := filepath.Join(t.TempDir(), "LICENSE-"+string(rune('A'+i)))
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		have, err := licencesOf("example.com/m", files)
		asWanted := tt.fault == "" && err == nil || tt.fault != "" && err != nil && strings.Contains(err.Error(), tt.fault)
		if !slices.Equal(have, tt.want) || !asWanted {
			t.Errorf("have %v, %v, want %v, %q", have, err, tt.want, tt.fault)
		}
	}
}

// A licence may stand beside the package, and not only in the folder of its module.
func TestLicenceFiles(t *testing.T) {
	top := t.TempDir()
	writeFiles(t, top, map[string]string{
		"LICENSE": "", "a/b/LICENCE.txt": "", "a/b/c/COPYING": "", "a/b/license.go": "", "x/LICENSE": "", "a/README.md": "",
	})
	have, err := licenceFiles(filepath.Join(top, "a", "b"), top)
	want := []string{filepath.Join(top, "a", "b", "LICENCE.txt"), filepath.Join(top, "LICENSE")}
	if err != nil || !slices.Equal(have, want) {
		t.Errorf("have %v, %v, want %v", have, err, want)
	}
}
