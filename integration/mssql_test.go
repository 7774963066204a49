package integration

import (
	"errors"
	"net"
	"strings"
	"testing"

	_ "github.com/microsoft/go-mssqldb"
)

// There is no SQL Server here. What can be seen without one: the DSN finds its
// driver and reaches it, and the error is what the driver got from the network.
func TestSQLServerUnreachable(t *testing.T) {
	addr := closedPort(t)
	for name, dsn := range map[string]string{
		"sqlserver":   "sqlserver://sa:s3cret@" + addr + "?database=master&dial+timeout=2",
		"mssql":       "mssql://sa:s3cret@" + addr + "?database=master&dial+timeout=2",
		"options":     "sqlserver://sa:s3cret@" + addr + "?pool_size=2&database=master&dial+timeout=2",
		"pool_driver": "server=127.0.0.1;port=" + addr[strings.LastIndexByte(addr, ':')+1:] + ";user id=sa;password=s3cret;database=master;dial timeout=2;pool_driver=sqlserver",
	} {
		t.Run(name, func(t *testing.T) {
			err := openPooled(t, dsn).PingContext(t.Context())
			var dial *net.OpError
			if !errors.As(err, &dial) || dial.Op != "dial" {
				t.Fatalf("have %T %v, want a *net.OpError of a dial", err, err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("have %v, want no password in it", err)
			}
		})
	}
	bare := openBare(
		t,
		"sqlserver",
		"sqlserver://sa:s3cret@"+addr+"?database=master&dial+timeout=2",
	).PingContext(t.Context())
	through := openPooled(t, "sqlserver://sa:s3cret@"+addr+"?database=master&dial+timeout=2").PingContext(t.Context())
	if bare == nil || through == nil || through.Error() != bare.Error() {
		t.Errorf("have %v, want %v", through, bare)
	}
}

// closedPort is a loopback address where nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
