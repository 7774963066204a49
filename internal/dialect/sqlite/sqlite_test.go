package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"regexp"
	"strings"
	"testing"

	driverpkg "modernc.org/sqlite"

	"github.com/pooled-go/pooled/internal/dialect/sqlite"
)

const (
	modernc = "modernc.org/sqlite"
	mattn   = "github.com/mattn/go-sqlite3"
)

var uniqueName = regexp.MustCompile(`pooled-[A-Z2-7]{26}`)

// sqliteDSNs has DSNs of every shape. several is what a private one becomes,
// behind the name: under modernc's driver, whose default wait is added.
var sqliteDSNs = []struct {
	dsn, place, several string
}{
	{":memory:", "private", "&_pragma=busy_timeout(10000)"},
	{":memory:?_pragma=foreign_keys(1)", "private", "&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"},
	{":memory:?_time_format=sqlite&_pragma=foreign_keys%281%29&&_txlock=immediate", "private",
		"&_pragma=busy_timeout(10000)&_time_format=sqlite&_pragma=foreign_keys%281%29&&_txlock=immediate"},
	{":memory:?_pragma=busy_timeout(7)", "private", "&_pragma=busy_timeout(7)"},
	{":memory:?_pragma=%20BUSY_timeout%3d7", "private", "&_pragma=%20BUSY_timeout%3d7"},
	{":memory:?_busy_timeout=7", "private", "&_busy_timeout=7"},
	{":memory:?_timeout=7", "private", "&_timeout=7"},
	// Without "file:" SQLite does not see the parameters, so these don't share.
	{":memory:?cache=shared", "private", "&_pragma=busy_timeout(10000)"},
	{":memory:?mode=ro&_txlock=exclusive", "private", "&_pragma=busy_timeout(10000)&_txlock=exclusive"},
	{":memory:#x", "disk", ""},
	{"", "private", "&_pragma=busy_timeout(10000)"},
	{"?mode=memory", "disk", ""},
	{"app.db", "disk", ""},
	{"app.db?mode=memory", "disk", ""},
	{"app.db?_pragma=busy_timeout(7)", "disk", ""},
	{":Memory:", "disk", ""},
	{"file::memory:", "private", "&_pragma=busy_timeout(10000)"},
	{"file:%3Amemory%3a", "private", "&_pragma=busy_timeout(10000)"},
	{"file:///:memory:", "disk", ""}, // a file of that name
	{"file:", "private", "&_pragma=busy_timeout(10000)"},
	{"file:?_txlock=immediate", "private", "&_pragma=busy_timeout(10000)&_txlock=immediate"},
	{"file:?mode=memory&cache=shared", "private", "&_pragma=busy_timeout(10000)"}, // a nameless one is never shared
	{"file::memory:?cache=private&_txlock=immediate", "private", "&_pragma=busy_timeout(10000)&_txlock=immediate"},
	{"file::memory:?cache=shared", "shared", ""},
	{"file::memory:?cache=shared&cache=private", "private", "&_pragma=busy_timeout(10000)"}, // the last counts
	{"file::memory:#frag", "private", "&_pragma=busy_timeout(10000)"},
	{"file::memory:?_other=1#&cache=shared", "private", "&_pragma=busy_timeout(10000)&_other=1#"},
	{"file::memory:?nolock=1&immutable=1&_txlock=immediate", "private",
		"&_pragma=busy_timeout(10000)&_txlock=immediate"},
	{"file:x?mode=memory", "private", "&_pragma=busy_timeout(10000)"},
	{"file:x?mod%65=mem%6fry", "private", "&_pragma=busy_timeout(10000)"},
	{"file:/x?mode=memory&_txlock=immediate&psow=1", "private",
		"&_pragma=busy_timeout(10000)&_txlock=immediate&psow=1"},
	{"file:x?mode=memory&mode=rwc", "disk", ""},
	{"file:x?mode=rwc&mode=memory", "private", "&_pragma=busy_timeout(10000)"},
	{"file:shared1?mode=memory&cache=shared", "shared", ""},
	{"file:x#?mode=memory", "disk", ""},
	{"file:y?vfs=memdb", "private", "&_pragma=busy_timeout(10000)"}, // memdb shares names that begin with a slash
	{"y?vfs=memdb", "private", "&_pragma=busy_timeout(10000)"},
	{"file:/shared2?vfs=memdb", "shared", ""},
	{"/shared3?vfs=memdb", "shared", ""},
	{"file:///shared4?vfs=memdb&_pragma=foreign_keys(1)", "shared", ""},
	{"file:/?vfs=memdb", "private", "&_pragma=busy_timeout(10000)"},
	{"file:x?cache=shared", "disk", ""},
	{"file:x%?mode=rwc", "disk", ""},
}

func TestSQLiteDSN(t *testing.T) {
	for _, test := range sqliteDSNs {
		if have := sqlite.Place(test.dsn); have != test.place {
			t.Errorf("%q: place: have %s, want %s", test.dsn, have, test.place)
		}
		if test.place != "private" {
			continue
		}
		several, one := sqlite.Rewrite(test.dsn, modernc)
		want := "file:/NAME?vfs=memdb" + test.several
		if have := uniqueName.ReplaceAllString(several, "NAME"); have != want {
			t.Errorf("%q: shared by several:\nhave %s\nwant %s", test.dsn, have, want)
		}
		want = "file:NAME?mode=memory&cache=shared" + strings.TrimPrefix(test.several, "&_pragma=busy_timeout(10000)")
		if have := uniqueName.ReplaceAllString(one, "NAME"); have != want {
			t.Errorf("%q: kept for one:\nhave %s\nwant %s", test.dsn, have, want)
		}
	}
}

