//go:build linux

package cluster

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
)

// database is what the servers of both kinds have in common.
type database struct {
	process
	address string
	admin   *sql.DB
}

// Addr is the address that the server listens on, before and after each restart.
func (d *database) Addr() string { return d.address }

// Admin may do everything, by the bare driver. It keeps no connection open.
func (d *database) Admin() *sql.DB { return d.admin }

// openAdmin opens what Admin returns.
func openAdmin(tb testing.TB, driver, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxIdleConns(-1)
	tb.Cleanup(func() { db.Close() })
	return db
}

// exec runs a statement by Admin.
func (d *database) exec(format string, args ...any) {
	d.tb.Helper()
	query := fmt.Sprintf(format, args...)
	if _, err := d.admin.ExecContext(context.Background(), query); err != nil {
		d.tb.Fatalf("%s: %s: %v", d.name, query, err)
	}
}

// value is the only value of a query by Admin, as text.
func (d *database) value(query string) (value string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit/12)
	defer cancel()
	err = d.admin.QueryRowContext(ctx, query).Scan(&value)
	return value, err
}

// awaitValue polls until a query has this value.
func (d *database) awaitValue(query, want string) {
	d.tb.Helper()
	d.await(query+" gives "+want, func() error {
		have, err := d.value(query)
		if err == nil && have != want {
			err = fmt.Errorf("have %s", have)
		}
		return err
	})
}

// isFalse is an error unless that is what a query gives.
func (d *database) isFalse(ctx context.Context, query string) error {
	var is bool
	err := d.admin.QueryRowContext(ctx, query).Scan(&is)
	if err == nil && is {
		err = fmt.Errorf("%s is true", query)
	}
	return err
}
