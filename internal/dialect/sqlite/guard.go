package sqlite

import (
	"database/sql/driver"
	"fmt"
	"runtime"
	"strings"

	"github.com/pooled-go/pooled/internal/sqltext"
)

// veto is a check to make before a statement is sent, or nil.
//
// On a connection that has its main database in memdb, SQLite looks for every file in memdb: VACUUM INTO
// 'backup.db' succeeds, and there is no backup; ATTACH 'orders.db' succeeds, and there are no orders. A program
// that only changed its driver's name must not lose data that way, so it refuses both, unless the statement says
// which file system it means.
//
// args may be nil, as they are when a statement is prepared.
func veto(connector driver.Connector) func(query string, args []driver.NamedValue) error {
	if c, ok := connector.(*memoryConnector); ok && c.guarded {
		return checkQuery
	}
	return nil
}

func checkQuery(query string, args []driver.NamedValue) error {
	if !sqltext.ContainsFold(query, "attach") && !sqltext.ContainsFold(query, "vacuum") {
		return nil
	}
	statements := lexis.Statements(query)
	for statements.Next() {
		if err := checkStatement(strings.ToLower(string(statements.Word)), statements.Rest, args); err != nil {
			return err
		}
	}
	return nil
}

func checkStatement(word, rest string, args []driver.NamedValue) error {
	var target string
	var names bool
	switch word {
	case "attach":
		target, names = skipKeyword(rest, "database"), true
	case "vacuum":
		target, names = vacuumTarget(rest)
		word = "vacuum into"
	}
	if !names || namesFileSystem(target, args) {
		return nil
	}
	vfs := "unix"
	if runtime.GOOS == "windows" {
		vfs = "win32"
	}
	return fmt.Errorf("pooled: %s: the file would be in memory too, as this database is: "+
		"write 'file:path?vfs=%s', or open the database with pool_class=static", word, vfs)
}

// vacuumTarget is what stands behind the INTO of VACUUM [schema] INTO file.
func vacuumTarget(rest string) (target string, ok bool) {
	target = skipKeyword(rest, "into")
	if target != rest {
		return target, true
	}
	at := lexis.SkipSpace(rest, 0)
	if at == sqltext.Ambiguous || at == len(rest) {
		return "", false
	}
	if lexis.OpensQuote(rest[at]) {
		at = lexis.SkipQuoted(rest, at)
	} else {
		for at < len(rest) && sqltext.IsWord(rest[at]) {
			at++
		}
	}
	if at == sqltext.Ambiguous {
		return "", false
	}
	rest = rest[at:]
	target = skipKeyword(rest, "into")
	return target, target != rest
}

// skipKeyword returns the text behind the word it begins with, or all of it.
func skipKeyword(text, word string) string {
	at := lexis.SkipSpace(text, 0)
	if at == sqltext.Ambiguous {
		return text
	}
	if found, end := sqltext.KeywordAt(text, at); found.Is(word) {
		return text[end:]
	}
	return text
}

// namesFileSystem tells whether the name of a file, a string or an argument, is a URI that says in which file
// system it is, or means memory anyway.
func namesFileSystem(target string, args []driver.NamedValue) bool {
	at := lexis.SkipSpace(target, 0)
	if at == sqltext.Ambiguous {
		return false
	}
	if at < len(target) && (target[at] == '\'' || target[at] == '"') {
		end := lexis.SkipQuoted(target, at)
		return end != sqltext.Ambiguous && explicitName(target[at+1:end-1])
	}
	for _, arg := range args {
		if name, ok := arg.Value.(string); ok && explicitName(name) {
			return true
		}
	}
	return false
}

func explicitName(name string) bool {
	d := parseDSN(name)
	if !d.uri && strings.Contains(name, "?") {
		return false // SQLite knows no parameters but a URI's
	}
	return d.place() != onDisk || d.uri && lastParam(d.seen, "vfs") != ""
}
