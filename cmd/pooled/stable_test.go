package main

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var updateStable = flag.Bool("update-stable", false, "write "+stableCommands)

const stableCommands = "../../docs/testdata/commands.txt"

var flagInHelp = regexp.MustCompile(`(?m)^ +((?:-\w, )?--[\w-]+(?: [A-Z]\w*)?)  `)

// Scripts depend on commands and flags, so docs/stability.md promises them, and the list changes on purpose only.
func TestStableCommands(t *testing.T) {
	var list strings.Builder
	_, help, _ := runCommand(t, "help")
	_, commands, _ := strings.Cut(help, "commands:\n")
	commands, _, _ = strings.Cut(commands, "\n\n")
	pages := []string{""}
	for line := range strings.Lines(commands) {
		pages = append(pages, strings.Fields(line)[0])
	}
	for _, name := range pages {
		_, help, _ := runCommand(t, strings.Fields("help "+name)...)
		usage, _, _ := strings.Cut(help, "\n")
		list.WriteString(strings.TrimPrefix(usage, "usage: ") + "\n")
		for _, found := range flagInHelp.FindAllStringSubmatch(help, -1) {
			list.WriteString("    " + found[1] + "\n")
		}
	}
	if *updateStable {
		if err := os.WriteFile(stableCommands, []byte(list.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(stableCommands)
	if err != nil || list.String() != string(want) {
		t.Errorf("%s (-update-stable writes it): have %v and\n%s\nwant\n%s", stableCommands, err, list.String(), want)
	}
}
