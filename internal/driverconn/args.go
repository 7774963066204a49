package driverconn

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"time"
)

// ArgRules is what a driver has to say about the arguments of one operation. database/sql converts them before it
// calls the driver; Convert does the same later, in the words of database/sql for what goes wrong.
type ArgRules struct {
	checker   driver.NamedValueChecker
	converter driver.ColumnConverter //nolint:staticcheck // a driver may have nothing newer
	want      int                    // number of arguments, -1: the driver does not know
}

// ArgRules are those for a text.
func (c *Conn) ArgRules() ArgRules { return ArgRules{checker: c.Checker, want: -1} }

// StmtArgRules are those for a prepared statement of the driver's: its own checker hides the connection's.
func (c *Conn) StmtArgRules(stmt driver.Stmt) ArgRules {
	rules := ArgRules{want: stmt.NumInput()}
	var ok bool
	if rules.checker, ok = stmt.(driver.NamedValueChecker); !ok {
		rules.checker = c.Checker
	}
	rules.converter, _ = stmt.(driver.ColumnConverter) //nolint:staticcheck // see the field
	return rules
}

// Custom reports whether the driver has rules of its own, by which to convert twice may not be the same as once.
func (r ArgRules) Custom() bool { return r.checker != nil || r.converter != nil }

// Convert changes args in place and returns those that are to be sent.
func (r ArgRules) Convert(args []driver.NamedValue) ([]driver.NamedValue, error) {
	n := 0
	for i := range args {
		if n != i { // an argument before this one was taken out
			args[n] = args[i]
			args[n].Ordinal = n + 1
		}
		switch err := r.check(&args[n]); err {
		case nil:
			n++
		case driver.ErrRemoveArgument:
		default:
			return nil, fmt.Errorf("sql: converting argument %s type: %w", describe(&args[n]), err)
		}
	}
	if r.want != -1 && n != r.want {
		return nil, fmt.Errorf("sql: expected %d arguments, got %d", r.want, n)
	}
	return args[:n], nil
}

// check asks the driver's checker, then its column converter, then applies the default rules; each may pass the
// argument on with ErrSkip. So may a Valuer, which the default rules ask: database/sql makes NULL of it then.
func (r ArgRules) check(arg *driver.NamedValue) error {
	err := driver.ErrSkip
	if r.checker != nil {
		err = r.checker.CheckNamedValue(arg)
	}
	if err == driver.ErrSkip && r.converter != nil {
		err = r.column(arg)
	}
	for err == driver.ErrSkip {
		arg.Value, err = defaultValue(arg.Value)
	}
	return err
}

// defaultValue is driver.DefaultParameterConverter's, without reflection for what most arguments are.
func defaultValue(given any) (driver.Value, error) {
	switch v := given.(type) {
	case int:
		return int64(v), nil
	case nil, int64, string, float64, bool, time.Time, []byte:
		return v, nil
	}
	return driver.DefaultParameterConverter.ConvertValue(given)
}

func (r ArgRules) column(arg *driver.NamedValue) error {
	index := arg.Ordinal - 1
	if r.want >= 0 && r.want <= index {
		return nil // one too many: Convert says so when all are counted
	}
	if valuer, ok := arg.Value.(driver.Valuer); ok {
		value, err := valueOf(valuer)
		if err != nil {
			return err
		}
		if !driver.IsValue(value) {
			return fmt.Errorf("non-subset type %T returned from Value", value)
		}
		arg.Value = value
	}
	given := arg.Value
	value, err := r.converter.ColumnConverter(index).ConvertValue(given)
	if err != nil {
		return err
	}
	arg.Value = value
	if !driver.IsValue(value) {
		return fmt.Errorf("driver ColumnConverter error converted %T to unsupported type %T", given, value)
	}
	return nil
}

var valuerType = reflect.TypeFor[driver.Valuer]()

// valueOf asks a Valuer for its value. A nil pointer whose element has the method is NULL; calling it would panic.
func valueOf(v driver.Valuer) (driver.Value, error) {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() && rv.Type().Elem().Implements(valuerType) {
		return nil, nil
	}
	return v.Value()
}

func describe(arg *driver.NamedValue) string {
	if arg.Name == "" {
		return fmt.Sprintf("$%d", arg.Ordinal)
	}
	return fmt.Sprintf("with name %q", arg.Name)
}

// Given is arguments as a program gave them, kept for a second try: for a driver with rules of its own, to convert
// twice is not the same as once.
type Given struct{ args []driver.NamedValue }

// Convert is that of the rules, for a first try (0) or another. again: a first try may have to be followed by another.
func (g *Given) Convert(
	rules ArgRules, args []driver.NamedValue, try int, again bool,
) ([]driver.NamedValue, error) {
	if rules.Custom() {
		switch {
		case try > 0:
			copy(args, g.args)
		case again:
			g.args = append(g.args[:0], args...)
		}
	}
	return rules.Convert(args)
}

// Clear keeps none of the program's values.
func (g *Given) Clear() {
	if len(g.args) > 0 {
		clear(g.args)
		g.args = g.args[:0]
	}
}
