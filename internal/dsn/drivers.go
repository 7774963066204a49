package dsn

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pooled-go/pooled/internal/spelling"
)

// Resolve returns the registered name of the driver that a DSN is for, and the DSN as that driver reads it: a URL in
// the driver's own form, with args merged in. If driver is empty, the DSN tells it. registered are the drivers that the
// program has.
func Resolve(driver, dsn string, args map[string]string, registered []string) (name, native string, err error) {
	f, err := formFor(driver, dsn)
	if err != nil {
		return "", "", err
	}
	native, err = f.rewrite(dsn)
	if err != nil {
		return "", "", err
	}
	if f.driver == "" {
		f.driver = registeredSQLite(registered)
	}
	if !slices.Contains(registered, f.driver) {
		return "", "", errNotRegistered(f.driver, registered)
	}
	native, err = Merge(f.driver, native, args)
	return f.driver, native, err
}

// formFor is the form of a DSN without options, which may be any that Detect knows.
func formFor(driver, dsn string) (Form, error) {
	if driver != "" {
		name, _, isURL := cutScheme(dsn)
		f := Form{driver: driver, family: families[driver], scheme: strings.ToLower(name), native: true}
		s := schemes[f.scheme]
		if isURL && (s.native != "" || f.family != otherFamily && s.family == f.family) {
			f.native = false
		}
		return f, nil
	}
	f, err := Detect(dsn)
	if err == nil && slices.ContainsFunc(f.layout.params, isOption) {
		err = errors.New("pooled: Config.DSN holds options of the pool: make the Config with pooled.ParseDSN")
	}
	return f, err
}

// imports says which package registers a driver.
var imports = map[string]string{
	"mysql":       "github.com/go-sql-driver/mysql",
	"postgres":    "github.com/lib/pq",
	"pgx":         "github.com/jackc/pgx/v5/stdlib",
	"pgx/v5":      "github.com/jackc/pgx/v5/stdlib",
	"sqlite":      "modernc.org/sqlite",
	"sqlite3":     "github.com/mattn/go-sqlite3",
	"sqlserver":   "github.com/microsoft/go-mssqldb",
	"mssql":       "github.com/microsoft/go-mssqldb",
	"azuresql":    "github.com/microsoft/go-mssqldb/azuread",
	"clickhouse":  "github.com/ClickHouse/clickhouse-go/v2",
	"oracle":      "github.com/sijms/go-ora/v2",
	"godror":      "github.com/godror/godror",
	"snowflake":   "github.com/snowflakedb/gosnowflake",
	"duckdb":      "github.com/marcboeker/go-duckdb/v2",
	"libsql":      "github.com/tursodatabase/libsql-client-go/libsql",
	"trino":       "github.com/trinodb/trino-go-client/trino",
	"databricks":  "github.com/databricks/databricks-sql-go",
	"firebirdsql": "github.com/nakagami/firebirdsql",
	"hdb":         "github.com/SAP/go-hdb/driver",
	"odbc":        "github.com/alexbrainman/odbc",
	"spanner":     "github.com/googleapis/go-sql-spanner",
	"bigquery":    "github.com/viant/bigquery",
	"vertica":     "github.com/vertica/vertica-sql-go",
}

// KnownDriver tells the name of a driver that is well known. A program may have others.
func KnownDriver(name string) bool { return imports[name] != "" }

func errNotRegistered(driver string, registered []string) error {
	name := driver
	if !isPlainName(name) {
		name = "(not shown)"
	}
	others := slices.DeleteFunc(slices.Clone(registered), func(n string) bool { return n == "pooled" })
	registers := cmp.Or(strings.Join(others, ", "), "none")
	if path := imports[driver]; path != "" {
		return fmt.Errorf("pooled: driver %s is not registered: import _ %q; registered are %s", name, path, registers)
	}
	write := ""
	if instead := MeantDriver(driver, others); instead != "" {
		write = "write " + instead + ", or "
	}
	return fmt.Errorf("pooled: driver %s is not registered: %simport its package; registered are %s", name, write,
		registers)
}

// otherNames are what people write in the place of a driver's name: what the package or the tool is called, and
// databases that the driver is used for as well.
var otherNames = map[string]string{
	"pq": "postgres", "pg": "postgres", "psql": "postgres", "postgresql": "postgres", "cockroachdb": "postgres",
	"cockroach": "postgres", "redshift": "postgres", "timescaledb": "postgres", "yugabytedb": "postgres",
	"mariadb": "mysql", "tidb": "mysql", "http": "postgres or mysql", "https": "postgres or mysql",
}

// MeantDriver returns the driver that was probably meant by a name that is none, or nothing.
func MeantDriver(name string, registered []string) string {
	name = strings.ToLower(name)
	if other := otherNames[name]; other != "" {
		return other
	}
	const slips = 2
	nearest, least := "", slips+1
	for _, known := range append(slices.Sorted(maps.Keys(imports)), registered...) {
		if d := spelling.Distance(name, known); d < least && len(name) > slips+1 && len(known) > slips+1 {
			nearest, least = known, d
		}
	}
	return nearest
}
