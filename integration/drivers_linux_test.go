package integration

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

var updateDrivers = flag.Bool("update-drivers", false, "write the table of drivers into docs/drivers.md")

// pgDriver is a column of the table in docs/drivers.md.
type pgDriver struct{ title, bare, scheme string }

var (
	pqDriver  = pgDriver{"lib/pq", "postgres", "postgres"}
	pgxDriver = pgDriver{"pgx", "pgx", "postgres+pgx"}
	pgDrivers = []pgDriver{pqDriver, pgxDriver}
)

func (d pgDriver) open(t *testing.T, dsn string, options ...string) *sql.DB {
	t.Helper()
	return openPooled(t, pooledtest.WithOptions(withScheme(t, dsn, d.scheme), options...))
}

// openHere opens a pool on the server itself, and its administrator beside it.
func (d pgDriver) openHere(t *testing.T, options ...string) (db, admin *sql.DB) {
	t.Helper()
	dsn := pooledtest.Postgres(t)
	return d.open(t, dsn, append(options, "pool_size=16")...), openBare(t, "postgres", dsn)
}

// openBehind opens a pool behind a proxy that the test can break.
func (d pgDriver) openBehind(t *testing.T, options ...string) (*sql.DB, *pooledtest.Proxy) {
	t.Helper()
	proxy := pooledtest.NewProxy(t, pooledtest.PostgresPlain(t))
	return d.open(t, proxy.DSN(), append(options, "pool_size=16")...), proxy
}

// point is a row of the table: what comes out with a driver. All that is in a cell is what happened.
type point struct {
	title string
	try   func(t *testing.T, d pgDriver) string
	mssql func(t *testing.T) string // the same with go-mssqldb and a server of the test's; nil: not tried
}

// What the pool does with lib/pq, point by point, it does with pgx, or the table in docs/drivers.md says what it
// does instead.
func TestDrivers(t *testing.T) {
	pooledtest.PostgresTLS(t) // or the test is skipped
	var table strings.Builder
	left := 0 // cells that were not tried
	table.WriteString("| | lib/pq | pgx | go-mssqldb |\n|---|---|---|---|\n")
	for _, group := range pointGroups {
		fmt.Fprintf(&table, "| **%s** | | | |\n", group.title)
		for _, p := range group.points {
			fmt.Fprintf(&table, "| %s |", p.title)
			for _, d := range pgDrivers {
				left++
				t.Run(p.title+"/"+d.title, func(t *testing.T) {
					fmt.Fprintf(&table, " %s |", p.try(t, d))
					left--
				})
			}
			cell := "–"
			if p.mssql != nil {
				t.Run(p.title+"/go-mssqldb", func(t *testing.T) { cell = p.mssql(t) })
			}
			fmt.Fprintf(&table, " %s |\n", cell)
		}
	}
	if left == 0 { // all passed, and -run has left out none
		compareDrivers(t, table.String())
	}
}

// compareDrivers is about docs/drivers.md; go test -run TestDrivers -update-drivers writes it.
func compareDrivers(t *testing.T, want string) {
	t.Helper()
	const file, begin, end = "../docs/drivers.md", "<!-- drivers -->\n", "<!-- /drivers -->"
	before, rest, ok := strings.Cut(string(must(os.ReadFile(file))), begin)
	have, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s: have no table between %q and %q, want one", file, begin, end)
	}
	switch {
	case have == want:
	case *updateDrivers:
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s (-update-drivers writes it): have\n%s\nwant\n%s", file, have, want)
	}
}

var pointGroups = []struct {
	title  string
	points []point
}{
	{"a connection that is dead when a caller comes", []point{
		{"the server has closed 16 idle connections: queries that fail, of 256, with `pool_pre_ping=off`",
			tryIdleKill(pooledtest.PostgresPlain), mssqlIdleKill},
		{"the same over TLS", tryIdleKill(pooledtest.PostgresTLS), nil},
		{"the network is silent: with `pool_pre_ping=on`, the query", trySilentNetwork, mssqlSilentNetwork},
		{"one connection was lost in use: before their next use, the others are", tryLossOfAnother, mssqlLossOfAnother},
		{"the server refuses more connections (53300): callers", tryTooMany, nil},
	}},
	{"a connection that is lost in use", []point{
		{"the server ends the session during a statement: the error is", tryKilledInUse, nil},
		{"the server ends the session in a pause of a transaction: the next error is", tryEndedInAPause, nil},
		{"the connection breaks: the error is", tryBrokenInUse, mssqlBrokenInUse},
		{"so often is a statement without arguments sent", trySentInUse, mssqlSent("pooled")},
		{"the same with the driver alone", trySentAlone, mssqlSent("sqlserver")},
		{"the connection breaks during `Begin`: the transaction", tryBrokenBegin, nil},
		{"the connection breaks during `Commit`: the error is", tryBrokenCommit, nil},
		{"nothing could be sent: the operation is", tryNothingSent, nil},
	}},
	{"a context that ends during a statement", []point{
		{"the program's error is the context's", tryCancelError, mssqlCancelError},
		{"on the server, the statement", tryCancelOnServer, nil},
		{"the connection is", tryCancelConn, mssqlCancelConn},
		{"the network is silent: the statement", trySilentInUse, nil},
		{"a transaction's context ends between two statements: the transaction", tryCancelTx, nil},
	}},
	{"the session", []point{
		{"an open transaction is ended on return by", tryOpenTx, nil},
		{"a reset of the session sends", tryReset, nil},
		{"statements that the driver or the program has prepared, after it", tryPreparedAfterReset, nil},
		{"round trips of a query with an argument that is repeated, by default", tryRoundTrips("pool_stmt_cache=0"), nil},
		{"the same with `pool_stmt_cache=16`", tryRoundTrips("pool_stmt_cache=16"), nil},
		{"`ServerConn.Session` is `pg_backend_pid()`, without a query", trySessionID, nil},
		{"a notification or notice while a connection is idle: before its next use, it is", tryNotification, nil},
	}},
	{"for programs", []point{
		{"a `BeforeConnect` hook changes user and password", tryBeforeConnect, nil},
		{"a wrong password: the error shows it", tryWrongPassword, mssqlPassword},
		{"`COPY … FROM STDIN`", tryCopy, nil},
		{"`LISTEN`: notifications are read by", tryListen, nil},
	}},
}
