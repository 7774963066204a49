package dsn

// family is a group of drivers that read the same DSNs.
type family int

const (
	otherFamily family = iota // nothing is known of it
	mysqlFamily
	postgresFamily
	sqliteFamily
	sqlserverFamily
)

// families holds the registered names of the drivers whose DSNs are understood. Others may be wrapped as well.
var families = map[string]family{
	"mysql":     mysqlFamily,
	"postgres":  postgresFamily,
	"pgx":       postgresFamily,
	"pgx/v5":    postgresFamily,
	"sqlite":    sqliteFamily,
	"sqlite3":   sqliteFamily,
	"sqlserver": sqlserverFamily,
	"mssql":     sqlserverFamily,
	"azuresql":  sqlserverFamily,
}

func (f family) String() string {
	return [...]string{"other", "MySQL", "PostgreSQL", "SQLite", "SQL Server"}[f]
}

func (f family) example() string {
	return [...]string{"", "mysql", "postgres", "sqlite", "sqlserver"}[f]
}

// scheme is what a URL's scheme stands for. An empty driver means SQLite's, whichever is registered.
type scheme struct {
	driver string
	family family
	native string // the scheme that the driver reads, if that is another one
}

var schemes = map[string]scheme{
	"mysql":      {"mysql", mysqlFamily, ""},
	"mariadb":    {"mysql", mysqlFamily, ""},
	"postgres":   {"postgres", postgresFamily, ""},
	"postgresql": {"postgres", postgresFamily, ""},
	"pgx":        {"pgx", postgresFamily, "postgres"},
	"pgx5":       {"pgx", postgresFamily, "postgres"},
	"sqlite":     {"", sqliteFamily, ""},
	"sqlite3":    {"sqlite3", sqliteFamily, ""},
	"sqlserver":  {"sqlserver", sqlserverFamily, ""},
	"mssql":      {"sqlserver", sqlserverFamily, "sqlserver"},
	"azuresql":   {"azuresql", sqlserverFamily, "sqlserver"},
}
