package dsn

import "slices"

// Pair is a key and its value, to be written into a DSN.
type Pair struct{ Key, Value string }

// Insert returns a driver's DSN with options in it, and with pool_driver where the form does not tell the driver. Of
// the ways to write them, it takes the first from which Detect reads the same driver, DSN and options.
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
		if text := s.insert(l, pairs); isReadAs(text, driver, dsn, pairs) {
			return text, true
		}
	}
	// A ? in it may be part of a password.
	whole := layout{dsn: dsn, from: len(dsn), to: len(dsn), query: true}
	if text := anyQuerySyntax.insert(whole, pairs); isReadAs(text, driver, dsn, pairs) {
		return text, true
	}
	l, _ := first.scan(dsn)
	return first.insert(l, pairs), false
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
