//go:build linux

package cluster_test

import (
	"database/sql"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// took logs what a step took.
func took(t *testing.T, step string, do func()) {
	t.Helper()
	start := time.Now()
	do()
	t.Logf("%-28s %4d ms", step, time.Since(start).Milliseconds())
}

// wantRows wants the number of rows in the table t.
func wantRows(t *testing.T, db *sql.DB, want int) {
	t.Helper()
	if have := pooledtest.ScanOne[int](t, db, "SELECT count(*) FROM t"); have != want {
		t.Errorf("have %d rows, want %d", have, want)
	}
}

// wantError runs a statement and wants an error of the driver's type.
func wantError[T error](t *testing.T, db *sql.DB, query string, is func(T) bool) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), query)
	if e, ok := errors.AsType[T](err); !ok || !is(e) {
		t.Errorf("%s: have %v", query, err)
	}
}

// wantSilence wants a server that accepts a connection and answers nothing to what is sent.
func wantSilence(t *testing.T, address string, send []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := conn.Write(send); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("have %d bytes, %v, want none", n, err)
	}
}

// wantRefused wants that nobody listens. database/sql finds out that its idle connections are lost, and opens one.
func wantRefused(t *testing.T, db *sql.DB) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), "SELECT 1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("have %v, want a refused connection", err)
	}
}
