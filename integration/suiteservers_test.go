package integration

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
)

// mysqlSuiteEnv is the environment in which go-sql-driver's tests find the
// server, and a database of their own on it.
func mysqlSuiteEnv(t *testing.T, dsn string) []string {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	const name = "pooled_suite"
	db := openBare(t, "mysql", dsn)
	mustExec(t, db, "CREATE DATABASE "+name)
	t.Cleanup(func() { mustExec(t, db, "DROP DATABASE "+name) })
	return []string{
		"MYSQL_TEST_USER=" + cfg.User, "MYSQL_TEST_PASS=" + cfg.Passwd,
		"MYSQL_TEST_PROT=" + cfg.Net, "MYSQL_TEST_ADDR=" + cfg.Addr,
		"MYSQL_TEST_DBNAME=" + name,
	}
}

// lib/pq's tests have these names in their source: a superuser with a database
// of its own, and users who log in with a password.
const (
	pqSuiteName  = "pqgo"
	pqSuiteUsers = "pqgopassword pqgoscram pqgomd5"
)

// pqSuiteEnv is the environment in which lib/pq's tests find the server. It
// makes what they need there and leaves nothing behind.
func pqSuiteEnv(t *testing.T, dsn string) []string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	db := openBare(t, "postgres", dsn)
	createRole(t, db, pqSuiteName, "SUPERUSER", password)
	for _, user := range strings.Fields(pqSuiteUsers) {
		createRole(t, db, user, "", "wordpass")
	}
	mustExec(t, db, "CREATE DATABASE "+pqSuiteName+" OWNER "+pqSuiteName)
	t.Cleanup(func() { mustExec(t, db, "DROP DATABASE "+pqSuiteName+" WITH (FORCE)") })

	host := u.Hostname()
	if host == "127.0.0.1" {
		host = "localhost" // some tests expect it by this name
	}
	env := []string{"PGHOST=" + host, "PGPORT=" + u.Port()}
	if password != "" {
		env = append(env, "PGPASSWORD="+password)
	}
	return env
}

// createRole makes a role for the time of the test.
func createRole(t *testing.T, db *sql.DB, name, options, password string) {
	t.Helper()
	create := "CREATE ROLE " + name + " LOGIN " + options
	if password != "" {
		create += " PASSWORD " + pq.QuoteLiteral(password)
	}
	mustExec(t, db, create)
	t.Cleanup(func() { mustExec(t, db, "DROP ROLE "+name) })
}
