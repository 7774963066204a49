// Package session keeps what the pool knows of the session behind a connection: by
// [State] what its statements may have left behind, by [Activity] what it is used for and
// by whom.
//
// It knows no driver and no pool. It sends nothing and decides nothing: it is told what
// goes by, and asked later. What it is told of with each statement allocates nothing.
package session
