//go:build linux

package cluster_test

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// A name has the addresses of the moment.
func TestNames(t *testing.T) {
	names := cluster.DNS(t)
	names.UseByDefault()
	want := func(want ...string) {
		t.Helper()
		if have, err := net.DefaultResolver.LookupHost(t.Context(), "db.test"); err != nil || !slices.Equal(have, want) {
			t.Errorf("have %v, %v, want %v", have, err, want)
		}
	}
	names.Set("db.test", "127.0.0.2:3306")
	want("127.0.0.2")
	names.Set("db.test", "127.0.0.3", "127.0.0.4")
	want("127.0.0.3", "127.0.0.4")
	asked := names.Asked("db.test")
	want("127.0.0.3", "127.0.0.4")
	if names.Asked("db.test") == asked {
		t.Error("the name was not asked for again")
	}
	var e *net.DNSError
	if _, err := net.LookupHost("other.test"); !errors.As(err, &e) || !e.IsNotFound {
		t.Errorf("a name that is not there: have %v", err)
	}
	names.Break(true)
	if _, err := net.LookupHost("db.test"); !errors.As(err, &e) || !e.IsTemporary || e.IsNotFound {
		t.Errorf("a server that fails: have %v", err)
	}
	names.Break(false)
	want("127.0.0.3", "127.0.0.4")
}

func TestBlackHole(t *testing.T) {
	address := cluster.BlackHole(t)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		var dialer net.Dialer
		if _, err := dialer.DialContext(ctx, "tcp", address); !os.IsTimeout(err) {
			t.Errorf("have %v, want a timeout", err)
		}
		cancel()
	}
}

func TestRefusing(t *testing.T) {
	if _, err := net.Dial("tcp", cluster.Refusing(t)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("have %v, want a refused connection", err)
	}
}
