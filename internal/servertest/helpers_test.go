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
	open      = pooltest.Open
	openFrom  = pooltest.OpenFrom
	size      = pooltest.Size
	one       = pooltest.One
	resetMode = pooltest.ResetMode
)

func init() { pooled.RegisterLogger("discard", slog.New(slog.DiscardHandler)) }
