package pooledtest

import (
	"database/sql"
	"sync"
	"testing"
)

// InsertAndCount has 8 goroutines insert 50 rows each, and count after each
// insert. It returns all errors and the final count.
func InsertAndCount(t testing.TB, db *sql.DB) (errs []error, rows int) {
	t.Helper()
	if _, err := db.Exec("CREATE TABLE visits (id INTEGER PRIMARY KEY, who INTEGER, n INTEGER)"); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	check := func(err error) {
		if err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	}
	var wg sync.WaitGroup
	for who := range 8 {
		wg.Go(func() {
			for n := range 50 {
				_, err := db.Exec("INSERT INTO visits (who, n) VALUES (?, ?)", who, n)
				check(err)
				var count int
				check(db.QueryRow("SELECT count(*) FROM visits").Scan(&count))
			}
		})
	}
	wg.Wait()
	check(db.QueryRow("SELECT count(*) FROM visits").Scan(&rows))
	return errs, rows
}
