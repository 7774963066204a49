package integration

import (
	"database/sql"
	"regexp"
	"testing"
)

// What docs/troubleshooting.md has of lib/pq behind a PgBouncer in transaction mode: it prepares on one server, and
// executes on another, where there is no statement, or another client's.
func TestPgBouncerTroubles(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	b.withoutPrepared(t)
	for message, leave := range map[string]func(*testing.T, *sql.DB){
		`unnamed prepared statement does not exist`: func(*testing.T, *sql.DB) {},
		`bind message supplies … parameters`: func(t *testing.T, other *sql.DB) {
			for range 2 { // on each server
				checkInt(t, "of another client", queryInt(t, other, "SELECT $1::int + $2::int", 1, 2), 3)
			}
		},
	} {
		b.renew(t)
		db := b.open(t, "pool_max_conns=1")
		mustExec(t, db, "SELECT 1") // so that PgBouncer has no settings to send later, which would clear the session
		leave(t, b.open(t, oneOnly))
		_, err := db.Exec("SELECT $1::int", 1)
		checkTrouble(t, err, message)
	}
}

// checkTrouble compares an error with a text of the page, where … stands for what differs.
func checkTrouble(t *testing.T, err error, message string) {
	t.Helper()
	pattern := regexp.MustCompile("…").ReplaceAllString(regexp.QuoteMeta(message), ".*")
	if err == nil || !regexp.MustCompile(pattern).MatchString(err.Error()) {
		t.Errorf("have %v, want %s", err, message)
	}
}
