package stmtcache

import (
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"
)

// seenTexts remembers texts that were used once, roughly: a text may be forgotten, or taken for another, and then it
// is prepared a use later or earlier than it should.
type seenTexts struct {
	seed maphash.Seed
	sets []seenSet // as many as a power of two
}

// seenSet is the hashes of texts, as many as fit in a line of the processor's cache.
type seenSet [8]atomic.Uint64

// seenPerKept is how many texts are remembered for each that is kept.
const seenPerKept = 8

func newSeenTexts(kept int) seenTexts {
	n := 8
	for n*len(seenSet{}) < seenPerKept*kept && n < 1<<13 {
		n *= 2
	}
	return seenTexts{maphash.MakeSeed(), make([]seenSet, n)}
}

func (t *seenTexts) set(key entryKey) (*seenSet, uint64) {
	hash := maphash.Comparable(t.seed, key)
	return &t.sets[hash&uint64(len(t.sets)-1)], hash
}

func (t *seenTexts) has(key entryKey) bool {
	set, hash := t.set(key)
	for i := range set {
		if set[i].Load() == hash {
			return true
		}
	}
	return false
}

// add takes the place of one chosen at random: two texts that are used in turn soon stand side by side.
func (t *seenTexts) add(key entryKey) {
	set, hash := t.set(key)
	for i := range set {
		if set[i].CompareAndSwap(0, hash) {
			return
		}
	}
	set[rand.IntN(len(set))].Store(hash)
}
