// Package sqlcshop is what sqlc made of query.sql, by sqlc.yaml, for the tests of
// docs/orms.md. This file alone is ours.
package sqlcshop
