package integration

import (
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }
