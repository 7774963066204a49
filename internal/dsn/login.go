package dsn

import (
	"errors"
	"strings"
)

// checkLogin refuses user:password@host1,user:password@host2, as other libraries take it. The driver would take all
// before the last @ for the user and the password. A password may hold an @, but hardly the user and itself behind it.
func (f Form) checkLogin(dsn string) error {
	_, before, isURL := cutScheme(dsn)
	switch {
	case f.family == otherFamily, f.family == sqliteFamily, f.syntax.sep != "&":
		return nil
	case isURL && f.syntax != mysqlSyntax:
		if end := strings.IndexAny(before, "/?#"); end >= 0 {
			before = before[:end]
		}
	default:
		isURL, before = false, dsn[:max(0, strings.LastIndexByte(dsn, '/'))]
	}
	login, behind, _ := strings.Cut(before, "@")
	switch {
	case login == "" || !strings.Contains(behind, ","+login+"@"):
		return nil
	case isURL:
		return errors.New("pooled: " + writeLoginOnce + "write %40 for @")
	}
	return errors.New("pooled: " + writeLoginOnce + "write a mysql:// URL with %40 for @")
}

const writeLoginOnce = "host: the user and the password stand before each host: write them once, before the first; " +
	"if they are part of the password, "
