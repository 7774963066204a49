package doctor

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// refuser is a server that speaks PostgreSQL's protocol just enough to let nobody in, with a message.
func refuser(t *testing.T, message string) (address string) {
	return pooledtest.Serve(t, func(c net.Conn) { refuse(c, message) })
}

func refuse(c net.Conn, message string) {
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
	dsn := "postgres://scott:tiger@" + refuser(t, pooledtest.Unruly) + "/shop?sslmode=disable&connect_timeout=5"
	code, stdout, stderr := runCommand(t, dsn)
	pooledtest.WantRuly(t, stdout+stderr)
	if code != 1 || !strings.Contains(strings.ReplaceAll(stdout, "\n"+strings.Repeat(" ", 28), ""), pooledtest.Ruly) {
		t.Errorf("have exit code %d and\n%s\nwant 1 and %q", code, stdout, pooledtest.Ruly)
	}
	_, stdout, stderr = runCommand(t, "--json", dsn)
	pooledtest.WantRuly(t, stdout+stderr)
	var d diagnosis
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(strings.ToValidUTF8(pooledtest.Unruly, "\ufffd"), "\n", "; ")
	if f := d.Findings[len(d.Findings)-1]; f.ID != "connect" || !strings.Contains(f.Text, want) {
		t.Errorf("have %q, want %q in it", f.Text, want)
	}
}

// Wherever in the report a text of a server's or a driver's stands.
func TestReportIsRuly(t *testing.T) {
	r := diagnosis{
		DSN: pooledtest.Unruly, Driver: pooledtest.Unruly, Form: pooledtest.Unruly, Server: pooledtest.Unruly,
		ResetMode: pooledtest.Unruly,
		Latency:   []latency{{Name: pooledtest.Unruly, Sent: pooledtest.Unruly}},
		Limits:    []allowance{{Name: pooledtest.Unruly}},
		Leaks: []leak{{Kind: pooledtest.Unruly, Result: leakClean, Reason: pooledtest.Unruly,
			PreventedBy: pooledtest.Unruly}},
		Findings: []finding{{ID: pooledtest.Unruly, Level: levelOK, Text: pooledtest.Unruly, Change: pooledtest.Unruly}},
	}
	var text, plain bytes.Buffer
	if err := r.print(cli.NewPage(&text)); err != nil {
		t.Fatal(err)
	}
	pooledtest.WantRuly(t, text.String())
	if err := (&diagnosis{
		Latency: []latency{{}}, Limits: []allowance{{}}, Leaks: []leak{{Result: leakClean}},
		Findings: []finding{{Text: "a", Change: "b"}},
	}).print(cli.NewPage(&plain)); err != nil {
		t.Fatal(err)
	}
	have, want := strings.Count(text.String(), "\n"), strings.Count(plain.String(), "\n")
	if have < want || have > want+2 {
		t.Errorf("have %d lines, want %d and what the finding's own texts take:\n%s", have, want, text.String())
	}
}
