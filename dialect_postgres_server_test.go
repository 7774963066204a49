package pooled_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// What lib/pq finds fault with at first may be in order later: a service file that was not there yet. Then the
// connection is opened as any other, by the pool's dialer.
func TestPQFaultsMayPass(t *testing.T) {
	at, err := pq.NewConfig(pooledtest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "services")
	t.Setenv("PGSERVICEFILE", file)
	connector, err := pooled.OpenParent("postgres", "service=late")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connector.Connect(t.Context()); err == nil {
		t.Fatal("have a connection to a service that there is not")
	}
	service := fmt.Sprintf("[late]\nhost=%s\nport=%d\nuser=%s\npassword=%s\ndbname=%s\nsslmode=disable\n",
		at.Host, at.Port, at.User, at.Password, at.Database)
	if err := os.WriteFile(file, []byte(service), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, dialed := socket.Collect(t.Context())
	conn, err := connector.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if dialed.Last() == nil {
		t.Error("the pool does not know the connection's socket")
	}
}
