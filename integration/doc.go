// Package integration holds no code of its own: its tests run pooled under the
// programs that use it most, and under the test suites of the drivers it wraps.
//
// It is a module of its own so that their dependencies stay out of the
// library's go.mod.
package integration
