// Package bench measures pooled beside bare database/sql, other wrappers and
// other pools, of which two are in other languages (peers), also while the server
// is away, and writes the pages and charts in docs/benchmarks:
//
//	make bench                     everything, from the repository's root
//	make -C bench outages          crashes and failovers, half an hour
//	make -C bench quick            a minute, to see that it works
//	go -C bench test -bench Null   only what needs no server
//
// What is compared runs in turns, A B, B A, A B …, so that whatever else the
// machine does meets all of them alike. A figure is the median of the runs; a
// ratio or a difference is taken within each pair, and its median and range
// over the pairs are given.
//
// It is a module of its own so that the peers it compares with stay out of the
// library's go.mod.
package bench
