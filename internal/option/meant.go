package option

import (
	"fmt"
	"slices"
	"strings"
)

// Meant says which other words people write in the place of a value, separated by spaces and in lower case. They are
// refused as before, and the error names the value.
func (r Row[C]) Meant(value, words string) Row[C] {
	parse, others := r.Parse, strings.Fields(words)
	r.Parse = func(c *C, v string) error {
		err := parse(c, v)
		if err != nil && slices.Contains(others, strings.ToLower(v)) {
			return fmt.Errorf("%w; did you mean %s?", err, value)
		}
		return err
	}
	return r
}