func TestSQLiteDSNForMattn(t *testing.T) {
	for _, test := range []struct{ dsn, want string }{
		{":memory:", "file:/NAME?vfs=memdb&_busy_timeout=10000"},
		{"file::memory:?_fk=1&_loc=auto", "file:/NAME?vfs=memdb&_busy_timeout=10000&_fk=1&_loc=auto"},
		{":memory:?_busy_timeout=7&_fk=1", "file:/NAME?vfs=memdb&_busy_timeout=7&_fk=1"},
		{":memory:?_timeout=7", "file:/NAME?vfs=memdb&_timeout=7"},
	} {
		several, _ := sqlite.Rewrite(test.dsn, mattn)
		if have := uniqueName.ReplaceAllString(several, "NAME"); have != test.want {
			t.Errorf("%q:\nhave %s\nwant %s", test.dsn, have, test.want)
		}
	}
}

// TestSQLiteDSNAgreesWithSQLite asks SQLite where each DSN of the table leads to.
func TestSQLiteDSNAgreesWithSQLite(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range sqliteDSNs {
		switch test.dsn {
		case "file:///:memory:":
			continue // would be in the root directory
		}
		if have := placeBySQLite(t, test.dsn); have != test.place {
			t.Errorf("%q: have %s, want %s", test.dsn, have, test.place)
		}
	}
}

func placeBySQLite(t *testing.T, dsn string) string {
	t.Helper()
	ctx := context.Background()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatalf("%q: %v", dsn, err)
	}
	defer db.Close()
	var conns [2]*sql.Conn
	for i := range conns {
		if conns[i], err = db.Conn(ctx); err != nil {
			t.Fatalf("%q: %v", dsn, err)
		}
		defer conns[i].Close()
	}
	var file string
	err = conns[0].QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file)
	if err != nil {
		t.Fatalf("%q: %v", dsn, err)
	}
	if file != "" {
		return "disk"
	}
	mustExec(t, conns[0], "CREATE TABLE seen (n INTEGER)")
	if _, err := conns[1].ExecContext(ctx, "INSERT INTO seen VALUES (1)"); err != nil {
		return "private"
	}
	return "shared"
}

// TestSQLiteRewriteOpens opens what each private DSN becomes, for several and for one.
func TestSQLiteRewriteOpens(t *testing.T) {
	for _, test := range sqliteDSNs {
		if test.place != "private" {
			continue
		}
		several, one := sqlite.Rewrite(test.dsn, modernc)
		for _, dsn := range []string{several, one} {
			if have := placeBySQLite(t, dsn); have != "shared" {
				t.Errorf("%q became %q: have %s, want shared", test.dsn, dsn, have)
			}
		}
	}
}

type (
	tracingDriver  struct{ wrapped driver.Driver } // as tracing packages do
	loggingDriver  struct{ inner *tracingDriver }
	embeddedDriver struct{ *driverpkg.Driver } // as programs that set pragmas do
	strangeDriver  struct{ name string }
)

func (tracingDriver) Open(string) (driver.Conn, error)  { return nil, errors.ErrUnsupported }
func (*loggingDriver) Open(string) (driver.Conn, error) { return nil, errors.ErrUnsupported }
func (strangeDriver) Open(string) (driver.Conn, error)  { return nil, errors.ErrUnsupported }

func TestSQLiteDriverIsKnownByType(t *testing.T) {
	selfish := &tracingDriver{}
	selfish.wrapped = selfish // must not be followed for ever
	for _, test := range []struct {
		driver driver.Driver
		want   string
	}{
		{&driverpkg.Driver{}, modernc},
		{tracingDriver{&driverpkg.Driver{}}, modernc},
		{&loggingDriver{&tracingDriver{&driverpkg.Driver{}}}, modernc},
		{embeddedDriver{&driverpkg.Driver{}}, modernc},
		{strangeDriver{"sqlite"}, ""},
		{&loggingDriver{}, ""},
		{tracingDriver{}, ""},
		{selfish, ""},
	} {
		if have := sqlite.Known(test.driver); have != test.want {
			t.Errorf("%T: have %q, want %q", test.driver, have, test.want)
		}
	}
}

func TestSQLiteNoTransaction(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("cannot rollback - no transaction is active"), true}, // mattn's
		{errors.New("cannot commit - no transaction is active"), true},
		{errors.New("cannot start a transaction within a transaction"), false},
		{errors.New("no such savepoint: a"), false},
		{driver.ErrBadConn, false},
	} {
		if have := sqlite.Dialect.NoTransaction(test.err); have != test.want {
			t.Errorf("%v: have %t, want %t", test.err, have, test.want)
		}
	}
	for _, dsn := range []string{":memory:", ":memory:?_error_rc=1"} {
		db := openSQLite(t, dsn)
		for _, query := range []string{"ROLLBACK", "COMMIT", "END"} {
			_, err := db.Exec(query)
			if !sqlite.Dialect.NoTransaction(err) {
				t.Errorf("%s on %q: have false for %q, want true", query, dsn, err)
			}
		}
		if _, err := db.Exec("ROLLBACK TO nothing"); err == nil || sqlite.Dialect.NoTransaction(err) {
			t.Errorf("ROLLBACK TO nothing on %q: have true for %v, want false", dsn, err)
		}
	}
}

// openSQLite is the bare driver's sql.DB.
func openSQLite(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
