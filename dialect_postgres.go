package pooled

var postgresDialect = &dialect{
	kind:     dialectPostgres,
	rollback: "ROLLBACK",
	commit:   "COMMIT",
	tooMany:  func(err error) bool { return sqlState(err) == "53300" },
}
