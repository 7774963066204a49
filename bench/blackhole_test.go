//go:build linux

package bench

import (
	"context"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// A server is used that is the second host, of which the first does not answer. How fast is the report's to say.
func TestBlackHoleIsMeasured(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		s, _ := PostgreSQL()
		server := cluster.Postgres(t)
		measureHole(t, s.At(server.DSNAt, cluster.BlackHole(t), server.Addr()))
	})
	t.Run("MariaDB", func(t *testing.T) {
		s, _ := MariaDB()
		server := cluster.MySQL(t)
		measureHole(t, s.At(server.DSNAt, cluster.BlackHole(t), server.Addr()))
	})
}

func TestKeywords(t *testing.T) {
	have := keywords("postgres://me:secret@127.0.0.1:1,127.0.0.2:2/db?sslmode=disable")
	if want := "host=127.0.0.1,127.0.0.2 port=1,2 user=me password=secret dbname=db sslmode=disable"; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
}

func measureHole(t *testing.T, s Server) {
	plan := HolePlan{PerSecond: 50, FindOut: 200 * time.Millisecond, Measured: 2 * time.Second}
	for _, c := range HoleContenders(s) {
		h, err := RunHole(context.WithoutCancel(t.Context()), s, c, plan, 1)
		if err != nil {
			t.Fatal(c.Name, err)
		}
		t.Logf("%s: %d requests, %d failed, p99 %.1f ms, %v", c.Name, len(h.Requests), h.Failed(),
			h.Latency().Milliseconds(0.99), h.Examples)
		if len(h.Requests) == 0 || h.Failed() == len(h.Requests) || h.Latency().Milliseconds(0.99) <= 0 {
			t.Errorf("%s: have %d requests, %d failed, %v", c.Name, len(h.Requests), h.Failed(), h.Examples)
		}
	}
}
