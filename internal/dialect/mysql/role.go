package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect"
)

// refusesWrites: 1290 is ER_OPTION_PREVENTS_STATEMENT, of which the text names the option; 1792
// ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION; 1836 ER_READ_ONLY_MODE.
func refusesWrites(err error) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case 1290:
		return strings.Contains(e.Message, "--read-only") || strings.Contains(e.Message, "--super-read-only")
	case 1792, 1836:
		return true
	}
	return false
}

// role asks for the variables that probe asks for too.
func role(ctx context.Context, s dialect.Session) (bool, error) {
	told, err := ask(ctx, s, roleColumns)
	if err != nil {
		return false, err
	}
	is, known := roleOf(told)
	if !known {
		return false, dialect.ErrNoRole
	}
	return is, nil
}

// roleOf tells from what the server said whether it takes no writes. Newer MariaDB has more words than ON for that.
func roleOf(told answers) (is, known bool) {
	for _, column := range roleColumns {
		if value := told[column]; value != nil {
			known = true
			is = is || !slices.Contains([]string{"0", "OFF", "false"}, fmt.Sprint(value))
		}
	}
	return is, known
}
