package pooledtest

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"math"
	"slices"
	"time"
)

// goodValuer, and others, are what programs pass as arguments.
type (
	goodValuer  struct{ n int64 }
	badValuer   struct{}
	oddValuer   struct{}
	nilValuer   struct{ n int64 }
	skipValuer  struct{}
	errValuer   struct{ err error }
	namedString string
)

func (v goodValuer) Value() (driver.Value, error) { return v.n, nil }
func (badValuer) Value() (driver.Value, error)    { return nil, errBoom }
func (oddValuer) Value() (driver.Value, error)    { return struct{}{}, nil }
func (v nilValuer) Value() (driver.Value, error)  { return v.n, nil }
func (skipValuer) Value() (driver.Value, error)   { return nil, errors.Join(driver.ErrSkip) }
func (v errValuer) Value() (driver.Value, error)  { return "with an error", v.err }

// argSets are arguments, made anew for each use because an Out is written to.
var argSets = []struct {
	name string
	args func() []any
}{
	{"none", func() []any { return nil }},
	{"plain", func() []any {
		return []any{1, int8(-2), "three", []byte("four"), 5.5, true, nil, time.Date(2024, 2, 29, 1, 2, 3, 4, time.UTC)}
	}},
	{"kinds", func() []any {
		s := "pointed"
		return []any{&s, (*string)(nil), namedString("kind"), uint64(math.MaxInt64), float32(1.5), time.Second, []byte(nil)}
	}},
	{"named", func() []any { return []any{sql.Named("a", 1), 2, sql.Named("c", "x")} }},
	{"badly named", func() []any { return []any{sql.Named("1a", 1)} }},
	{"named custom", func() []any { return []any{sql.Named("a", Custom{"x"})} }},
	{"valuers", func() []any {
		return []any{goodValuer{7}, &goodValuer{8}, sql.NullString{String: "x", Valid: true}, sql.NullInt64{}}
	}},
	{"nil valuer", func() []any { return []any{(*nilValuer)(nil)} }},
	{"failing valuer", func() []any { return []any{1, badValuer{}} }},
	{"odd valuer", func() []any { return []any{oddValuer{}} }},
	{"valuer with ErrSkip", func() []any { return []any{skipValuer{}} }},
	// What means something from a driver means the same from an argument.
	{"valuer that skips", func() []any { return []any{errValuer{driver.ErrSkip}, 2} }},
	{"valuer that removes itself", func() []any { return []any{1, errValuer{driver.ErrRemoveArgument}, 3} }},
	{"valuer with ErrBadConn", func() []any { return []any{errValuer{driver.ErrBadConn}} }},
	{"high bit", func() []any { return []any{uint64(math.MaxUint64)} }},
	{"unsupported", func() []any { return []any{1, struct{ A int }{1}} }},
	{"channel", func() []any { return []any{sql.Named("c", make(chan int))} }},
	{"custom", func() []any { return []any{Custom{"x"}, 2, Custom{"y"}} }},
	{"removed", func() []any { return []any{Removed{}, 1, Removed{}, "b"} }},
	{"only removed", func() []any { return []any{Removed{}} }},
	{"rejected", func() []any { return []any{1, Rejected{}} }},
	{"out", func() []any {
		return []any{sql.Out{Dest: new(string)}, sql.Named("o", sql.Out{Dest: new(int64), In: true}), 3}
	}},
	{"odd out", func() []any { return []any{sql.Out{Dest: new(bool)}} }},
}

// echoFor returns a query with n arguments.
func echoFor(n int) string {
	query := "VALUES"
	for range n {
		query += " ?"
	}
	return query
}

// arguments tries an argument set in every way to pass it.
func (s *trial) arguments(args func() []any) {
	n := len(args())
	s.each(func(on runner) {
		s.exec(on, echoFor(n), args()...)
		s.query(on, echoFor(n), args()...)
		s.prepared(on, echoFor(n), args)
	})
	s.outs(s.db, args())
	// Too many and too few for those who count.
	for _, off := range []int{-1, 1} {
		if n+off < 0 {
			continue
		}
		s.exec(s.db, echoFor(n+off), args()...)
		s.query(s.db, echoFor(n+off), args()...)
		s.prepared(s.db, echoFor(n+off), args)
	}
}

// outs notes what the server wrote to each Out.
func (s *trial) outs(on runner, args []any) {
	s.exec(on, "OUT", args...)
	for i, arg := range args {
		if named, ok := arg.(sql.NamedArg); ok {
			arg = named.Value
		}
		out, ok := arg.(sql.Out)
		if !ok {
			continue
		}
		switch dest := out.Dest.(type) {
		case *string:
			s.note("out %d: %q", i, *dest)
		case *int64:
			s.note("out %d: %d", i, *dest)
		}
	}
}

// ofEachKind are the sets that are also tried of statements in general: one of each way to convert an argument.
var ofEachKind = []string{"plain", "named custom", "valuer that skips", "custom", "removed", "out"}

func argumentOps() []conformOp {
	var ops []conformOp
	for _, set := range argSets {
		what := Arguments
		if slices.Contains(ofEachKind, set.name) {
			what |= Statements
		}
		ops = append(ops, conformOp{
			name:  "arguments " + set.name,
			about: what,
			args:  true,
			how:   looselyIf(set.name == "badly named"), // database/sql sees that before it asks a wrapper with ExecContext
			run:   func(s *trial) { s.arguments(set.args) },
		})
	}
	return ops
}
