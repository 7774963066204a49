// Package postgres is the dialect of PostgreSQL.
package postgres

import "github.com/pooled-go/pooled/internal/sqltext"

var lexis = sqltext.NewLexis(sqltext.Lexis{
	Quotes:         `'"`,
	Escapes:        "'", // by standard_conforming_strings, or an E before the quote
	DollarQuotes:   true,
	ReturnEndsLine: sqltext.Yes,
	NestedComments: sqltext.Yes,
	SecondBytes:    "\\`@[]^{|}~", // all but the first two let a $ behind the character open a quote
})

// rules are PostgreSQL's. There is no switch for autocommit.
var rules = &sqltext.Rules{
	Lexis:      lexis,
	MostEffect: sqltext.EffectTx,
	Effect:     effect,

	Session:      touchesSession,
	SessionWords: sessionWords,

	Repeats:     repeats,
	Prepares:    "merge",
	Unprepared:  namesMoment,
	Invalidates: invalidates,
}

// effect. Not on the list: BEGIN, START, SAVEPOINT; PREPARE for its PREPARE TRANSACTION; COMMIT, END, ROLLBACK and
// ABORT for their AND CHAIN. UPSERT is CockroachDB's. The code that CALL, DO and EXECUTE run can end transactions but
// not begin a block: the server refuses BEGIN there, and what a procedure's COMMIT starts ends with the statement.
func effect(word sqltext.Keyword, _ string) sqltext.Effect {
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "upsert", "delete", "merge", "with", "values", "table", "copy",
		"show", "explain", "set", "reset", "discard",
		"listen", "unlisten", "notify",
		"create", "alter", "drop", "truncate", "comment", "grant", "revoke", "reassign", "import", "security",
		"analyze", "analyse", "vacuum", "reindex", "cluster", "refresh", "checkpoint",
		"declare", "fetch", "move", "close", "deallocate", "lock", "load",
		"call", "do", "execute":
		return sqltext.EffectNone
	}
	return sqltext.EffectTx
}

// touchesSession. Not on the list: SET but for its kinds that end with the transaction, RESET, DISCARD, LISTEN,
// UNLISTEN, PREPARE, EXECUTE, DEALLOCATE, LOAD, DO, CALL. EXPLAIN ANALYZE does what the statement behind it does, and
// of those it can have the words tell the rest.
func touchesSession(word sqltext.Keyword, rest string) bool {
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "upsert", "delete", "merge", "with", "values", "table", "copy",
		"show", "explain", "notify", "fetch", "move", "close", "lock",
		"create", "alter", "drop", "truncate", "comment", "grant", "revoke", "reassign", "import", "security",
		"analyze", "analyse", "vacuum", "reindex", "cluster", "refresh", "checkpoint",
		"begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release":
		return false
	case "declare":
		return sqltext.ContainsFold(rest, "hold") // WITH HOLD, the cursors that outlive a transaction
	case "set":
		return !setsWithinTransaction(rest)
	}
	return true
}

// repeats. Not on the list: COPY, whose rows come from the program; what can run or commit other statements (CALL, DO,
// EXECUTE, EXPLAIN ANALYZE); what works in several transactions (VACUUM, REINDEX, CLUSTER, and what says CONCURRENTLY);
// what is about transactions, locks or the session.
func repeats(word sqltext.Keyword, rest string) bool {
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "select", "insert", "update", "upsert", "delete", "merge", "with", "values", "table", "truncate",
		"comment", "grant", "revoke", "reassign", "security":
		return true
	case "create", "alter", "drop", "refresh":
		return !sqltext.ContainsFold(rest, "concurrently")
	}
	return false
}

// setsWithinTransaction tells SET LOCAL, SET TRANSACTION and SET CONSTRAINTS, which end with the transaction and
// outside of one do nothing. None of these words is reserved: in SET local.x = 1 it is the first half of a setting's
// name.
func setsWithinTransaction(rest string) bool {
	at := lexis.SkipSpace(rest, 0)
	if at == sqltext.Ambiguous {
		return false
	}
	word, end := sqltext.KeywordAt(rest, at)
	var buf sqltext.Buffer
	switch string(word.Lower(&buf)) {
	case "local", "transaction", "constraints":
		at = lexis.SkipSpace(rest, end)
		return at != sqltext.Ambiguous && at < len(rest) && (sqltext.IsWord(rest[at]) || rest[at] == '"')
	}
	return false
}

// sessionWords: the functions of PostgreSQL itself and of the extensions that come with it. A function that runs a
// text could call any of them by a name that is put together at run time.
var sessionWords = sqltext.NewWords(
	sqltext.Word{Text: "set_config", Pivot: 7},
	sqltext.Word{Text: "pg_settings", Pivot: 2}, // an UPDATE of this view is a SET
	sqltext.Word{Text: "_advisory", Pivot: 3},
	sqltext.Word{Text: "setseed", Pivot: 5},
	sqltext.Word{Text: "nextval", Pivot: 4}, // currval and lastval
	sqltext.Word{Text: "setval", Pivot: 3},
	sqltext.Word{Text: "temp", Pivot: 3, Check: sqltext.Temporary},
	sqltext.Word{Text: "pg_temp", Pivot: 2},
	sqltext.Word{Text: "pg_backup_", Pivot: 2}, // a backup belongs to the session that began it
	sqltext.Word{Text: "pg_start_b", Pivot: 2}, // its names before PostgreSQL 15
	sqltext.Word{Text: "pg_stop_b", Pivot: 2},
	sqltext.Word{Text: "pg_create_", Pivot: 2}, // temporary replication slots
	sqltext.Word{Text: "pg_copy_", Pivot: 2},
	sqltext.Word{Text: "pg_logical", Pivot: 2},
	sqltext.Word{Text: "pg_replication_", Pivot: 2},
	sqltext.Word{Text: "lo_open", Pivot: 3},
	sqltext.Word{Text: "_to_xml", Pivot: 5}, // query_to_xml and its kin run a text
	sqltext.Word{Text: "ts_stat", Pivot: 3}, // so do these two
	sqltext.Word{Text: "ts_rewrite", Pivot: 6},
	sqltext.Word{Text: "dblink", Pivot: 1},      // dblink: connections with a name
	sqltext.Word{Text: "crosstab", Pivot: 3},    // tablefunc: runs a text
	sqltext.Word{Text: "connectby", Pivot: 6},   // tablefunc
	sqltext.Word{Text: "xpath_table", Pivot: 5}, // xml2: runs a text
	sqltext.Word{Text: "set_limit", Pivot: 4},   // pg_trgm: a setting
	sqltext.Word{Text: "isn_weak", Pivot: 4},    // isn: a setting
	sqltext.Word{Text: "sepgsql_setcon", Pivot: 3},

	// Names in U&"…" can be spelled by the numbers of their characters.
	sqltext.Word{Text: `u&"`, Pivot: 2},

	// In a database with a Turkish single-byte encoding this letter, İ, becomes the i of a name. Others of the kind
	// don't become letters of ASCII.
	sqltext.Word{Text: "\u0130", Pivot: 1},
)
