// Package observe keeps and tells what happens: durations in histograms, and lists of
// functions that want to be told.
//
// It knows no pool and no connection. Everything may be used from several goroutines at
// once.
package observe
