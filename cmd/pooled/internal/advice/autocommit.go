package advice

import (
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled"
)

// AutocommitChange is what to do about autocommit that is off.
const AutocommitChange = "remove autocommit=0 from the DSN, or from init_connect in the server's configuration; " +
	"begin transactions with db.BeginTx"

// AutocommitText is what is wrong with autocommit that is off.
func AutocommitText(mode pooled.ResetMode) string {
	return fmt.Sprintf("autocommit is off: every statement opens a transaction, and one that its caller does not end is "+
		"left to pool_reset_on_return=%s", mode)
}

// TurnsAutocommitOff reports a DSN of go-sql-driver's that does. The driver sends its unknown parameters as SET name =
// value, so they are written as the server reads them.
func TurnsAutocommitOff(cfg pooled.Config) bool {
	if cfg.Driver != "mysql" {
		return false
	}
	parsed, err := mysql.ParseDSN(cfg.DSN)
	if err != nil {
		return false
	}
	for name, value := range parsed.Params {
		name = strings.ToLower(strings.ReplaceAll(name, "`", ""))
		for _, scope := range []string{"@@", "session.", "local."} {
			name = strings.TrimPrefix(name, scope)
		}
		if strings.TrimSpace(name) == "autocommit" && isOff(value) {
			return true
		}
	}
	return false
}

// isOff reports a value that the server takes for off: a word, quoted or not, or a zero that is not quoted.
func isOff(value string) bool {
	value = strings.ToLower(strings.TrimSpace(value))
	if word := strings.Trim(value, "'\""); word == "off" || word == "false" && word == value {
		return true
	}
	return value != "" && strings.Trim(value, "0") == ""
}
