package pooled

// TouchesSession is touchesSession.
func TouchesSession(d DialectKind, query string) bool { return touchesSession(d, query) }

// MySQLLacks is mysqlLacks.
func MySQLLacks(err error, variable string) bool { return mysqlLacks(err, variable) }

// SessionWords are the words that no clean text has.
func SessionWords() map[DialectKind][]string {
	words := map[DialectKind][]string{}
	for d, set := range map[DialectKind]*sessionWords{
		dialectUnknown: &anySessionWords, dialectMySQL: &mysqlSessionWords, dialectPostgres: &postgresSessionWords,
		dialectSQLite: &sqliteSessionWords, dialectSQLServer: &batchSessionWords,
	} {
		for _, bucket := range set.byPivot {
			for _, w := range bucket {
				if w.check == nil {
					words[d] = append(words[d], w.word)
				}
			}
		}
	}
	return words
}
