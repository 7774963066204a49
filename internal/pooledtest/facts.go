package pooledtest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Facts is what tests expect of a MySQL or a MariaDB. A test reads it, and does not ask which of the two it has.
type Facts struct {
	Name    string // "MySQL" or "MariaDB"
	Version string // "9.7.4", "10.11.6"

	InTransaction string // an expression: 1 in a transaction, 0 outside
	Isolation     string // the variable of a session's isolation level
	ReadOnly      string // the variable that makes a session's transactions read-only
	TimeLimit     string // a setting that stops a statement after 10 ms
	TimeLimitText string // of the error then
	TableLocked   string // a query: another answer while another session holds the table leak_rows
	RowLocked     uint16 // the number of the error of FOR UPDATE NOWAIT, if another session holds a row
	DefaultRole   string // SET DEFAULT ROLE, for fmt: a role, an account
	RestoresMore  string // what a reset sets back beside the character sets

	// MariaDB has these, MySQL has not.
	Sequences        bool // CREATE SEQUENCE
	Blocks           bool // BEGIN NOT ATOMIC, IF and the like outside of procedures
	ExecuteImmediate bool // EXECUTE IMMEDIATE 'text'
	SQLModes         bool // ORACLE and EMPTY_STRING_IS_NULL
	AccountTimeLimit bool // CREATE USER … WITH MAX_STATEMENT_TIME

	// MySQL has these, MariaDB has not.
	CreateAndStart bool // CREATE TABLE … START TRANSACTION
	BackupLock     bool // LOCK INSTANCE FOR BACKUP
	ResourceGroups bool // SET RESOURCE GROUP
}

// byName is the one table of what tests expect of a server.
var byName = map[string]Facts{
	"MariaDB": {
		InTransaction: "@@in_transaction",
		Isolation:     "tx_isolation",
		ReadOnly:      "tx_read_only",
		TimeLimit:     "max_statement_time=0.01",
		TimeLimitText: "max_statement_time exceeded",
		TableLocked:   "LOCK TABLE leak_rows WRITE NOWAIT; UNLOCK TABLES",
		RowLocked:     1205,
		DefaultRole:   "SET DEFAULT ROLE %s FOR %s",
		RestoresMore:  ", max_statement_time = 0.000000",

		Sequences: true, Blocks: true, ExecuteImmediate: true, SQLModes: true, AccountTimeLimit: true,
	},
	"MySQL": {
		InTransaction: "(SELECT COUNT(*) FROM performance_schema.events_transactions_current WHERE " +
			"thread_id = PS_CURRENT_THREAD_ID() AND state = 'ACTIVE' AND autocommit = 'NO')",
		Isolation:     "transaction_isolation",
		ReadOnly:      "transaction_read_only",
		TimeLimit:     "max_execution_time=10",
		TimeLimitText: "maximum statement execution time exceeded",
		TableLocked: "SELECT COUNT(*) > 0 FROM performance_schema.metadata_locks WHERE object_name = 'leak_rows' AND " +
			"owner_thread_id <> PS_CURRENT_THREAD_ID()",
		RowLocked:   3572,
		DefaultRole: "SET DEFAULT ROLE %s TO %s",

		CreateAndStart: true, BackupLock: true, ResourceGroups: true,
	},
}

// askMySQL asks the server behind a DSN what it is.
func askMySQL(dsn string) (Facts, error) {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return Facts{}, err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var version string
	if err := db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return Facts{}, err
	}
	return factsOf(version), nil
}

// factsOf is what is expected of the server that says this of its version.
func factsOf(version string) Facts {
	name := "MySQL"
	if strings.Contains(version, "-MariaDB") {
		name = "MariaDB"
	}
	f := byName[name]
	f.Name = name
	f.Version, _, _ = strings.Cut(strings.TrimPrefix(version, "5.5.5-"), "-")
	if name == "MariaDB" && f.AtLeast(11, 1) { // it took over MySQL's names then
		f.Isolation, f.ReadOnly = byName["MySQL"].Isolation, byName["MySQL"].ReadOnly
	}
	return f
}

// asked is what the process has been told: it asks once.
var asked = sync.OnceValues(func() (Facts, error) { return askMySQL(os.Getenv(mysql.env)) })

// MySQLFacts is what to expect of the server that MySQL returns. Without one the test is skipped, or fails, as there.
func MySQLFacts(tb testing.TB) Facts {
	tb.Helper()
	mysql.dsn(tb, "")
	f, err := asked()
	if err != nil {
		tb.Fatalf("ask the server what it is: %v", err)
	}
	return f
}

// AtLeast compares the version.
func (f Facts) AtLeast(major, minor int) bool {
	var have [2]int
	fmt.Sscanf(f.Version, "%d.%d", &have[0], &have[1])
	return slices.Compare(have[:], []int{major, minor}) >= 0
}

// Need skips a test of what the server has not.
func (f Facts) Need(tb testing.TB, has bool, what string) {
	tb.Helper()
	if !has {
		tb.Skipf("%s %s has no %s", f.Name, f.Version, what)
	}
}
