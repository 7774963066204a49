package sqltext

import (
	"slices"
	"strings"
)

// The words by which a statement that looks harmless reaches the session, for
// TouchesSession.

// sessionWord is such a word, in lower case. The pivot is the place in it of a
// byte that is rare behind the one before, as in forbidden. check looks closer
// at the word found from at to end; without one it is enough that the word
// stands anywhere, in a longer name too.
type sessionWord struct {
	word  string
	pivot int
	check func(d Kind, q string, at, end int) bool
}

// sessionWords is a set of them behind the same sieve as a wordSet.
type sessionWords struct {
	pairs   [32]uint32
	byPivot [32][]sessionWord // by the low five bits of the pivot's byte
}

func newSessionWords(words ...sessionWord) sessionWords {
	var s sessionWords
	for _, w := range words {
		last := w.word[w.pivot] & 31
		s.pairs[last] |= 1 << (w.word[w.pivot-1] & 31)
		s.byPivot[last] = append(s.byPivot[last], w)
	}
	return s
}

// and returns the set with the words of others added.
func (s sessionWords) and(others ...*sessionWords) sessionWords {
	for i := range s.pairs {
		s.byPivot[i] = slices.Clone(s.byPivot[i])
		for _, other := range others {
			s.pairs[i] |= other.pairs[i]
			s.byPivot[i] = append(s.byPivot[i], other.byPivot[i]...)
		}
	}
	return s
}

// in looks for the words anywhere in a text, and tells whether it is ASCII when
// it has none of them.
func (s *sessionWords) in(d Kind, q string) (found, ascii bool) {
	var before, seen byte
	for i := range len(q) {
		c := q[i]
		if s.pairs[c&31]>>(before&31)&1 != 0 && s.around(d, q, i) {
			return true, false
		}
		before = c
		seen |= c
	}
	return false, seen < 0x80
}

// around looks for the words whose pivot is at the given place.
func (s *sessionWords) around(d Kind, q string, at int) bool {
	words := s.byPivot[q[at]&31]
	for i := range words {
		w := &words[i]
		start := at - w.pivot
		if start < 0 || !hasFoldPrefix(q[start:], w.word) {
			continue
		}
		if w.check == nil || w.check(d, q, start, start+len(w.word)) {
			return true
		}
	}
	return false
}

// postgresSessionWords: the functions of PostgreSQL itself and of the
// extensions that come with it. A function that runs a text could call any of
// them by a name that is put together at run time.
var postgresSessionWords = newSessionWords(
	sessionWord{"set_config", 7, nil},
	sessionWord{"pg_settings", 2, nil}, // an UPDATE of this view is a SET
	sessionWord{"_advisory", 3, nil},
	sessionWord{"setseed", 5, nil},
	sessionWord{"nextval", 4, nil}, // currval and lastval
	sessionWord{"setval", 3, nil},
	sessionWord{"temp", 3, makesTemporary},
	sessionWord{"pg_temp", 2, nil},
	sessionWord{"pg_backup_", 2, nil}, // a backup belongs to the session that began it
	sessionWord{"pg_start_b", 2, nil}, // its names before PostgreSQL 15
	sessionWord{"pg_stop_b", 2, nil},
	sessionWord{"pg_create_", 2, nil}, // temporary replication slots
	sessionWord{"pg_copy_", 2, nil},
	sessionWord{"pg_logical", 2, nil},
	sessionWord{"pg_replication_", 2, nil},
	sessionWord{"lo_open", 3, nil},
	sessionWord{"_to_xml", 5, nil}, // query_to_xml and its kin run a text
	sessionWord{"ts_stat", 3, nil}, // so do these two
	sessionWord{"ts_rewrite", 6, nil},
	sessionWord{"dblink", 1, nil},      // dblink: connections with a name
	sessionWord{"crosstab", 3, nil},    // tablefunc: runs a text
	sessionWord{"connectby", 6, nil},   // tablefunc
	sessionWord{"xpath_table", 5, nil}, // xml2: runs a text
	sessionWord{"set_limit", 4, nil},   // pg_trgm: a setting
	sessionWord{"isn_weak", 4, nil},    // isn: a setting
	sessionWord{"sepgsql_setcon", 3, nil},

	// Names in U&"…" can be spelled by the numbers of their characters.
	sessionWord{`u&"`, 2, nil},

	// In a database with a Turkish single-byte encoding this letter, İ, becomes
	// the i of a name. Others of the kind don't become letters of ASCII.
	sessionWord{"\u0130", 1, nil},
)

