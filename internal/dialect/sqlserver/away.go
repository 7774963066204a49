package sqlserver

import "errors"

// away: 6005 and 17142 are a server that shuts down or is paused, 18401 one that is being upgraded, 983 and 4221 a
// database of an availability group that changes its role or comes up; 40143, 40197, 40540 and 40613 say in Azure that
// the database is about to move, or moves. go-mssqldb's errors tell their number.
func away(err error) bool {
	var e interface{ SQLErrorNumber() int32 }
	if !errors.As(err, &e) {
		return false
	}
	switch e.SQLErrorNumber() {
	case 983, 4221, 6005, 17142, 18401, 40143, 40197, 40540, 40613:
		return true
	}
	return false
}
