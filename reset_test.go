package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// mockConnector makes sqlmock's driver a Connector.
type mockConnector struct {
	dsn    string
	driver driver.Driver
}

func (c mockConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c mockConnector) Driver() driver.Driver                        { return c.driver }

// mocked is a pool before sqlmock, which fails on any statement that is not
// expected, or not in this order.
func mocked(t *testing.T, dialect string, set ...func(*pooled.Config)) (*sql.DB, sqlmock.Sqlmock) {
	t.Helper()
	bare, mock, err := sqlmock.NewWithDSN(t.Name(), sqlmock.QueryMatcherOption(sqlmock.QueryMatcherEqual))
	if err != nil {
		t.Fatal(err)
	}
	db, _ := open(t, mockConnector{t.Name(), bare.Driver()}, append(set, speaks(dialect))...)
	t.Cleanup(func() {
		mock.ExpectClose()
		mock.ExpectClose()
		db.Close()
		bare.Close()
		if err := mock.ExpectationsWereMet(); err != nil {
			t.Error(err)
		}
	})
	return db, mock
}

func expectAutocommit(mock sqlmock.Sqlmock, dialect string, value any) {
	switch dialect {
	case "mysql":
		expectGreeting(mock, value, "NO_CHAIN")
	case "sqlserver":
		mock.ExpectQuery("SELECT CASE WHEN @@OPTIONS & 2 = 2 THEN 0 ELSE 1 END").
			WillReturnRows(sqlmock.NewRows([]string{"a"}).AddRow(value))
	}
}

// mysqlGreeting is what a new MySQL session is asked.
const mysqlGreeting = "SELECT @@autocommit, @@completion_type, @@wait_timeout, CONNECTION_ID(), " +
	"@@read_only, @@innodb_read_only"

func expectGreeting(mock sqlmock.Sqlmock, autocommit, completion any) {
	rows := sqlmock.NewRows([]string{"a", "b", "c", "d", "e", "f"}).AddRow(autocommit, completion, 28800, 7, 0, 0)
	mock.ExpectQuery(mysqlGreeting).WillReturnRows(rows)
}

// Exactly these statements, in this order, for every server and mode.
func TestResetOnReturnStatements(t *testing.T) {
	for dialect, statements := range map[string][2]string{
		"postgres":  {"ROLLBACK", "COMMIT"},
		"mysql":     {"ROLLBACK", "COMMIT"},
		"sqlite":    {"ROLLBACK", "COMMIT"},
		"sqlserver": {"IF @@TRANCOUNT > 0 ROLLBACK", "IF @@TRANCOUNT > 0 COMMIT"},
		"other":     {"ROLLBACK", "COMMIT"},
	} {
		for mode, statement := range map[pooled.ResetMode]string{
			pooled.ResetRollback: statements[0], pooled.ResetCommit: statements[1], pooled.ResetNone: "",
		} {
			t.Run(dialect+"/"+string(mode), func(t *testing.T) {
				db, mock := mocked(t, dialect, resetMode(mode))
				if mode != pooled.ResetNone {
					expectAutocommit(mock, dialect, int64(1))
				}
				ok := sqlmock.NewResult(0, 1)

				// Nothing is left behind, so nothing is sent.
				mock.ExpectExec("UPDATE t").WillReturnResult(ok)
				pooledtest.MustExec(t, db, "UPDATE t")

				// A transaction that has ended leaves nothing either.
				mock.ExpectBegin()
				mock.ExpectExec("UPDATE t").WillReturnResult(ok)
				mock.ExpectCommit()
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				pooledtest.MustExec(t, tx, "UPDATE t")
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}

				// A forgotten one does.
				begin := "BEGIN"
				if dialect == "sqlserver" {
					begin = "BEGIN TRAN"
				}
				mock.ExpectExec(begin).WillReturnResult(ok)
				if statement != "" {
					mock.ExpectExec(statement).WillReturnResult(ok)
				}
				pooledtest.MustExec(t, db, begin)
			})
		}
	}
}

