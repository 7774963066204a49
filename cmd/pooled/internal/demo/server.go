package demo

import (
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"modernc.org/sqlite" // registers "sqlite"
)

// server is what the scenarios have to know of a kind of server.
type server struct {
	begin  string // begins a transaction
	engine string // behind CREATE TABLE: of tables that know transactions
	sleep  string // a query that keeps its connection busy, a format of milliseconds
}

var (
	postgresServer = &server{begin: "BEGIN", sleep: "SELECT pg_sleep(%d / 1000.0)"}
	mysqlServer    = &server{begin: "BEGIN", engine: "ENGINE=InnoDB", sleep: "SELECT SLEEP(%d / 1000.0)"}
	sqliteServer   = &server{begin: "BEGIN", sleep: "SELECT " + sqliteSleep + "(%d)"}
)

// servers has those by the driver's name.
var servers = map[string]*server{
	"postgres": postgresServer,
	"mysql":    mysqlServer,
	"sqlite":   sqliteServer,
}

// sqliteSleep is a function for SQLite, which has none that takes time as one on a network does.
const sqliteSleep = "pooled_demo_sleep"

func init() {
	sqlite.MustRegisterScalarFunction(sqliteSleep, 1, func(_ *sqlite.FunctionContext,
		args []driver.Value) (driver.Value, error) {
		ms, ok := args[0].(int64)
		if !ok {
			return nil, errors.New("want milliseconds")
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return ms, nil
	})
}

// table is a table of one column. Its name is used by nobody else: in a session that lacks the temporary table, a
// statement must not find a table of the user's.
type table struct {
	name   string
	create string
}

// temporary is a table of one session, which ends with it.
func (s *server) temporary() table { return s.table("TEMPORARY ") }

// permanent is for memory databases only.
func (s *server) permanent() table { return s.table("") }

func (s *server) table(kind string) table {
	name := "pooled_demo_" + strings.ToLower(rand.Text()[:10])
	return table{name, fmt.Sprintf("CREATE %sTABLE %s (id INTEGER PRIMARY KEY) %s", kind, name, s.engine)}
}

func (t table) insert(id int) string { return fmt.Sprintf("INSERT INTO %s VALUES (%d)", t.name, id) }
func (t table) count() string        { return "SELECT count(*) FROM " + t.name }
