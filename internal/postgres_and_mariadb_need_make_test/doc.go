// Package postgres_and_mariadb_need_make_test tests that the servers which
// scripts/with-servers starts are what the other packages' tests build on.
//
// Its name is a message. go test with package arguments hides all that a
// passing package prints, but it does report a package that ran no test. So
// without servers go test ./... says, in one line and whatever its flags,
//
//	ok  	…/internal/postgres_and_mariadb_need_make_test	0.01s [no tests to run]
package postgres_and_mariadb_need_make_test
