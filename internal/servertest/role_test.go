//go:build linux

package servertest_test

import (
	"database/sql/driver"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dialect"
	mysqldialect "github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
	"github.com/pooled-go/pooled/internal/serverconn"
)

// roleSession is one connection as a pool has it, whose server is asked for its role.
type roleSession struct {
	*serverconn.Conn
	t    *testing.T
	d    *dialect.Dialect
	born dialect.Facts // what the server said to the new session
}

// newRoleSession opens a connection and asks what a pool asks that wants to know the role.
func newRoleSession(t *testing.T, d *dialect.Dialect, opener driver.Driver, dsn string) roleSession {
	t.Helper()
	connector, err := d.Connector(opener, dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := connector.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := roleSession{Conn: new(serverconn.Conn), t: t, d: d}
	s.Init(&serverconn.Shared{Dialect: d}, 1, conn, connector, nil)
	t.Cleanup(func() { s.Close() })
	if s.born, err = s.Prepare(t.Context(), dialect.Wants{Role: true}); err != nil {
		t.Fatal(err)
	}
	return s
}

// do runs statements of a program's.
func (s roleSession) do(queries ...string) roleSession {
	s.t.Helper()
	for _, query := range queries {
		if err := s.Exec(s.t.Context(), query); err != nil {
			s.t.Fatalf("%s: %v", query, err)
		}
	}
	return s
}

// refused runs a statement that the server refuses because of what must look like a demotion.
func (s roleSession) refused(query string) roleSession {
	s.t.Helper()
	if err := s.Exec(s.t.Context(), query); !s.d.ReadOnly(err) {
		s.t.Errorf("%s: have %v, want a refusal of writes", query, err)
	}
	return s
}

// wantRole asks for the role, and wants an answer.
func (s roleSession) wantRole(readOnly bool) roleSession {
	s.t.Helper()
	if have, err := s.AskRole(s.t.Context()); err != nil || have != readOnly {
		s.t.Errorf("read-only: have %t, %v, want %t", have, err, readOnly)
	}
	return s
}

// wantBorn wants what the server said to the new session.
func (s roleSession) wantBorn(readOnly bool) roleSession {
	s.t.Helper()
	if !s.born.RoleKnown || s.born.ReadOnly != readOnly {
		s.t.Errorf("born: have %+v, want read-only %t", s.born, readOnly)
	}
	return s
}

const roleInsert = "INSERT INTO role_t VALUES (1)"

// What the program or its DSN does to a session is no demotion; what an administrator does to the server, its database
// or the account is one.
func TestRoleOfPostgres(t *testing.T) {
	server := cluster.Postgres(t)
	open := func(options string) roleSession {
		t.Helper()
		return newRoleSession(t, postgres.Dialect, &pq.Driver{}, server.DSN()+options)
	}
	const on, off = "&default_transaction_read_only=on", "&default_transaction_read_only=off"
	plain := open("").do("CREATE TABLE role_t (a int)", roleInsert).wantBorn(false).wantRole(false)
	open(on).refused(roleInsert).wantBorn(false).wantRole(false)
	set := open("").do("SET default_transaction_read_only = on").refused(roleInsert).wantRole(false)
	open("").do("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").refused(roleInsert).wantRole(false)

	plain.do("BEGIN READ ONLY").wantRole(false).refused(roleInsert)
	if _, err := plain.AskRole(t.Context()); err == nil || postgres.Dialect.IsLost(err) {
		t.Errorf("in a transaction that has failed: have %v, want an error that ends nothing", err)
	}
	plain.do("ROLLBACK").wantRole(false).do(roleInsert)

	server.SetReadOnly(true)
	fresh := open("").wantBorn(true).refused(roleInsert).wantRole(true)
	open(off).do(roleInsert).wantRole(false)
	open(on).refused(roleInsert)
	fresh.do("SET default_transaction_read_only = off", roleInsert).wantRole(true)
	until := func(s roleSession, readOnly bool) { // the setting has reached a session that is idle
		t.Helper()
		var have bool
		var err error
		pooledtest.WaitUntil(t, func() bool {
			have, err = s.AskRole(t.Context())
			return err == nil && have == readOnly
		}, func() string { return fmt.Sprintf("have read-only %t, %v, want %t", have, err, readOnly) })
	}
	until(plain, true)
	plain.refused(roleInsert)
	until(set, true)
	server.SetReadOnly(false)
	until(plain, false)
	until(set, false)
	plain.do(roleInsert)

	for _, of := range []string{"ROLE pooled", "DATABASE pooled_test"} {
		pooledtest.MustExec(t, server.Admin(), "ALTER "+of+" SET default_transaction_read_only = on")
		open("").wantBorn(true).refused(roleInsert).wantRole(true)
		pooledtest.MustExec(t, server.Admin(), "BEGIN READ WRITE; ALTER "+of+" RESET default_transaction_read_only; COMMIT")
		open("").wantBorn(false).do(roleInsert)
	}
}

// A session of a standby stays when that becomes the primary.
func TestRoleOfStandby(t *testing.T) {
	primary := cluster.Postgres(t)
	newRoleSession(t, postgres.Dialect, &pq.Driver{}, primary.DSN()).do("CREATE TABLE role_t (a int)").wantRole(false)
	standby := primary.Standby()
	standby.CatchUp(primary)
	s := newRoleSession(t, postgres.Dialect, &pq.Driver{}, standby.DSN()).wantBorn(true).refused(roleInsert)
	s.do("BEGIN").wantRole(true).do("ROLLBACK")
	standby.Promote()
	s.wantRole(false).do(roleInsert)
}

// TestRoleOfMySQL: the same for MySQL and MariaDB, which tell their role inside of a transaction too.
func TestRoleOfMySQL(t *testing.T) {
	server := cluster.MySQL(t)
	open := func(options string) roleSession {
		t.Helper()
		return newRoleSession(t, mysqldialect.Dialect, &mysql.MySQLDriver{}, server.DSN()+options)
	}
	plain := open("").do("CREATE TABLE role_t (a int)", roleInsert).wantBorn(false).wantRole(false)
	plain.do("START TRANSACTION READ ONLY").refused(roleInsert).wantRole(false).do("ROLLBACK", roleInsert)
	open("").do("SET SESSION TRANSACTION READ ONLY").refused(roleInsert).wantRole(false)

	server.SetReadOnly(true)
	open("").wantBorn(true).refused(roleInsert).wantRole(true)
	plain.refused(roleInsert).wantRole(true).do("BEGIN").refused(roleInsert).wantRole(true).do("ROLLBACK")
	server.SetReadOnly(false)
	open("").wantBorn(false).do(roleInsert)
	plain.wantRole(false).do(roleInsert)
}
