package mysql

import (
	"database/sql/driver"
	"math"
	"time"
	"unicode/utf8"

	"github.com/pooled-go/pooled/internal/stmtcache"
)

// kinds are the kinds of arguments. A server remembers more of a statement than its text, so one is kept for arguments
// of the same kinds:
//   - MariaDB remembers the arguments' types from one execution to the next, and gives wrong answers, or breaks down,
//     when others come.
//   - MySQL derives types for the parameters (see settled). Whether an argument fits depends on its value too: a text
//     may be a number.
//
// Names are refused by the driver, in its own words; and a long argument is sent apart, before the others were looked
// at.
func kinds(args []driver.NamedValue, facts stmtcache.Facts) (kinds uint64, ok bool) {
	const prime = 1099511628211 // FNV's
	long := max(facts.Packet/(len(args)+1), 64)
	for i := range args {
		kind := typeOf(args[i].Value, long)
		if facts.Derives {
			kind = kindOf(args[i].Value, kind)
		}
		if kind == kindNone || args[i].Name != "" {
			return 0, false
		}
		kinds = (kinds ^ uint64(kind)) * prime
	}
	return kinds, true
}

// kind is what matters of an argument's value.
type kind uint8

const (
	kindNone kind = iota // no statement is kept for these
	kindNull
	kindInt
	kindNegative
	kindUint
	kindFloat
	kindBool
	kindText
	kindBinary      // not UTF-8
	kindDigits      // a text that is an integer
	kindMinusDigits // or a negative one
	kindDate        // or a date
	kindDateTime    // or a date and a time
)

// typeOf tells kinds by the type that the driver sends.
func typeOf(value driver.Value, long int) kind {
	switch v := value.(type) {
	case nil:
		return kindNull
	case int64:
		return kindInt
	case uint64:
		return kindUint
	case float64:
		return kindFloat
	case bool:
		return kindBool
	case time.Time:
		return kindText
	case string:
		if len(v) < long {
			return kindText
		}
	case []byte:
		if v == nil {
			return kindNull
		}
		if len(v) < long {
			return kindText
		}
	}
	return kindNone
}

// kindOf tells kinds by the value, too.
func kindOf(value driver.Value, byType kind) kind {
	switch byType {
	case kindInt:
		if value.(int64) < 0 {
			return kindNegative
		}
	case kindUint:
		if value.(uint64) > math.MaxInt64 {
			return kindNone
		}
	case kindText:
		switch v := value.(type) {
		case time.Time:
			return kindOfTime(v)
		case string:
			return kindOfText(v, utf8.ValidString(v))
		case []byte:
			return kindOfText(v, utf8.Valid(v))
		}
	}
	return byType
}

// kindOfTime: the driver sends a time as a text, at midnight without the hour. Where midnight is, is the driver's
// matter; everywhere it is at a quarter of an hour.
func kindOfTime(t time.Time) kind {
	if t.Nanosecond() == 0 && t.Second() == 0 && t.Minute()%15 == 0 {
		return kindNone
	}
	return kindDateTime
}

// kindOfText tells numbers, dates and times as they are usually written from other texts. Those that are written in
// other ways are of no kind: too little is known of what servers make of them.
func kindOfText[T string | []byte](v T, valid bool) kind {
	switch {
	case !valid:
		return kindBinary
	case len(v) == 0 || v[0] > '9':
		return kindText
	case v[0] <= ' ':
		return kindNone
	}
	for i := range len(v) {
		if !inNumber[v[i]] {
			return kindText
		}
	}
	return kindOfNumber(v)
}

// inNumber has the bytes of which numbers, dates and times are made.
var inNumber = [256]bool{
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'+': true, '-': true, '.': true, '/': true, ':': true, ' ': true, 'e': true, 'E': true, 'T': true, 'Z': true,
}

// kindOfNumber is the kind of what consists of such bytes. A fraction is of no kind: where MySQL derives an integer, it
// does not fit.
func kindOfNumber[T string | []byte](v T) kind {
	const most = 18 // digits that are an int64 for certain
	minus := v[0] == '-'
	begin := 0
	if minus {
		begin = 1
	}
	end := skipDigits(v, begin)
	digits := end - begin
	switch {
	case digits == 0 || digits > most:
		return kindNone
	case end == len(v) && !minus:
		return kindDigits
	case end == len(v) && v[1] != '0':
		return kindMinusDigits
	case end == len(v):
		return kindNone
	}
	return kindOfMoment(v)
}

// kindOfMoment is the kind of what looks like a date or a time. A time alone is of no kind: some are dates, too.
func kindOfMoment[T string | []byte](v T) kind {
	if len(v) < 10 || v[4] != '-' || v[7] != '-' || skipDigits(v, 0) != 4 || v[0] == '0' ||
		!isBetween(v[5:7], 1, 12) || !isBetween(v[8:10], 1, daysOf[(v[5]-'0')*10+v[6]-'0'-1]) {
		return kindNone
	}
	switch {
	case len(v) == 10:
		return kindDate
	case v[10] == ' ' && len(v) >= 19 && isClock(v[11:19]) &&
		(len(v) == 19 || len(v) > 20 && v[19] == '.' && skipDigits(v, 20) == len(v)):
		return kindDateTime
	}
	return kindNone
}

// daysOf are the days of each month, whatever the year.
var daysOf = [...]byte{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// isClock tells 23:59:59.
func isClock[T string | []byte](v T) bool {
	return v[2] == ':' && v[5] == ':' && isBetween(v[0:2], 0, 23) && isBetween(v[3:5], 0, 59) && isBetween(v[6:8], 0, 59)
}

// isBetween tells a number of two digits.
func isBetween[T string | []byte](v T, low, high byte) bool {
	if skipDigits(v, 0) != 2 {
		return false
	}
	n := (v[0]-'0')*10 + v[1] - '0'
	return low <= n && n <= high
}

func skipDigits[T string | []byte](v T, at int) int {
	for at < len(v) && '0' <= v[at] && v[at] <= '9' {
		at++
	}
	return at
}