// mysqlSessionWords are for MySQL and MariaDB.
var mysqlSessionWords = newSessionWords(
	sessionWord{"get_lock", 4, nil},
	sessionWord{"release_lock", 8, nil}, // service_release_locks too
	sessionWord{"release_all_l", 8, nil},
	sessionWord{"service_get_", 8, nil}, // MySQL's locking service
	sessionWord{"version_tokens_lock", 15, nil},
	sessionWord{"last_insert_id", 11, hasArgument},
	sessionWord{"nextval", 4, nil}, // MariaDB's sequences: LASTVAL
	sessionWord{"setval", 3, nil},
	sessionWord{"next", 3, isNextValue},
	sessionWord{"temporary", 3, nil},
)

// sqliteSessionWords: EXPLAIN PRAGMA is no explanation, many a PRAGMA has done
// its work once it is compiled.
var sqliteSessionWords = newSessionWords(
	sessionWord{"pragma", 4, isWholeWord},
	sessionWord{"temp", 3, makesTemporary},
	sessionWord{"load_extension", 5, nil},
	sessionWord{"fts3_tokenizer", 1, nil}, // registers a tokenizer
	sessionWord{"eval", 1, isWholeWord},   // an extension's function that runs a text
)

// batchSessionWords are SQL Server's.
var batchSessionWords = newSessionWords(
	sessionWord{"set", 2, setsOption},
	sessionWord{"setuser", 3, nil},
	sessionWord{"revert", 2, isWholeWord},
	sessionWord{"exec", 2, nil}, // procedures, EXECUTE AS, INSERT … EXEC
	sessionWord{"use", 1, isWholeWord},
	sessionWord{"open", 1, isWholeWord}, // keys
	sessionWord{"cursor", 2, nil},       // global ones outlive their batch
	sessionWord{"dbcc", 1, nil},         // trace flags
)

// anySessionWords are those of all dialects, and of servers that have none here.
var anySessionWords = newSessionWords(
	sessionWord{"set_context", 8, nil}, // Firebird's RDB$SET_CONTEXT
	sessionWord{"dbms_", 1, nil},       // Oracle's packages
).and(&postgresSessionWords, &mysqlSessionWords, &sqliteSessionWords, &batchSessionWords)

// isWholeWord tells that the word is not part of a longer one.
func isWholeWord(_ Kind, q string, at, end int) bool {
	return (at == 0 || !IsWord(q[at-1])) && (end == len(q) || !IsWord(q[end]))
}

// makesTemporary tells temp and temporary as keywords of PostgreSQL and SQLite
// (CREATE TEMP TABLE, SELECT … INTO TEMP), and temp as the name of SQLite's
// schema, from a column or table of that name.
func makesTemporary(d Kind, q string, at, end int) bool {
	if hasFoldPrefix(q[end:], "orary") {
		end += len("orary")
	}
	if !isWholeWord(d, q, at, end) {
		return false
	}
	if end < len(q) && OpensQuote(d, q[end]) || end < len(q) && q[end] == ']' {
		end++
	}
	end = skipGap(d, q, end)
	return end == Doubtful || end < len(q) && q[end] == '.' || leadsToTemp(d, q)
}

// leadsToTemp looks for the keyword behind those that it can stand behind.
func leadsToTemp(d Kind, q string) bool {
	var buf KeywordBuffer
	for at := 0; at < len(q); {
		word, end := Keyword(q, at, &buf)
		switch string(word) {
		case "create", "replace", "into", "local", "global":
			next := skipGap(d, q, end)
			if next == Doubtful {
				return true
			}
			word, _ = Keyword(q, next, &buf)
			if string(word) == "temp" || string(word) == "temporary" {
				return true
			}
		}
		at = max(end, at+1)
	}
	return false
}

