package servertest_test

import (
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A connection that breaks while a statement is on its way. The bare lib/pq says
// ErrBadConn, and database/sql sends the statement again, to any server that answers.
// Through pooled it is sent once, and the error says what is not known.
func TestAStatementInFlightIsSentOnce(t *testing.T) {
	const statement = "SELECT pg_sleep(60) AS in_flight"
	var book pooledtest.LogBook
	logger := "in-flight-" + rand.Text() // a process may register a name once
	pooled.RegisterLogger(logger, slog.New(&book))
	for _, test := range []struct {
		driver string
		class  string
		once   bool
	}{
		{"postgres", "", false},
		{"pooled", "pool_class=queue", true},
		{"pooled", "pool_class=direct", true},
		{"pooled", "pool_logger=" + logger + "&echo=true", true}, // an interceptor is told the truth, too
	} {
		t.Run(test.driver+" "+test.class, func(t *testing.T) {
			proxy := pooledtest.NewProxy(t, onPostgres.plain(t))
			options := []string{}
			if test.class != "" {
				options = append(options, test.class)
			}
			db := openServer(t, test.driver, proxy.DSN(), options...)
			pooledtest.MustExec(t, db, "SELECT 1") // the statement comes on a connection that was used before
			sent := func() (n int) {
				for _, message := range proxy.Messages() {
					if strings.Contains(message, "in_flight") {
						n++
					}
				}
				return n
			}
			failed := make(chan error, 1)
			go func() {
				_, err := db.Exec(statement)
				failed <- err
			}()
			cut := 0
			pooledtest.WaitUntil(t, func() bool {
				if n := sent(); n > cut { // it has left; end what it is on
					cut = n
					proxy.CloseAll()
				}
				return len(failed) == 1
			}, func() string { return "the statement did not end" })
			err := <-failed
			if log := strings.Join(book.Take(), "\n"); strings.Contains(log, "driver: bad connection") {
				t.Errorf("the log says that it was not sent:\n%s", log)
			}
			if err == nil || errors.Is(err, driver.ErrBadConn) == test.once {
				t.Errorf("have %v", err)
			}
			if test.once && !errors.Is(err, pooled.ErrConnLost) && !strings.Contains(err.Error(), "reset by peer") {
				t.Errorf("have %v, want ErrConnLost, or what the socket said", err)
			}
			if n := sent(); (n == 1) != test.once {
				t.Errorf("sent %d times", n)
			}
			if test.once {
				pooledtest.MustExec(t, db, "SELECT 1")
			}
		})
	}
}

// A Commit that was sent and not answered may have been done: that is not "nothing was
// sent", and a program must not take it for that.
func TestACommitInFlight(t *testing.T) {
	admin := openServer(t, "postgres", onPostgres.dsn(t))
	table(t, admin, "commits", "a INT")
	pooledtest.MustExec(t, admin, "CREATE OR REPLACE FUNCTION commits_later() RETURNS trigger LANGUAGE plpgsql "+
		"AS 'BEGIN PERFORM pg_advisory_xact_lock(4720); RETURN NULL; END'")
	pooledtest.MustExec(t, admin, "CREATE CONSTRAINT TRIGGER later AFTER INSERT ON commits "+
		"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION commits_later()")
	holder, err := admin.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer pooledtest.Give(t, holder)
	pooledtest.MustExec(t, holder, "SELECT pg_advisory_lock(4720)") // for which the commit waits
	defer pooledtest.MustExec(t, holder, "SELECT pg_advisory_unlock(4720)")
	proxy := pooledtest.NewProxy(t, onPostgres.plain(t))
	db := openServer(t, "pooled", proxy.DSN())
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	pooledtest.MustExec(t, tx, "INSERT INTO commits VALUES (1)")
	failed := make(chan error, 1)
	go func() { failed <- tx.Commit() }()
	pooledtest.WaitUntil(t, func() bool {
		for _, message := range proxy.Messages() {
			if strings.Contains(strings.ToUpper(message), "COMMIT") && !strings.Contains(message, "commits") {
				return true
			}
		}
		return false
	}, func() string { return "no COMMIT was sent" })
	proxy.CloseAll()
	if err := <-failed; errors.Is(err, driver.ErrBadConn) || err == nil {
		t.Errorf("have %v, want an error that is not driver.ErrBadConn", err)
	}
}
