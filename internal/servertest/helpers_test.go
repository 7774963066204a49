package servertest_test

import (
	"log/slog"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooltest"
)

func TestMain(m *testing.M) {
	playRole()
	pooledtest.Main(m)
}

// playRole ends a process that was started as some test's helper, after it has done its part. fork_test.go has roles.
var playRole = func() {}

var (
	open     = pooltest.Open
	openFrom = pooltest.OpenFrom
	size     = pooltest.Size
)

// one is a pool of the class that has one server connection.
func one(c pooled.Class) func(*pooled.Config) {
	return func(cfg *pooled.Config) {
		cfg.Class = c
		if c == pooled.ClassQueue {
			cfg.Size, cfg.MaxOverflow = 1, 0
		}
	}
}

func resetMode(m pooled.ResetMode) func(*pooled.Config) {
	return func(c *pooled.Config) { c.ResetOnReturn = m }
}

func init() { pooled.RegisterLogger("discard", slog.New(slog.DiscardHandler)) }
