// Package session keeps what the pool knows about a connection's session: [State] is what its statements may have left
// behind, [Activity] is who uses it and for what.
//
// It knows no driver and no pool. It sends nothing and decides nothing: it is told what
// goes by, and asked later. What it is told of with each statement allocates nothing.
package session
