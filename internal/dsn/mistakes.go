package dsn

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// errNoForm is for a DSN that looks like nothing.
var errNoForm = errors.New("pooled: cannot tell which driver the DSN is for: begin it with mysql://, postgres://, " +
	"sqlite:/// or sqlserver://, or add pool_driver")

// mistakes are what people write in the place of a DSN, most special first. A text that is no DSN is told by the first
// that matches.
var mistakes = []struct {
	is    func(dsn string) bool
	write string
}{
	{func(dsn string) bool { return strings.TrimSpace(dsn) != dsn },
		"there is white space before or after the DSN: remove it"},
	{isInQuotes, "the DSN is in quotes: write it without them"},
	{isOpenODBC, "a value in braces has no end: write } after it, and }} for a } in it"},
	{matches(`^(\$\{?\w+\}?|\$\(\w+\)|%\w+%|<[\w -]+>|\{\{.*\}\})$`),
		"the DSN is a placeholder that nothing has replaced: write the DSN itself, such as " +
			"postgres://user:password@host/db"},
	{matches(`^((export|set) +)?\w+ *= *["']?[A-Za-z][A-Za-z0-9+.]*://`),
		"the DSN begins with the name of a variable: write only what follows the ="},
	{matches(`^(?i)jdbc:sqlite:`), "this is a JDBC URL: write sqlite:///app.db, or file:app.db"},
	{matches(`^(?i)jdbc:sqlserver:`), "this is a JDBC URL: write sqlserver://user:password@host?database=db"},
	{matches(`^(?i)jdbc:`), "this is a JDBC URL: write it without jdbc:, with user:password@ before the host, and " +
		"leave out JDBC's parameters: docs/from-hikaricp.md has ours"},
	{matches(`^(?i)sqlite3?:`), "a URL of SQLite has three slashes: write sqlite:///app.db, " +
		"sqlite:////absolute/app.db or file:app.db"},
	{matches(`^(?i)(mysql|mariadb|postgres|postgresql|pgx5?|sqlserver|mssql)[:;]?/`),
		"a URL has :// after its scheme: write postgres://user:password@host/db"},
	{matches(`@\w*\([^)]*$`), "the ( after the @ is not closed: write user:password@tcp(host:3306)/db"},
	{matches(`@\w*[\[{][^@]*[\]})]`), "the address of a MySQL server is written in parentheses: write " +
		"user:password@tcp(host:3306)/db"},
	{matches(`@\w*\([^)]*\)`), "a MySQL DSN has a / after the ): write user:password@tcp(host:3306)/db"},
	{matches(`@[^/@]+/`), "the DSN has no scheme: write mysql:// or postgres:// before it, or for MySQL " +
		"user:password@tcp(host:3306)/db"},
	{matches(`^[^/@=]+@[^/@=]+$`), "the DSN has neither a scheme nor a /: write mysql://user:password@host/db or " +
		"postgres://user:password@host/db"},
	{hasKey(adoSyntax, ";"), "PostgreSQL's keys are separated by spaces, not ;: write host=… user=… password=… dbname=…"},
	{hasKey(anyWordsSyntax, ""), "the keys of PostgreSQL's form are in lower case: write host=… user=… password=… " +
		"dbname=…"},
}

// diagnose says what is wrong with a DSN that has no form. Nothing of the DSN is shown.
func diagnose(dsn string) error {
	for _, m := range mistakes {
		if m.is(dsn) {
			return fmt.Errorf("pooled: %s", m.write)
		}
	}
	return errNoForm
}

// matches compiles the expression when it is needed, which is seldom.
func matches(expression string) func(string) bool {
	return func(dsn string) bool { return regexp.MustCompile(expression).MatchString(dsn) }
}

// isBroken reports a DSN that has a form, but that its driver would refuse or misread.
func (f Form) isBroken() bool {
	return f.family == mysqlFamily && isInQuotes(f.layout.dsn) || f.syntax == odbcSyntax && isOpenODBC(f.layout.dsn)
}

func isOpenODBC(dsn string) bool {
	_, ok := scanODBC(dsn)
	return strings.HasPrefix(dsn, "odbc:") && !ok
}

func isInQuotes(dsn string) bool {
	return len(dsn) > 1 && strings.ContainsRune("\"'`", rune(dsn[0])) && dsn[0] == dsn[len(dsn)-1]
}

// hasKey reports a DSN with a separator that is read by a syntax, and has a key of PostgreSQL's in any case.
func hasKey(s *syntax, separator string) func(string) bool {
	return func(dsn string) bool {
		l, ok := s.scan(dsn)
		return ok && strings.Contains(dsn, separator) && slices.ContainsFunc(l.params, func(p param) bool {
			return strings.Contains(dsn[p.start:p.end], "=") && slices.Contains(kvKeys, strings.ToLower(p.key))
		})
	}
}
