package pooledtest

import (
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// echoServer is a server that sends back what it gets. Its DSN is one of MySQL's or
// PostgreSQL's.
func echoServer(t *testing.T, before, after string) (dsn string) {
	t.Helper()
	return before + Serve(t, func(c net.Conn) { io.Copy(c, c) }) + after
}

func echoMySQL(t *testing.T) string { return echoServer(t, "u:p@tcp(", ")/db?a=b@c:1/") }

// dial connects to the proxy.
func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// send sends a text, which is to come back.
func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, len(text))
	if _, err := io.ReadFull(conn, buf); err != nil || string(buf) != text {
		t.Fatalf("have %q, %v, want %q", buf, err, text)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not within 10s: %s", what)
		}
	}
}

func TestProxyDSN(t *testing.T) {
	for _, test := range []struct{ before, after string }{
		{"postgres://scott:tiger@", "/db?sslmode=disable"},
		{"postgres://", "/db"},
		{"scott:tiger@tcp(", ")/db?parseTime=true"},
		{"tcp(", ")/"},
		{"p@w:1/d:t@tcp(", ")/db"},
	} {
		p := NewProxy(t, echoServer(t, test.before, test.after))
		if have, want := p.DSN(), test.before+p.listener.Addr().String()+test.after; have != want {
			t.Errorf("have %s, want %s", have, want)
		}
		send(t, dial(t, p), "hello")
	}
}

func TestProxyCounts(t *testing.T) {
	p := NewProxy(t, echoMySQL(t))
	first, second := dial(t, p), dial(t, p)
	send(t, first, "12345")
	send(t, second, "123")
	if sent, received := p.Bytes(); sent != 8 || received != 8 {
		t.Errorf("have %d bytes sent and %d received, want 8 and 8", sent, received)
	}
	if have := p.Open(); have != 2 {
		t.Errorf("have %d connections open, want 2", have)
	}
	first.Close()
	eventually(t, "one connection is open", func() bool { return p.Open() == 1 })
	if have := p.Accepted(); have != 2 {
		t.Errorf("have %d connections accepted, want 2", have)
	}
}

func TestProxyCloseAll(t *testing.T) {
	p := NewProxy(t, echoMySQL(t))
	old := dial(t, p)
	send(t, old, "hello")
	p.CloseAll()
	old.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := old.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("have %v, want the end of the connection", err)
	}
	send(t, dial(t, p), "hello")
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// A connection that hangs is not closed, whatever the other side does.
func TestProxyHang(t *testing.T) {
	p := NewProxy(t, echoMySQL(t))
	old, left := dial(t, p), dial(t, p)
	send(t, old, "hello")
	send(t, left, "hello")
	p.Hang()
	left.Close()
	if _, err := old.Write([]byte("lost")); err != nil {
		t.Errorf("write to a connection that hangs: have %v, want no error", err)
	}
	send(t, dial(t, p), "hello")
	old.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := old.Read(make([]byte, 1)); n != 0 || !isTimeout(err) {
		t.Errorf("read from a connection that hangs: have %d bytes, %v, want none and a timeout", n, err)
	}
	if sent, _ := p.Bytes(); sent != 15 {
		t.Errorf("have %d bytes sent, want 15: nothing after Hang", sent)
	}
	if have := p.Open(); have != 3 {
		t.Errorf("have %d connections open, want 3", have)
	}
}

// What is to happen at a message happens once, before the server has it.
func TestProxyOn(t *testing.T) {
	p := NewProxy(t, echoServer(t, "postgres://", "/db"))
	conn := dial(t, p)
	const login = "\x00\x00\x00\x10\x00\x03\x00\x00user\x00a\x00\x00"
	send(t, conn, login)
	calls := 0
	p.On("SELECT 1", func() { calls++ }) // before the answer, which comes after it
	for range 2 {
		send(t, conn, "Q\x00\x00\x00\x0dSELECT 1\x00")
		if calls != 1 {
			t.Errorf("have %d calls, want 1", calls)
		}
	}
	p.On("SELECT 2", p.CloseAll)
	conn.Write([]byte("Q\x00\x00\x00\x0dSELECT 2\x00"))
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("have %v, want the end of the connection, and no answer", err)
	}
}

func TestProxyReplace(t *testing.T) {
	p := NewProxy(t, echoMySQL(t))
	conn := dial(t, p)
	p.Replace("two", "too")
	if _, err := conn.Write([]byte("one, two, two")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 13)
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(conn, buf); err != nil || string(buf) != "one, too, too" {
		t.Errorf("have %q, %v", buf, err)
	}
	p.Replace("", "")
	send(t, conn, "two")
}

// Messages are found wherever the network cuts the bytes.
func TestProxyWires(t *testing.T) {
	postgres := "\x00\x00\x00\x08\x04\xd2\x16\x2f" + // may I use TLS?
		"\x00\x00\x00\x10\x00\x03\x00\x00user\x00a\x00\x00" +
		"p\x00\x00\x00\x07md\x00" +
		"Q\x00\x00\x00\x0dSELECT 1\x00" +
		"P\x00\x00\x00\x12s1\x00SELECT 2\x00\x00\x00" +
		"B\x00\x00\x00\x05\x00E\x00\x00\x00\x04S\x00\x00\x00\x04" +
		"?\x00\x00\x00\x04X\x00\x00\x00\x04"
	mysql := "\x05\x00\x00\x01\x03user" + // it looks like a query, but for its number
		"\x00\x00\x00\x03" +
		"\x09\x00\x00\x00\x03SELECT 1" +
		"\x01\x00\x00\x00\x1f\x01\x00\x00\x00\x0e\x03\x00\x00\x00\x02db" +
		"\x01\x00\x00\x00\x7f\x01\x00\x00\x00\x01"
	for _, test := range []struct {
		name string
		make func() *wire
		data string
		want []string
	}{
		{"postgres", newPostgresWire, postgres, []string{"Query SELECT 1", "Parse SELECT 2", "Bind", "Execute", "Sync",
			"message 0x3f", "Terminate"}},
		{"cancel", newPostgresWire, "\x00\x00\x00\x10\x04\xd2\x16\x2e12345678", []string{"CancelRequest"}},
		{"mysql", newMySQLWire, mysql, []string{"Query SELECT 1", "Reset", "Ping", "InitDB db", "message 0x7f", "Quit"}},
	} {
		for size := 1; size <= len(test.data); size++ {
			w := test.make()
			var have []string
			for chunk := range slices.Chunk([]byte(test.data), size) {
				have = append(have, w.read(chunk)...)
			}
			if !slices.Equal(have, test.want) {
				t.Fatalf("%s, %d bytes at a time: have %q, want %q", test.name, size, have, test.want)
			}
		}
	}
}

func TestProxyCannotReadTLS(t *testing.T) {
	for after, want := range map[string]bool{
		")/db?tls=true": true, ")/db?a=b&tls=true&c=d": true, ")/db?tls=skip": false,
	} {
		func() {
			defer func() {
				if have := recover() != nil; have != want {
					t.Errorf("%s: have a panic: %t, want %t", after, have, want)
				}
			}()
			NewProxy(t, echoServer(t, "u:p@tcp(", after)).Messages()
		}()
	}
}
