// Package option provides tables of options. A row of a table knows one key: how its value is read and written, what
// values are allowed, and where it is kept in the struct that holds the options, which can be any. What is wrong with a
// value is said in an error that says what is wanted and does not hold the key. It may hold the value; an error that it
// wraps does not. Names holds values that options ask for by name.
package option

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Row is one option of a struct C.
type Row[C any] struct {
	Key     string
	Aliases []string // other names of the same option
	Default string   // as Format writes it; set by New
	Doc     string   // one line
	Classes []string // the classes in which the option means something; nil: all

	Parse  func(c *C, value string) error // stores a value
	Format func(c *C) string              // the reverse of Parse
	Check  func(c *C) error               // of the value in the struct, whoever stored it; nil: all are allowed
}

// Table is a list of options in the order in which they are documented.
type Table[C any] []Row[C]

// New makes a table. The struct holds the defaults of its options.
func New[C any](defaults C, rows ...Row[C]) Table[C] {
	for i := range rows {
		rows[i].Default = rows[i].Format(&defaults)
	}
	return rows
}

// Lookup returns the option with that key or alias, or nil.
func (t Table[C]) Lookup(key string) *Row[C] {
	for i := range t {
		if t[i].Key == key || slices.Contains(t[i].Aliases, key) {
			return &t[i]
		}
	}
	return nil
}

// Has reports whether there is an option with that key or alias.
func (t Table[C]) Has(key string) bool { return t.Lookup(key) != nil }

// Check returns the first option whose value in c is not allowed, and why.
func (t Table[C]) Check(c *C) (*Row[C], error) {
	for i := range t {
		if t[i].Check == nil {
			continue
		}
		if err := t[i].Check(c); err != nil {
			return &t[i], err
		}
	}
	return nil, nil
}

// AppliesTo reports whether the option means something in a class.
func (r *Row[C]) AppliesTo(class string) bool {
	return r.Classes == nil || slices.Contains(r.Classes, class)
}

func (r *Row[C]) names() []string { return append([]string{r.Key}, r.Aliases...) }

// Alias adds other names of the option.
func (r Row[C]) Alias(names ...string) Row[C] {
	r.Aliases = append(r.Aliases, names...)
	return r
}

// In says in which classes the option means something.
func (r Row[C]) In(classes []string) Row[C] {
	r.Classes = classes
	return r
}

// Also adds a check that looks at other options, too. It runs after the check of the value alone.
func (r Row[C]) Also(check func(*C) error) Row[C] {
	first := r.Check
	r.Check = func(c *C) error {
		if first != nil {
			if err := first(c); err != nil {
				return err
			}
		}
		return check(c)
	}
	return r
}

// row makes a row for a value of one kind. A check that is nil allows all of them.
func row[C, V any](key, doc string, field func(*C) *V,
	parse func(string) (V, error), format func(V) string, check func(V) error) Row[C] {
	r := Row[C]{
		Key: key, Doc: doc,
		Parse: func(c *C, v string) (err error) {
			*field(c), err = parse(v)
			return err
		},
		Format: func(c *C) string { return format(*field(c)) },
	}
	if check != nil {
		r.Check = func(c *C) error { return check(*field(c)) }
	}
	return r
}

// Text is an option whose value is taken as it is.
func Text[C any](key string, field func(*C) *string, check func(string) error, doc string) Row[C] {
	same := func(v string) string { return v }
	return row(key, doc, field, func(v string) (string, error) { return v, nil }, same, check)
}

// Int is a whole number, such as the example, which errors show. AtLeast and Between make checks of it.
func Int[C any](key string, field func(*C) *int, example int, check func(int) error, doc string) Row[C] {
	return row(key, doc, field, intLike(example), strconv.Itoa, check)
}

// Duration is a length of time. FromZero and AboveZero are checks of it.
func Duration[C any](key string, field func(*C) *time.Duration, check func(time.Duration) error, doc string) Row[C] {
	return row(key, doc, field, parseDuration, formatDuration, check)
}

// Bool is true or false.
func Bool[C any](key string, field func(*C) *bool, doc string) Row[C] {
	return row(key, doc, field, parseBool, strconv.FormatBool, nil)
}

// Choice is one of some words.
func Choice[C any, V ~string](key string, field func(*C) *V, doc string, words ...V) Row[C] {
	find := finder(words, words)
	return row(key, doc, field, find, func(v V) string { return string(v) }, allow(words, words))
}

// Switch is one of some words, of which on and off may also be written as true and false.
func Switch[C any, V ~string](key string, field func(*C) *V, on, off V, doc string, words ...V) Row[C] {
	wanted := slices.Clone(words)
	for _, word := range []V{"true", "false"} {
		if !slices.Contains(wanted, word) {
			wanted = append(wanted, word)
		}
	}
	find := finder(words, wanted)
	parse := func(v string) (V, error) {
		switch is, err := parseBool(v); {
		case err != nil:
			return find(v)
		case is:
			return on, nil
		}
		return off, nil
	}
	return row(key, doc, field, parse, func(v V) string { return string(v) }, allow(words, wanted))
}

// finder reads one of the words, in upper or lower case.
func finder[V ~string](words, wanted []V) func(string) (V, error) {
	return func(v string) (V, error) {
		i := slices.IndexFunc(words, func(word V) bool { return strings.EqualFold(string(word), v) })
		if i < 0 {
			return V(v), errWords(wanted)
		}
		return words[i], nil
	}
}

// allow refuses what is none of the words.
func allow[V ~string](words, wanted []V) func(V) error {
	return func(v V) error {
		if !slices.Contains(words, v) {
			return errWords(wanted)
		}
		return nil
	}
}

func errWords[V ~string](words []V) error {
	var text strings.Builder
	for i, word := range words {
		switch i {
		case 0:
		case len(words) - 1:
			text.WriteString(" or ")
		default:
			text.WriteString(", ")
		}
		text.WriteString(string(word))
	}
	return errors.New("want " + text.String())
}
