//go:build !unix

package docs_test

import "testing"

// Windows words these in its own way.
var systemTroubles = troubles{
	`connection refused`:       elsewhere,
	`no route to host`:         elsewhere,
	`connection reset by peer`: elsewhere,
	`broken pipe`:              elsewhere,
	`too many open files`:      elsewhere,
}

func elsewhere(t *testing.T) error {
	t.Skip("this system has another text for it")
	return nil
}
