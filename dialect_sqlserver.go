package pooled

// sqlserverDialect: IMPLICIT_TRANSACTIONS is SQL Server's word for autocommit
// off, bit 2 of @@OPTIONS; a server can have it on for every new session. Its
// driver resets the session by itself, in the first packet after ResetSession,
// which the pool calls at checkout.
var sqlserverDialect = &dialect{
	kind:       dialectSQLServer,
	rollback:   "IF @@TRANCOUNT > 0 ROLLBACK",
	commit:     "IF @@TRANCOUNT > 0 COMMIT",
	autocommit: "SELECT CASE WHEN @@OPTIONS & 2 = 2 THEN 0 ELSE 1 END",
	tooMany:    never,
}
