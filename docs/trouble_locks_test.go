package docs_test

import (
	"database/sql"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Errors of transactions that get in each other's way.
var lockTroubles = troubles{
	`deadlock detected`: func(t *testing.T) error {
		return deadlock(t, pooledtest.OpenDB(t, "pooled", pooledtest.Postgres(t)), "SET LOCAL deadlock_timeout = 1")
	},
	`Deadlock found when trying to get lock`: func(t *testing.T) error {
		return deadlock(t, pooledtest.OpenDB(t, "pooled", pooledtest.MySQL(t)))
	},
	`canceling statement due to lock timeout`: func(t *testing.T) error {
		return waitForLock(t, pooledtest.OpenDB(t, "pooled", pooledtest.Postgres(t)), "SET LOCAL lock_timeout = 1")
	},
	`Lock wait timeout exceeded`: func(t *testing.T) error {
		return waitForLock(t, pooledtest.OpenDB(t, "pooled", pooledtest.MySQL(t)), "SET innodb_lock_wait_timeout = 0")
	},
	`could not serialize access`: func(t *testing.T) error {
		db := pooledtest.OpenDB(t, "pooled", pooledtest.Postgres(t))
		makeTroubleRows(t, db)
		tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		pooledtest.MustExec(t, tx, "SELECT * FROM trouble") // what it sees from now on
		pooledtest.MustExec(t, db, lockRow+"1")
		_, err = tx.Exec(lockRow + "1")
		return err
	},
}

const lockRow = "UPDATE trouble SET n = n + 1 WHERE id = "

func makeTroubleRows(t *testing.T, db *sql.DB) {
	t.Helper()
	pooledtest.MustExec(t, db, "DROP TABLE IF EXISTS trouble")
	pooledtest.MustExec(t, db, "CREATE TABLE trouble (id int PRIMARY KEY, n int)")
	t.Cleanup(func() { pooledtest.MustExec(t, db, "DROP TABLE trouble") })
	pooledtest.MustExec(t, db, "INSERT INTO trouble VALUES (1, 0), (2, 0)")
}

// waitForLock is the error of a transaction that wants a row which another one has locked.
func waitForLock(t *testing.T, db *sql.DB, limit string) error {
	t.Helper()
	makeTroubleRows(t, db)
	one, two := begin(t, db), begin(t, db)
	defer one.Rollback()
	defer two.Rollback()
	pooledtest.MustExec(t, one, lockRow+"1")
	pooledtest.MustExec(t, two, limit)
	_, err := two.Exec(lockRow + "1")
	return err
}

// deadlock is the error of one of two transactions that wait for each other.
func deadlock(t *testing.T, db *sql.DB, first ...string) error {
	t.Helper()
	makeTroubleRows(t, db)
	one, two := begin(t, db), begin(t, db)
	for _, tx := range []*sql.Tx{one, two} {
		for _, s := range first {
			pooledtest.MustExec(t, tx, s)
		}
	}
	pooledtest.MustExec(t, one, lockRow+"1")
	pooledtest.MustExec(t, two, lockRow+"2")
	other := make(chan error)
	go func() { _, err := one.Exec(lockRow + "2"); one.Rollback(); other <- err }()
	_, err := two.Exec(lockRow + "1")
	two.Rollback()
	if otherErr := <-other; err == nil {
		err = otherErr
	}
	return err
}
