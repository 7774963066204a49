package sqltext

import (
	"slices"
	"strings"
)

// Repeatable tells whether a statement that the server refused as a whole may be sent again elsewhere.
func (r *Rules) Repeatable(query string) bool {
	return !strings.Contains(query, ";") && slices.ContainsFunc([]string{"INSERT ", "UPDATE ", "DELETE "},
		func(verb string) bool { return HasPrefixFold(query, verb) })
}
