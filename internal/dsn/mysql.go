package dsn

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// isMySQLWithSlashes reports user://password@net(address)/db, where the password begins with two slashes: no URL has a
// host like that.
func isMySQLWithSlashes(dsn, scheme string) bool {
	_, known := schemes[strings.ToLower(scheme)]
	at := strings.LastIndexByte(dsn, '@')
	return !known && at >= 0 && !strings.Contains(scheme, "+") && strings.Contains(dsn[at:], ")/") && fitsMySQL(dsn)
}

// mysqlDSN is a DSN taken apart as go-sql-driver does it: [user[:password]@][net[(addr)]]/dbname.
type mysqlDSN struct {
	hasSlash, hasUser, hasAddr bool
	user, network, address     string
}

func mysqlParts(dsn string) (d mysqlDSN) {
	slash := strings.LastIndexByte(dsn, '/')
	if slash < 0 {
		return d
	}
	d.hasSlash = true
	rest := dsn[:slash]
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		d.hasUser = true
		d.user, _, _ = strings.Cut(rest[:at], ":")
		rest = rest[at+1:]
	}
	d.network = rest
	network, address, ok := strings.Cut(rest, "(")
	if ok && strings.HasSuffix(rest, ")") && !strings.ContainsAny(network, "/?&=; ") {
		d.network, d.hasAddr, d.address = network, true, strings.TrimSuffix(address, ")")
	}
	return d
}

// addressed reports a user@net(addr)/, which is in no other form, whatever the user looks like.
func (d mysqlDSN) addressed() bool { return d.hasUser && d.hasAddr }

// fitsMySQL reports a DSN that go-sql-driver would read. White space, a ;, = or ? in the user's name are legal, but
// signs of another form. With an address behind the user only the = counts, which is in every key of another form: a
// password there may look like an address. Without an address, the net must be one that has a default.
func fitsMySQL(dsn string) bool {
	d := mysqlParts(dsn)
	switch {
	case !d.hasSlash:
		return false
	case d.hasAddr:
		return !strings.Contains(d.user, "=")
	}
	return !strings.ContainsAny(d.user, " \t\r\n=;?") && (d.network == "" || d.network == "tcp" || d.network == "unix")
}

// looksUnescaped reports MySQL's most common mistake, loc=Europe/Berlin: its driver looks for the last '/'.
func looksUnescaped(dsn string) bool {
	before, value, ok := strings.Cut(dsn, ")/")
	return ok && strings.Contains(before, "(") && strings.Contains(value, "?") && strings.Contains(value, "/")
}

func scanMySQL(dsn string) (layout, bool) {
	slash := strings.LastIndexByte(dsn, '/')
	q := strings.IndexByte(dsn[slash+1:], '?')
	if slash < 0 || q < 0 {
		return scanQuery(dsn, -1, len(dsn), nil), slash >= 0
	}
	return scanQuery(dsn, slash+1+q, len(dsn), func(k string) string { return k }), true
}

// notMySQLArgs are no parameters of MySQL's DSN. Its driver would send them as SET statements, and SET PASSWORD changes
// the password.
var notMySQLArgs = []string{"user", "username", "password", "passwd", "host", "port", "db", "database", "dbname",
	"unix_socket"}

// mysqlRaw are the parameters whose values go-sql-driver does not decode.
var mysqlRaw = []string{"allowAllFiles", "allowCleartextPasswords", "allowFallbackToPlaintext", "allowNativePasswords",
	"allowOldPasswords", "charset", "checkConnLiveness", "clientFoundRows", "collation", "columnsWithAlias", "compress",
	"interpolateParams", "maxAllowedPacket", "multiStatements", "parseTime", "readTimeout", "rejectReadOnly",
	"timeTruncate",
	"timeout", "writeTimeout"}

// mysqlLogin writes a user and a password into the DSN, in which they are no arguments.
func mysqlLogin(dsn, user, password string) (string, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "", Scrub(fmt.Errorf("BeforeConnect hook: mysql: %w", err), dsn)
	}
	if strings.Contains(user, ":") {
		return "", errors.New("pooled: BeforeConnect hook: a MySQL DSN cannot express a user with a colon")
	}
	if user != "" {
		cfg.User = user
	}
	if password != "" {
		cfg.Passwd = password
	}
	return cfg.FormatDSN(), nil
}
