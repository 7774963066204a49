package pooled

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// parent returns the registered name of the parent driver and the DSN it gets: a URL of ours in the driver's own form, and
// ConnectArgs merged into it.
func (c Config) parent() (driverName, dsn string, err error) { return c.parentAmong(sql.Drivers()) }

// parentAmong is parent for a program in which these drivers are registered.
func (c Config) parentAmong(registered []string) (driverName, dsn string, err error) {
	f, err := c.form()
	if err != nil {
		return "", "", err
	}
	dsn, err = f.rewrite(c.DSN)
	if err != nil {
		return "", "", err
	}
	if f.driver == "" {
		f.driver = registeredSQLite(registered)
	}
	if !slices.Contains(registered, f.driver) {
		return "", "", errNotRegistered(f.driver, registered)
	}
	dsn, err = mergeArgs(f.driver, dsn, c.ConnectArgs)
	return f.driver, dsn, err
}

// form tells the form of a Config's DSN. A Config made in code may hold every form that ParseDSN reads.
func (c Config) form() (form, error) {
	if c.Driver != "" {
		name, _, isURL := cutScheme(c.DSN)
		f := form{driver: c.Driver, family: families[c.Driver], scheme: strings.ToLower(name), native: true}
		if isURL && f.family != otherFamily && schemes[f.scheme].family == f.family {
			f.native = false
		}
		return f, nil
	}
	f, err := tellForm(c.DSN)
	if err == nil && slices.ContainsFunc(f.layout.params, isOptionParam) {
		err = errors.New("pooled: Config.DSN holds options of the pool: make the Config with pooled.ParseDSN")
	}
	return f, err
}

// registeredSQLite returns the SQLite driver that the program has, modernc.org/sqlite first.
func registeredSQLite(registered []string) string {
	if !slices.Contains(registered, "sqlite") && slices.Contains(registered, "sqlite3") {
		return "sqlite3"
	}
	return "sqlite"
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

func errNotRegistered(driver string, registered []string) error {
	name := driver
	if !plainName(name) {
		name = "(not shown)"
	}
	if path := imports[driver]; path != "" {
		return fmt.Errorf("pooled: driver %s is not registered: import _ %q", name, path)
	}
	if driver == "pq" {
		return errors.New("pooled: driver pq is not registered: the name of github.com/lib/pq is postgres")
	}
	others := slices.DeleteFunc(slices.Clone(registered), func(n string) bool { return n == "pooled" })
	return fmt.Errorf("pooled: driver %s is not registered: import its package; registered are %s", name, strings.Join(others, ", "))
}
