// Package servertest tests pooled on real servers, as a program uses it: through sql.Open and the public API. Most
// tests run the same program on the bare driver and compare.
//
// Its tests change settings of the servers and use up their connections, so make test runs the packages one by one.
// Without servers they are skipped, but for those on SQLite.
package servertest
