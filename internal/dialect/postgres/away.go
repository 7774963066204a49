package postgres

import "strings"

// away: 57P01 to 57P03 are the shutdowns, and that a server starts or recovers; class 08 is connection exceptions.
// Poolers say most of what they have to say under a state that stands for something else.
func away(err error) bool {
	state := sqlState(err)
	switch {
	case state == "57P01", state == "57P02", state == "57P03":
		return true
	case state == "08P01":
		return poolerAway(err.Error())
	case state == "XX000":
		return pgpoolAway(err.Error())
	}
	return strings.HasPrefix(state, "08")
}

// poolerAway tells PgBouncer's texts of an outage from those about the client, such as its password, its parameters or
// its number. PgBouncer remembers why it could not log in, and tells the next clients.
func poolerAway(text string) bool {
	if strings.Contains(text, "server login has been failing") {
		return !containsAny(text, "authentication failed", "does not exist", "no pg_hba.conf entry",
			"not permitted to log in", "permission denied", "server refused SSL", "TLS",
			"too many", "connection slots are reserved")
	}
	return containsAny(text,
		"pgbouncer cannot connect to server", // in older versions
		"the database system is ",
		"query_wait_timeout", "client_login_timeout (server down)", "suspend_timeout",
		"server shutting down", "pooler is shutting down") // both are PgBouncer
}

// pgpoolAway tells what Pgpool-II says while it has no server.
func pgpoolAway(text string) bool {
	return containsAny(text, "all backend nodes are down", "pgpool is not accepting any new connections",
		"failed to create a backend", "unable to connect to backend")
}

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
