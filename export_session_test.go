package pooled

// MySQLLacks is mysqlLacks.
func MySQLLacks(err error, variable string) bool { return mysqlLacks(err, variable) }
