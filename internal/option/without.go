package option

import "fmt"

// without holds, for what other pools have and this one has not, what takes its place. The names are written as in
// elsewhere.
var without = map[string]string{
	"readonly":                  "for a read-only transaction call db.BeginTx with sql.TxOptions{ReadOnly: true}",
	"autocommit":                "for a transaction call db.BeginTx: outside of it, each statement commits by itself",
	"transactionisolation":      isolation,
	"isolation":                 isolation,
	"isolationlevel":            isolation,
	"connectiontestquery":       testQuery,
	"validationquery":           testQuery,
	"testquery":                 testQuery,
	"initializationfailtimeout": "to fail at the start, call db.PingContext after sql.Open",
	"registermbeans":            "docs/metrics.md and docs/debug.md say how to watch a pool",
	"allowpoolsuspension":       "a pool cannot be suspended",
	"isolateinternalqueries":    "a ping opens no transaction",
	"catalog":                   "name the database in the DSN",
	"schema":                    "name the database in the DSN; PostgreSQL's DSN also takes search_path",
}

const (
	isolation = "pass the isolation of a transaction to db.BeginTx, in sql.TxOptions"
	testQuery = "pool_pre_ping uses the driver's own ping"
)

// errWithout is for such a key, in words that name it.
func errWithout(named, instead string) error {
	return fmt.Errorf("pooled: unknown key %s: leave it out; %s", named, instead)
}
