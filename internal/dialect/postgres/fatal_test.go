package postgres_test

import (
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// fatalOf is what is known of a connection to a fake server. It fails with a version of lib/pq that hides it: then the
// pool could no longer tell why a session ended.
func fatalOf(t *testing.T) (dialect.Fatal, *pooledtest.FakePostgres) {
	server := pooledtest.NewFakePostgres(t, false)
	conn, err := (&pq.Driver{}).Open(server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	f := postgres.Dialect.Fatal(conn)
	if f == nil {
		t.Fatal("a connection of lib/pq shows nothing")
	}
	return f, server
}

// What has arrived, and is no message of another kind.
func TestFatalUnread(t *testing.T) {
	const end = "SFATAL\x00VFATAL\x00C57P01\x00Mbye\x00Dd\x00Hh\x00\x00"
	for _, test := range []struct {
		name string
		kind byte
		text string
		want string
	}{
		{"the end", 'E', end, "pq: bye (57P01)"},
		{"translated", 'E', "SFATALE\x00VFATAL\x00C57P01\x00Mciao\x00\x00", "pq: ciao (57P01)"},
		{"of a proxy that sends no field V", 'E', "SFATAL\x00C08P01\x00Mbye\x00\x00", "pq: bye (08P01)"},
		{"a crash", 'E', "SPANIC\x00VPANIC\x00CXX000\x00Mbye\x00\x00", "pq: bye (XX000)"},
		{"an error that ends nothing", 'E', "SERROR\x00VERROR\x00C42601\x00Mno\x00\x00", ""},
		{"cut off", 'E', "SFATAL\x00VFATAL\x00C57P01\x00Mby", ""},
		{"rows", 'D', end, ""},
		{"nothing", 'E', "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, server := fatalOf(t)
			for range 3 {
				server.Say('A', "\x00\x00\x00\x07channel\x00payload\x00")
			}
			server.Say(test.kind, test.text)
			err := f.Unread(func() {}) // everything has been sent, so no read waits for ever
			if test.want == "" {
				if err != nil {
					t.Errorf("have %v, want nothing", err)
				}
				return
			}
			var e *pq.Error
			if !errors.As(err, &e) || e.Error() != test.want {
				t.Errorf("have %v, want %s", err, test.want)
			}
			if again := f.Unread(func() {}); again == nil || again.Error() != test.want {
				t.Errorf("again: have %v: something was taken", again)
			}
		})
	}
	t.Run("it hung up", func(t *testing.T) {
		f, server := fatalOf(t)
		server.HangUp()
		if err := f.Unread(func() {}); err != io.EOF {
			t.Errorf("have %v, want %v", err, io.EOF)
		}
	})
}

// Before an operation has failed there is nothing, and after it what it read.
func TestFatalRead(t *testing.T) {
	server := pooledtest.NewFakePostgres(t, false)
	conn, err := (&pq.Driver{}).Open(server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f, exec := postgres.Dialect.Fatal(conn), conn.(driver.ExecerContext)
	if _, err := exec.ExecContext(t.Context(), "UPDATE", nil); err != nil || f.Read() != nil || f.Busy() {
		t.Fatalf("have %v, %v, busy %t; want nothing", err, f.Read(), f.Busy())
	}
	server.EndAt("57P01", "bye")
	if _, err := exec.ExecContext(t.Context(), "UPDATE", nil); err == nil {
		t.Fatal("no error")
	}
	if !f.Busy() {
		t.Error("the answer was not read to its end: have not busy")
	}
	if err := f.Read(); err == nil || err.Error() != "pq: bye (57P01)" {
		t.Errorf("have %v, want the server's error", err)
	}
}

// Other drivers' connections, and those of a version that looks different, show nothing.
func TestFatalOfOthers(t *testing.T) {
	for _, conn := range append(others(), &pqConn{pid: 41}) {
		if have := postgres.Dialect.Fatal(conn); have != nil {
			t.Errorf("%T: have %v", conn, have)
		}
	}
}
