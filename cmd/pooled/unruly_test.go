package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// unruly is what a server may say to a terminal: an escape sequence and its C1 forms, as a character and as a byte, a
// bell, DEL, a bidirectional override, and the beginning of another line.
const unruly = "\x1b[2J\x1b]0;mine\x07\u009b2J\x9b\x7f\u202e\r\nok       server  all is well\t\t!"

// ruly is unruly as it is shown on one line.
const ruly = "⟨001B⟩[2J⟨001B⟩]0;mine⟨0007⟩⟨009B⟩2J�⟨007F⟩⟨202E⟩"

func wantRuly(t *testing.T, text string) {
	t.Helper()
	for _, r := range strings.ReplaceAll(text, "\n", "") {
		if !unicode.IsGraphic(r) {
			t.Errorf("have %U in %q, want it by its code", r, text)
			return
		}
	}
	if !utf8.ValidString(text) {
		t.Errorf("have %q, want UTF-8", text)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "ok       server  all") {
			t.Errorf("have the line %q, which a server made", line)
		}
	}
}

// refuser is a server that speaks PostgreSQL's protocol just enough to let nobody in, with a message.
func refuser(t *testing.T, message string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			refuse(c, message)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func refuse(c net.Conn, message string) {
	defer c.Close()
	var size uint32
	if binary.Read(c, binary.BigEndian, &size) != nil || size < 4 {
		return
	}
	io.CopyN(io.Discard, c, int64(size-4))
	fields := "SFATAL\x00C28P01\x00M" + message + "\x00\x00"
	c.Write(append(binary.BigEndian.AppendUint32([]byte("E"), uint32(4+len(fields))), fields...))
}

// What a server says does nothing to the terminal, and is exact in the JSON.
func TestDoctorTerminalEscapes(t *testing.T) {
	dsn := "postgres://scott:tiger@" + refuser(t, unruly) + "/shop?sslmode=disable&connect_timeout=5"
	code, stdout, stderr := runCommand(t, "doctor", dsn)
	wantRuly(t, stdout+stderr)
	if code != 1 || !strings.Contains(strings.ReplaceAll(stdout, "\n"+strings.Repeat(" ", 28), ""), ruly) {
		t.Errorf("have exit code %d and\n%s\nwant 1 and %q", code, stdout, ruly)
	}
	_, stdout, stderr = runCommand(t, "doctor", "--json", dsn)
	wantRuly(t, stdout+stderr)
	var d diagnosis
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(strings.ToValidUTF8(unruly, "\ufffd"), "\n", "; ")
	if f := d.Findings[len(d.Findings)-1]; f.ID != "connect" || !strings.Contains(f.Text, want) {
		t.Errorf("have %q, want %q in it", f.Text, want)
	}
}

// Wherever in the report a text of a server's or a driver's stands.
func TestReportIsRuly(t *testing.T) {
	r := diagnosis{
		DSN: unruly, Driver: unruly, Form: unruly, Server: unruly, ResetMode: unruly,
		Latency:  []latency{{Name: unruly, Sent: unruly}},
		Limits:   []allowance{{Name: unruly}},
		Leaks:    []leak{{Kind: unruly, Result: leakClean, Reason: unruly, PreventedBy: unruly}},
		Findings: []finding{{ID: unruly, Level: levelOK, Text: unruly, Change: unruly}},
	}
	var text, plain bytes.Buffer
	if err := r.print(&page{w: &text}); err != nil {
		t.Fatal(err)
	}
	wantRuly(t, text.String())
	if err := (&diagnosis{
		Latency: []latency{{}}, Limits: []allowance{{}}, Leaks: []leak{{Result: leakClean}},
		Findings: []finding{{Text: "a", Change: "b"}},
	}).print(&page{w: &plain}); err != nil {
		t.Fatal(err)
	}
	have, want := strings.Count(text.String(), "\n"), strings.Count(plain.String(), "\n")
	if have < want || have > want+2 {
		t.Errorf("have %d lines, want %d and what the finding's own texts take:\n%s", have, want, text.String())
	}
}

// The same for the demo, its error and what is wrong on a command line.
func TestDemoIsRuly(t *testing.T) {
	withScenarios(t, func(_ context.Context, d *database, p *page) error {
		d.shown = unruly
		p.section("%s", unruly)
		p.line("%s", d)
		p.table([][]string{{unruly, unruly}, {"a", "b"}})
		p.paragraph(unruly)
		p.promise(false, "%s", unruly)
		return nil
	}, func(context.Context, *database, *page) error { return errors.New(unruly) })
	code, stdout, stderr := runCommand(t, "demo")
	wantRuly(t, stdout+stderr)
	shown := strings.Contains(stderr, ruly) && strings.Count(stdout, ruly) == 4
	if code != 1 || strings.Count(stderr, "\n") != 1 || !shown {
		t.Errorf("have exit code %d,\n%s\n%s\nwant 1, and codes in each", code, stdout, stderr)
	}
	for _, args := range [][]string{
		{unruly}, {"demo", unruly}, {"demo", "--" + unruly}, {"doctor", unruly}, {"doctor", "--" + unruly},
	} {
		code, stdout, stderr := runCommand(t, args...)
		wantRuly(t, stdout+stderr)
		if code != 2 {
			t.Errorf("%q: have exit code %d, want 2", args, code)
		}
	}
}

// A DSN in the wrong place of the command line is not repeated: its password is in it.
func TestMisplacedDSNIsNotShown(t *testing.T) {
	const dsn = "scott:t1ger@tcp(h)/db"
	for _, args := range [][]string{{dsn}, {"demo", dsn}, {"doctor", "a", dsn}} {
		code, stdout, stderr := runCommand(t, args...)
		if code != 2 || strings.Contains(stdout+stderr, "t1ger") {
			t.Errorf("%q: have exit code %d and %q, want 2, and the DSN not shown", args, code, stderr)
		}
	}
}
