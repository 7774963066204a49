// Package migrations holds no code of its own: its tests run goose and golang-migrate over pooled.
package migrations