// hasArgument tells LAST_INSERT_ID(expr), which sets what LAST_INSERT_ID()
// reads.
func hasArgument(d Kind, q string, _, end int) bool {
	if end < len(q) && (q[end] == '`' || q[end] == '"') {
		end++
	}
	at := skipGap(d, q, end)
	if at == Doubtful || at == len(q) || q[at] != '(' {
		return at == Doubtful
	}
	at = skipGap(d, q, at+1)
	return at == Doubtful || at == len(q) || q[at] != ')'
}

// isNextValue tells NEXT VALUE FOR of MariaDB's sequences.
func isNextValue(d Kind, q string, at, end int) bool {
	if !isWholeWord(d, q, at, end) {
		return false
	}
	at = skipGap(d, q, end)
	return at == Doubtful || hasFoldPrefix(q[at:], "value")
}

// setsOption tells SET NOCOUNT ON and its like of SQL Server from the SET of an
// UPDATE, and of a variable, which lives as long as its batch: those have an
// equals sign behind the name.
func setsOption(d Kind, q string, at, end int) bool {
	if !isWholeWord(d, q, at, end) {
		return false
	}
	if at = skipGap(d, q, end); at == Doubtful {
		return true
	}
	for at < len(q) && (IsWord(q[at]) || strings.IndexByte(`@.[]"`, q[at]) >= 0) {
		at++
	}
	at = skipGap(d, q, at)
	if at != Doubtful && at+1 < len(q) && strings.IndexByte("+-*/%&|^", q[at]) >= 0 {
		at++
	}
	return at == Doubtful || at == len(q) || q[at] != '='
}

// skipGap is skipSpace within a statement. What follows -- is not known where
// the dialect isn't: a comment to all but MySQL, which wants a blank behind it.
func skipGap(d Kind, q string, at int) int {
	at = SkipSpace(d, q, at)
	if d == Unknown && at != Doubtful && hasFoldPrefix(q[at:], "--") {
		return Doubtful
	}
	return at
}

// hidesSessionWord tells what of MySQL the words can't: executable comments;
// user variables, which a query sets by @v := … or INTO @v; and, as MySQL may
// compare names without regard to accents, functions whose name is not ASCII.
func hidesSessionWord(q string, ascii bool) bool {
	return hasExecutableComment(q) || (!ascii || strings.IndexByte(q, '@') >= 0) && namesUnseen(q)
}

// namesUnseen looks for user variables and for functions beyond ASCII, outside
// of strings and comments. What it can't tell is one.
func namesUnseen(q string) bool {
	for at := 0; at < len(q); {
		next := at + 1
		switch c := q[at]; {
		case OpensQuote(MySQL, c):
			next = SkipQuoted(MySQL, q, at)
		case c == '@':
			// @@name is a system variable, which only SET can set.
			if next = skipBytes(q, at, '@'); next != at+2 {
				return true
			}
		case c >= 0x80:
			if next = skipName(q, at); next != Doubtful && next < len(q) && q[next] == '(' {
				return true
			}
		case puzzles(MySQL, c):
			return true
		default:
			if end := skipComment(MySQL, q, at); end != at {
				next = end
			}
		}
		if next == Doubtful {
			return true
		}
		at = next
	}
	return false
}

// skipBytes returns the place behind the bytes c from at on.
func skipBytes(q string, at int, c byte) int {
	for at < len(q) && q[at] == c {
		at++
	}
	return at
}

// skipName skips the rest of a name and the blanks behind it. Where the name
// ends is doubtful when the byte behind could be the second half of its last
// character.
func skipName(q string, at int) int {
	for at < len(q) && IsWord(q[at]) {
		at++
	}
	if at < len(q) && q[at-1] >= 0x80 && strings.IndexByte("@\\`", q[at]) >= 0 {
		return Doubtful
	}
	return SkipSpace(MySQL, q, at)
}
