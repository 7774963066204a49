package sqltext

import "fmt"

func (e Effect) String() string {
	if names := []string{"none", "tx", "any"}; int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("effect(%d)", uint8(e))
}

func (u Unsettling) String() string {
	return [...]string{"no", "for now", "for good", "for all"}[u]
}

// SessionWords are the words that no clean text has.
func SessionWords() map[Kind][]string {
	words := map[Kind][]string{}
	for d, set := range map[Kind]*sessionWords{
		Unknown: &anySessionWords, MySQL: &mysqlSessionWords, Postgres: &postgresSessionWords,
		SQLite: &sqliteSessionWords, SQLServer: &batchSessionWords,
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
