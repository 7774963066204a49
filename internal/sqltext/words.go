package sqltext

import "strings"

// The functions of this file look at words and bytes of a query text, for Classify.

// KeywordBuffer holds the longest keyword of any whitelist.
type KeywordBuffer [16]byte

// Keyword returns the word at the given place in lower case, and where it ends.
// It is empty if there is none, or if what stands there is a longer name.
func Keyword(q string, at int, buf *KeywordBuffer) (word []byte, end int) {
	for end = at; end < len(q); end++ {
		c := lower(q[end])
		if c < 'a' || c > 'z' {
			break
		}
		if end-at == len(buf) {
			return nil, end
		}
		buf[end-at] = c
	}
	if end < len(q) && (IsWord(q[end]) || strings.IndexByte("@#.:", q[end]) >= 0) {
		return nil, end
	}
	return buf[:end-at], end
}

// hasExecutableComment tells whether MySQL or MariaDB might run the inside of a
// comment: /*! … */ or /*M! … */. It does not ask whether the comment is within
// a string.
func hasExecutableComment(q string) bool {
	for {
		i := strings.IndexByte(q, '/')
		if i < 0 {
			return false
		}
		q = q[i+1:]
		if hasFoldPrefix(q, "*!") || hasFoldPrefix(q, "*m!") {
			return true
		}
	}
}

// wordSet is a set of words that must not be in a text.
type wordSet struct {
	words []forbidden

	// pairs[b] has the bit a when some word has its pivot's byte b right behind
	// the byte a; of both bytes the lower five bits, which ignores case. Few
	// pairs of letters in a text pass this sieve.
	pairs [32]uint32
}

// forbidden is a word, in lower case, and what a text that has it may leave.
// The pivot is the place in it of a byte that is rare behind the one before.
type forbidden struct {
	word  string
	pivot int
	means Effect
}

// batchWords are SQL Server's.
var batchWords = newWordSet(
	forbidden{"tran", 3, EffectTx},
	forbidden{"begin", 2, EffectTx},
	forbidden{"exec", 1, EffectAny},
	forbidden{"implicit_", 8, EffectAny},
	forbidden{"ansi_defaults", 4, EffectAny},
	forbidden{"sp_", 2, EffectAny},
	forbidden{"xp_", 2, EffectAny},
)

// lockWords are for a SELECT of an unknown dialect: those, and words that ask
// for locks (FOR UPDATE, WITH LOCK), which last as long as a transaction, so
// that some drivers keep one open.
var lockWords = newWordSet(append(batchWords.words,
	forbidden{"update", 1, EffectTx},
	forbidden{"lock", 3, EffectTx},
)...)

func newWordSet(words ...forbidden) wordSet {
	s := wordSet{words: words}
	for _, f := range words {
		s.pairs[f.word[f.pivot]&31] |= 1 << (f.word[f.pivot-1] & 31)
	}
	return s
}

// in looks for the words anywhere in a text, in comments, strings and longer
// names too. A text beyond ASCII is the worst: which letters a collation takes
// for which is not known here.
func (s *wordSet) in(q string) Effect {
	found := EffectNone
	var before, seen byte
	for i := range len(q) {
		c := q[i]
		if s.pairs[c&31]>>(before&31)&1 != 0 {
			found = max(found, s.around(q, i))
		}
		before = c
		seen |= c
	}
	if seen >= 0x80 {
		return EffectAny
	}
	return found
}

// around looks for the words whose pivot is at the given place.
func (s *wordSet) around(q string, at int) Effect {
	found := EffectNone
	for _, f := range s.words {
		if at >= f.pivot && hasFoldPrefix(q[at-f.pivot:], f.word) {
			found = max(found, f.means)
		}
	}
	return found
}

// The words most texts begin with, first byte lowest.
const (
	wordSelect = 's' | 'e'<<8 | 'l'<<16 | 'e'<<24 | 'c'<<32 | 't'<<40
	wordInsert = 'i' | 'n'<<8 | 's'<<16 | 'e'<<24 | 'r'<<32 | 't'<<40
	wordUpdate = 'u' | 'p'<<8 | 'd'<<16 | 'a'<<24 | 't'<<32 | 'e'<<40
	wordDelete = 'd' | 'e'<<8 | 'l'<<16 | 'e'<<24 | 't'<<32 | 'e'<<40

	lowerSix = 0x202020202020 // the bit that tells a lower-case letter
)

// beginsPlainly tells whether a text begins with one of them and white space:
// what most texts do, for the price of a comparison.
func beginsPlainly(q string) bool {
	if len(q) < 7 || !isSpace(q[6]) {
		return false
	}
	w := uint64(q[0]) | uint64(q[1])<<8 | uint64(q[2])<<16 | uint64(q[3])<<24 | uint64(q[4])<<32 | uint64(q[5])<<40
	switch w | lowerSix {
	case wordSelect, wordInsert, wordUpdate, wordDelete:
		return true
	}
	return false
}

// ContainsFold looks for a lower-case word in any case.
func ContainsFold(q, word string) bool {
	for i := 0; i+len(word) <= len(q); i++ {
		if lower(q[i]) == word[0] && hasFoldPrefix(q[i:], word) {
			return true
		}
	}
	return false
}

// hasFoldPrefix tells whether q begins with a lower-case word in any case.
func hasFoldPrefix(q, word string) bool {
	if len(q) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(q[i]) != word[i] {
			return false
		}
	}
	return true
}

func isASCII(q string) bool {
	for i := range len(q) {
		if q[i] >= 0x80 {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

// IsWord tells the bytes that a name can go on with.
func IsWord(c byte) bool {
	c = lower(c)
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '$' || c >= 0x80
}