// Autocommit off makes every statement open a transaction, whoever turned it
// off, and for later callers too.
func TestAutocommitOff(t *testing.T) {
	for _, dialect := range []string{"mysql", "sqlserver"} {
		for _, value := range []any{int64(0), []byte("0"), "OFF"} {
			t.Run(dialect, func(t *testing.T) {
				db, mock := mocked(t, dialect)
				expectAutocommit(mock, dialect, value)
				rollback := "ROLLBACK AND NO CHAIN NO RELEASE"
				if dialect == "sqlserver" {
					rollback = "IF @@TRANCOUNT > 0 ROLLBACK"
				}
				for range 2 {
					mock.ExpectQuery("SELECT 1").WillReturnRows(sqlmock.NewRows([]string{"1"}).AddRow(1))
					mock.ExpectExec(rollback).WillReturnResult(sqlmock.NewResult(0, 0))
					var n int
					if err := db.QueryRow("SELECT 1").Scan(&n); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

func TestSetAutocommitIsRememberedForLaterBorrowers(t *testing.T) {
	db, mock := mocked(t, "mysql")
	expectAutocommit(mock, "mysql", int64(1))
	ok := sqlmock.NewResult(0, 0)
	const rollback = "ROLLBACK AND NO CHAIN NO RELEASE"
	for _, statement := range []string{"SET autocommit=0", rollback, "UPDATE t", rollback, "UPDATE t", rollback} {
		mock.ExpectExec(statement).WillReturnResult(ok)
	}
	pooledtest.MustExec(t, db, "SET autocommit=0")
	pooledtest.MustExec(t, db, "UPDATE t")
	pooledtest.MustExec(t, db, "UPDATE t")
}

// A Commit or Rollback that fails, or a BeginTx, leaves who knows what.
func TestResetAfterAFailedTransaction(t *testing.T) {
	failed := errors.New("deferred constraint")
	for _, stage := range []string{pooledtest.StageBegin, pooledtest.StageCommit, pooledtest.StageRollback} {
		t.Run(stage, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			fake.On(stage, pooledtest.Fail(failed).Times(1))
			db, _ := open(t, fake)
			tx, err := db.Begin()
			switch stage {
			case pooledtest.StageCommit:
				err = tx.Commit()
			case pooledtest.StageRollback:
				err = tx.Rollback()
			}
			if !errors.Is(err, failed) {
				t.Errorf("have %v, want %v", err, failed)
			}
			if log := fake.Log(); log[len(log)-1] != "c1 exec ROLLBACK" {
				t.Errorf("have %q, want a ROLLBACK at the end", log)
			}
		})
	}
}

// Two texts of one length are two texts.
func TestEveryTextIsJudgedByItself(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, speaks("postgres"))
	pooledtest.MustExec(t, db, "UPDATE t")
	pooledtest.MustExec(t, db, "BEGIN   ")
	if fake.InTx(1) {
		t.Error("the transaction is still open")
	}
}

// The driver's connection does not survive the reset, and nobody gets it.
func TestConnectionThatDiesInTheReset(t *testing.T) {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageIsValid, pooledtest.Fail(errors.New("gone")).Skip(1).Times(1))
	db, pool := open(t, fake)
	pooledtest.MustExec(t, db, "BEGIN")
	if s := pool.Stats(); s.Open() != 0 {
		t.Errorf("have %+v, want it discarded", s)
	}
}

// A failed reset discards: PgBouncer ignores it, and hands the transaction on.
func TestFailedResetDiscards(t *testing.T) {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageExec, pooledtest.Fail(errors.New("no")).Match("ROLLBACK"))
	db, pool := open(t, fake)
	pooledtest.MustExec(t, db, "BEGIN")
	conn, n := grab(t, db)
	pooledtest.Give(t, conn)
	if s := pool.Stats(); n != 2 || s.Open() != 1 {
		t.Errorf("have connection %d and %+v, want a new one", n, s)
	}
}

func TestResetHasItsOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageExec, pooledtest.Hang().Match("ROLLBACK"))
		db, pool := open(t, fake, size(1, 0), func(c *pooled.Config) { c.ResetTimeout = 3 * time.Second })
		defer db.Close()
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := db.ExecContext(ctx, "UPDATE"); err != nil {
			t.Fatal(err)
		}
		conn, err := db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		pooledtest.MustExec(t, conn, "BEGIN")
		cancel() // the context of its user has nothing to do with it
		began := time.Now()
		conn.Close()
		if waited := time.Since(began); waited != 3*time.Second {
			t.Errorf("waited %v, want pool_reset_timeout", waited)
		}
		synctest.Wait()
		if s := pool.Stats(); s.Open() != 0 {
			t.Errorf("have %+v, want it discarded", s)
		}
	})
}

// A driver without ExecerContext is reset through what it has.
func TestResetThroughEveryKindOfParent(t *testing.T) {
	for _, profile := range pooledtest.Profiles {
		t.Run(profile.Name, func(t *testing.T) {
			fake := pooledtest.NewFake(t, pooledtest.With(profile), func(f *pooledtest.Fake) { f.RefuseDirty = true })
			db, pool := open(t, fake)
			pooledtest.MustExec(t, db, "BEGIN")
			if fake.InTx(1) {
				t.Error("the transaction is still open")
			}
			if s := pool.Stats(); s.Opened != 1 || s.Idle != 1 {
				t.Errorf("have %+v, want the same connection back", s)
			}
		})
	}
}

// A checkout whose statements need no reset costs no round trip.
func TestNoResetWithoutNeed(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, speaks("postgres"))
	for range 3 {
		pooledtest.MustExec(t, db, "INSERT INTO t VALUES (1)")
	}
	stmt, err := db.Prepare("SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := stmt.Query()
	if err != nil {
		t.Fatal(err)
	}
	rows.Close()
	stmt.Close()
	log := slices.DeleteFunc(fake.Log(), func(s string) bool {
		return s == "c1 resetSession" || strings.Contains(s, "pg_is_in_recovery")
	})
	probe := "c1 query SELECT setting FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'"
	insert := "c1 exec INSERT INTO t VALUES (1)"
	want := []string{"c1 connect", probe, insert, insert, insert, "c1 prepare SELECT 1", "c1 stmt query SELECT 1"}
	if !slices.Equal(log, want) {
		t.Errorf("have %q\nwant %q", log, want)
	}
}
