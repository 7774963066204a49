package sqltext

import "strings"

// The functions of this file look at single bytes and words of a text.

// The words most texts begin with, first byte lowest.
const (
	wordSelect = 's' | 'e'<<8 | 'l'<<16 | 'e'<<24 | 'c'<<32 | 't'<<40
	wordInsert = 'i' | 'n'<<8 | 's'<<16 | 'e'<<24 | 'r'<<32 | 't'<<40
	wordUpdate = 'u' | 'p'<<8 | 'd'<<16 | 'a'<<24 | 't'<<32 | 'e'<<40
	wordDelete = 'd' | 'e'<<8 | 'l'<<16 | 'e'<<24 | 't'<<32 | 'e'<<40

	lowerSix = 0x202020202020 // the bit that tells a lower-case letter
)

// beginsPlainly tells whether a text begins with one of them and white space: what most texts do, for the price of a
// comparison.
func beginsPlainly(q string) bool {
	if len(q) < 7 || !IsSpace(q[6]) {
		return false
	}
	w := uint64(q[0]) | uint64(q[1])<<8 | uint64(q[2])<<16 | uint64(q[3])<<24 | uint64(q[4])<<32 | uint64(q[5])<<40
	switch w | lowerSix {
	case wordSelect, wordInsert, wordUpdate, wordDelete:
		return true
	}
	return false
}

// HasExecutableComment tells whether MySQL or MariaDB might run the inside of a comment: /*! … */ or /*M! … */. It
// does not ask whether the comment is within a string.
func HasExecutableComment(q string) bool {
	for {
		i := strings.IndexByte(q, '/')
		if i < 0 {
			return false
		}
		q = q[i+1:]
		if HasPrefixFold(q, "*!") || HasPrefixFold(q, "*m!") {
			return true
		}
	}
}

// ContainsFold looks for a lower-case word in any case.
func ContainsFold(q, word string) bool {
	for i := 0; i+len(word) <= len(q); i++ {
		if Lower(q[i]) == word[0] && HasPrefixFold(q[i:], word) {
			return true
		}
	}
	return false
}

// HasPrefixFold tells whether q begins with a lower-case word in any case.
func HasPrefixFold(q, word string) bool {
	if len(q) < len(word) {
		return false
	}
	for i := range len(word) {
		if Lower(q[i]) != word[i] {
			return false
		}
	}
	return true
}

// IsASCII tells whether a text is ASCII.
func IsASCII(q string) bool {
	for i := range len(q) {
		if q[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Lower turns a letter of ASCII into lower case.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// IsSpace tells white space.
func IsSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

// IsWord tells the bytes that a name can go on with.
func IsWord(c byte) bool {
	c = Lower(c)
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '$' || c >= 0x80
}
