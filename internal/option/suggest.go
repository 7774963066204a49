package option

import (
	"strings"

	"github.com/pooled-go/pooled/internal/spelling"
)

// Nearest returns the key or alias with the fewest edits from key, and how many they are. Upper case costs one edit,
// however often it is wrong, and so do a name of Elsewhere and the beginning of a key.
func (t Table[C]) Nearest(key string) (nearest string, distance int) {
	folded := strings.ToLower(key)
	for _, r := range t {
		for _, name := range r.elsewhere {
			if name == folded {
				return r.Key, 1
			}
		}
	}
	for _, r := range t {
		for _, name := range r.names() {
			if len(folded) > len("pool_x") && strings.HasPrefix(name, folded) {
				return name, 1
			}
			if d := spelling.Distance(folded, name); nearest == "" || d < distance {
				nearest, distance = name, d
			}
		}
	}
	return nearest, distance
}
