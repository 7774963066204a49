package dsn

import "slices"

// Pair is a key to be written.
type Pair struct{ Key, Value string }

// Insert returns a DSN with options in it, and with the driver where the form does not tell it. It writes them in the
// first way from which Detect reads all of it again.
func Insert(driver, dsn string, options []Pair) string {
	s, ok := insert(driver, dsn, options)
	if ok || driver == "" {
		return s
	}
	s, _ = insert(driver, dsn, append([]Pair{{"pool_driver", driver}}, options...))
	return s
}

func insert(driver, dsn string, pairs []Pair) (text string, ok bool) {
	first := argSyntax(families[driver], driver, dsn)
	for _, s := range []*syntax{first, anyQuerySyntax, adoSyntax, anyWordsSyntax} {
		l, ok := s.scan(dsn)
		if !ok && !s.front {
			continue
		}
		if text := s.with(l, pairs); isReadAs(text, driver, dsn, pairs) {
			return text, true
		}
	}
	// A ? in it may be part of a password.
	whole := layout{dsn: dsn, from: len(dsn), to: len(dsn), query: true}
	if text := anyQuerySyntax.with(whole, pairs); isReadAs(text, driver, dsn, pairs) {
		return text, true
	}
	l, _ := first.scan(dsn)
	return first.with(l, pairs), false
}

// isReadAs reports whether the driver, its DSN and the options are read from a text.
func isReadAs(text, driver, dsn string, pairs []Pair) bool {
	f, err := Detect(text)
	if err != nil {
		return false
	}
	d, rest, err := f.Target()
	same := func(o Option, p Pair) bool { return o.Key == p.Key && o.Value == p.Value }
	return err == nil && d == driver && rest == dsn && slices.EqualFunc(f.Options(), pairs, same)
}
