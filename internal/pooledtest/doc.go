// Package pooledtest contains what the tests share: a stateful fake driver that enforces the contract of
// database/sql/driver, a conformance suite over it, real servers, and a TestMain that finds goroutines left behind.
package pooledtest
