package sqltext

import "slices"

// Word is a word, in lower case, by which a statement that looks harmless does more than it seems to.
type Word struct {
	Text string

	// Pivot is the place in it of a byte that is rare behind the one before.
	Pivot int

	// Weight is how much it matters that the word is found, at least 1.
	Weight uint8

	// Check looks closer at the word found from at to end. Without one it is enough that the word stands anywhere, in
	// a longer name too.
	Check func(l *Lexis, q string, at, end int) bool
}

// Words is a set of words behind a sieve that few pairs of letters in a text pass.
type Words struct {
	// pairs[b] has the bit a when some word has its pivot's byte b right behind the byte a; of both bytes the lower
	// five bits, which ignores case.
	pairs [32]uint32

	byPivot [32][]Word // by the low five bits of the pivot's byte
	most    uint8      // the largest weight
}

// NewWords makes a set. A word without a weight has 1.
func NewWords(words ...Word) *Words {
	s := &Words{}
	for _, w := range words {
		w.Weight = max(1, w.Weight)
		last := w.Text[w.Pivot] & 31
		s.pairs[last] |= 1 << (w.Text[w.Pivot-1] & 31)
		s.byPivot[last] = append(s.byPivot[last], w)
		s.most = max(s.most, w.Weight)
	}
	return s
}

// And returns the set with the words of others added.
func (s *Words) And(others ...*Words) *Words {
	return NewWords(slices.Concat(append([][]Word{s.All()}, allOf(others)...)...)...)
}

func allOf(sets []*Words) (all [][]Word) {
	for _, s := range sets {
		all = append(all, s.All())
	}
	return all
}

// All are the words of the set.
func (s *Words) All() []Word { return slices.Concat(s.byPivot[:]...) }

// Find looks for the words anywhere in a text, in comments, strings and longer names too, and returns the largest
// weight among those it finds, 0 if none. It stops at the first of the set's largest weight; if there was none,
// ascii tells whether the text is ASCII.
func (s *Words) Find(l *Lexis, q string) (weight uint8, ascii bool) {
	var before, seen byte
	for i := range len(q) {
		c := q[i]
		if s.pairs[c&31]>>(before&31)&1 != 0 && s.around(l, q, i) > 0 {
			return s.heaviest(l, q, i)
		}
		before = c
		seen |= c
	}
	return 0, seen < 0x80
}

// heaviest goes on with Find at the first word.
func (s *Words) heaviest(l *Lexis, q string, at int) (weight uint8, ascii bool) {
	weight = s.around(l, q, at)
	for i := at + 1; i < len(q) && weight < s.most; i++ {
		if s.pairs[q[i]&31]>>(q[i-1]&31)&1 != 0 {
			weight = max(weight, s.around(l, q, i))
		}
	}
	return weight, weight < s.most && IsASCII(q)
}

// Has tells whether a text has one of the words.
func (s *Words) Has(l *Lexis, q string) bool {
	weight, _ := s.Find(l, q)
	return weight > 0
}

// around looks for the words whose pivot is at the given place, and returns the largest weight.
func (s *Words) around(l *Lexis, q string, at int) (weight uint8) {
	words := s.byPivot[q[at]&31]
	for i := range words {
		w := &words[i]
		start := at - w.Pivot
		if start < 0 || !HasPrefixFold(q[start:], w.Text) {
			continue
		}
		if w.Check == nil || w.Check(l, q, start, start+len(w.Text)) {
			weight = max(weight, w.Weight)
		}
	}
	return weight
}

// WholeWord is a Check: the word is not part of a longer one.
func WholeWord(_ *Lexis, q string, at, end int) bool {
	return (at == 0 || !IsWord(q[at-1])) && (end == len(q) || !IsWord(q[end]))
}

// Temporary is a Check for temp. It tells temp and temporary as keywords of PostgreSQL and SQLite (CREATE TEMP TABLE,
// SELECT … INTO TEMP), and temp as the name of SQLite's schema, from a column or table of that name.
func Temporary(l *Lexis, q string, at, end int) bool {
	if HasPrefixFold(q[end:], "orary") {
		end += len("orary")
	}
	if !WholeWord(l, q, at, end) {
		return false
	}
	if end < len(q) && (l.OpensQuote(q[end]) || q[end] == ']') {
		end++
	}
	end = l.SkipGap(q, end)
	return end == Ambiguous || end < len(q) && q[end] == '.' || l.leadsToTemp(q)
}

// leadsToTemp looks for the keyword behind those that it can stand behind.
func (l *Lexis) leadsToTemp(q string) bool {
	for at := 0; at < len(q); {
		word, end := KeywordAt(q, at)
		var buf Buffer
		switch string(word.Lower(&buf)) {
		case "create", "replace", "into", "local", "global":
			next := l.SkipGap(q, end)
			if next == Ambiguous {
				return true
			}
			word, _ = KeywordAt(q, next)
			if word.Is("temp") || word.Is("temporary") {
				return true
			}
		}
		at = max(end, at+1)
	}
	return false
}
