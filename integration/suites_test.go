package integration

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The two drivers that come with pooled ship test suites of their own. What
// passes there with the bare driver must pass through pooled as well.

var mysqlSuite = &suite{
	module:   "github.com/go-sql-driver/mysql",
	driver:   "mysql",
	packages: []string{"."},
	atLeast:  380,
	rewrites: []rewrite{
		{regexp.MustCompile(`sql\.Open\((?:driverNameTest|"mysql"), `), "pooledsuite.Open("},
		{regexp.MustCompile(`sql\.OpenDB\(`), "pooledsuite.OpenDB("},
		// What the wrapped conn is takes one more call.
		{regexp.MustCompile(`\bconn\.\((\*mysqlConn|driver\.Execer|driver\.Queryer)\)`), "pooledsuite.Raw(conn).($1)"},
	},
	leftOut: map[string]string{
		"TestConnectorReturnsTimeout": "dials an address on the Internet, past database/sql, and panics when something " +
			"answers",
	},
	exceptions: map[string]map[string]string{"default": {
		"TestConnectorTimeoutsDuringOpen":  dialIsThePools,
		"TestConnectorTimeoutsWatchCancel": dialIsThePools,
	}},
}

// dialIsThePools is why two tests differ: the caller gets its error at once, but
// what they look at is the parent's Connect, which goes on for whoever is next.
const dialIsThePools = "wants the end of the caller's context to end the parent's Connect, and a dial is the " +
	"pool's, not the caller's"

var pqSuite = &suite{
	module:   "github.com/lib/pq",
	driver:   "postgres",
	packages: []string{".", "hstore"},
	atLeast:  700,
	rewrites: []rewrite{
		{regexp.MustCompile(`sql\.Open\("postgres", `), "pooledsuite.Open("},
		{regexp.MustCompile(`sql\.OpenDB\(`), "pooledsuite.OpenDB("},
		// A machine with other things to do needs longer, here and there.
		{regexp.MustCompile(`rows, err := db\.Query\(.select pid, query from pg_stat`), "pooledsuite.Settle(db)\n\t$0"},
		{
			regexp.MustCompile(`100 \* time\.Millisecond\):\n\t\tpanic\("wantEvent`),
			"10 * time.Second):\n\t\tpanic(\"wantEvent",
		},
		// It looks at the error's type. Whether the server's last words come before the next operation is sent is a
		// matter of time; if they do, pooled wraps them.
		{regexp.MustCompile(`switch pge := err\.\(type\)`), "switch pge := pooledsuite.Inner(err).(type)"},
		// A name for the server that only its authors' machines know.
		{regexp.MustCompile(`"host=postgres dbname=pqgo`), `"dbname=pqgo`},
	},
	leftOut: map[string]string{
		"Example_openConfig":       "ends the whole binary where no server with TLS listens on port 5432",
		"ExampleRegisterTLSConfig": "ends the whole binary where the server speaks no TLS",
	},
	exceptions: map[string]map[string]string{"default": pqExceptions, "direct": pqExceptions},
}

var pqExceptions = map[string]string{
	"TestUnexpectedEOF":                sentOnce,
	"TestConnectMulti":                 severalHosts,
	"TestConnectionTargetSessionAttrs": severalHosts,
}

// severalHosts is why tests of lists of hosts differ.
const severalHosts = "wants lib/pq's own choice of a host, by questions that its server is made for; with pooled the " +
	"choice is the pool's, and an error that is not the server's absence is told at once, as by libpq"

// sentOnce is why one test differs; and its server knows no statement but the test's.
const sentOnce = "wants database/sql to send a statement again whose answer was cut short; with pooled that is " +
	"ErrConnLost"

func TestMySQLSuite(t *testing.T) {
	t.Parallel() // it mostly sleeps
	runSuite(t, mysqlSuite, mysqlSuiteEnv(t, pooledtest.MySQL(t)))
}

func TestPQSuite(t *testing.T) {
	t.Parallel()
	runSuite(t, pqSuite, pqSuiteEnv(t, pooledtest.Postgres(t)))
}

// suiteConfigurations are the pool options the suites run with.
var suiteConfigurations = []struct{ name, options string }{
	{"default", ""},
	{"direct", "pool_class=direct"},
}

// runSuite runs every package of the suite bare and through pooled.
func runSuite(t *testing.T, s *suite, env []string) {
	c := copySuite(t, s, t.TempDir())
	leftOut := slices.Sorted(maps.Keys(c.leftOut))
	passed := 0
	for _, dir := range c.packages {
		b := &suiteBinary{suiteCopy: c, dir: dir, path: c.build(t, dir), env: env}
		bare := b.run(t, selection{skip: leftOut})
		t.Logf("%s bare: %s", dir, bare)
		if bare.result[""] == "" {
			t.Errorf("%s bare: have it end before its time, want all tests to run\n%s", dir, cut(bare.output[""]))
		}
		passed += len(bare.passed())
		for _, conf := range suiteConfigurations {
			t.Run(path.Join(dir, conf.name), func(t *testing.T) {
				b := b.withEnv("POOLED_SUITE_OPTIONS=" + conf.options)
				compareRuns(t, b, bare, leftOut, c.exceptions[conf.name])
			})
		}
	}
	if passed < s.atLeast {
		t.Errorf("have %d tests pass bare, want at least %d", passed, s.atLeast)
	}
}

// suiteRetries is how often tests that did not pass through pooled run again,
// without the others.
const suiteRetries = 3

// compareRuns runs a binary through pooled and compares. What failed bare does
// not run again, so that the binary as a whole must pass: lib/pq's TestMain looks
// for connections left behind, but only then.
func compareRuns(t *testing.T, b *suiteBinary, bare *suiteRun, leftOut []string, exceptions map[string]string) {
	t.Helper()
	excepted := slices.Sorted(maps.Keys(exceptions))
	through := b.run(t, selection{skip: slices.Concat(leftOut, bare.failed(), excepted)})
	if around := bare.failedAround(); len(around) > 0 {
		through.add(b.run(t, selection{only: around}))
	}
	t.Logf("%s through pooled: %s", b.dir, through)
	// These suites wait for fixed times, and a busy machine takes longer, with
	// the bare driver as well.
	for range suiteRetries {
		again := missed(bare, through, exceptions)
		if len(again) == 0 {
			break
		}
		t.Logf("%s once more, by themselves: %s", b.dir, strings.Join(again, " "))
		second := b.run(t, selection{only: again})
		through.add(second)
		through.result[""] = second.result[""]
	}
	compare(t, bare, through, exceptions)
	if len(excepted) > 0 {
		checkExceptions(t, b.run(t, selection{only: excepted}), exceptions)
	}
}
