package pooled

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// The constructors below make the rows of the option table, one for each kind of value.

func (o option) alias(names ...string) option {
	o.Aliases = append(o.Aliases, names...)
	return o
}

func checked(o option, check func(Config) error) option {
	o.check = check
	return o
}

func (o option) withDefault() option {
	o.Default = o.format(NewConfig())
	return o
}

func text(key string, field func(*Config) *string, doc string) option {
	return option{
		Option: Option{Key: key, Doc: doc},
		parse:  func(c *Config, v string) error { *field(c) = v; return nil },
		format: func(c Config) string { return *field(&c) },
	}.withDefault()
}

func number(key string, field func(*Config) *int, check func(Config) error, classes []Class, doc string) option {
	return option{
		Option: Option{Key: key, Doc: doc},
		parse: func(c *Config, v string) (err error) {
			*field(c), err = parseInt(v)
			return err
		},
		format:  func(c Config) string { return strconv.Itoa(*field(&c)) },
		check:   check,
		classes: classes,
	}.withDefault()
}

func duration(key string, field func(*Config) *time.Duration, check func(time.Duration) error, classes []Class, doc string) option {
	return option{
		Option: Option{Key: key, Doc: doc},
		parse: func(c *Config, v string) (err error) {
			*field(c), err = parseDuration(v)
			return err
		},
		format:  func(c Config) string { return formatDuration(*field(&c)) },
		check:   func(c Config) error { return check(*field(&c)) },
		classes: classes,
	}.withDefault()
}

func boolean(key string, field func(*Config) *bool, classes []Class, doc string) option {
	return option{
		Option: Option{Key: key, Doc: doc},
		parse: func(c *Config, v string) (err error) {
			*field(c), err = parseBool(v)
			return err
		},
		format:  func(c Config) string { return strconv.FormatBool(*field(&c)) },
		classes: classes,
	}.withDefault()
}

func checkStmtCache(c Config) error {
	if c.StmtCache < 0 || c.StmtCache > 1<<16 {
		return errors.New("want 0 to 65536")
	}
	return nil
}

func atLeastOne(c Config) error {
	if c.ConnectLimit < 1 && c.ConnectLimit != off {
		return errors.New("want at least 1, or -1 for no limit")
	}
	return nil
}

func atLeastZero(d time.Duration) error {
	if d < 0 && d != off {
		return errDuration
	}
	return nil
}

func aboveZero(d time.Duration) error {
	if d <= 0 && d != off {
		return errors.New("want a duration above 0, or -1 for no limit")
	}
	return nil
}

func jitter(key string, field func(*Config) *Jitter, classes []Class, doc string) option {
	return option{
		Option:  Option{Key: key, Doc: doc},
		parse:   func(c *Config, v string) (err error) { *field(c), err = parseJitter(v); return err },
		format:  func(c Config) string { return formatJitter(*field(&c)) },
		check:   func(c Config) error { return checkJitter(*field(&c)) },
		classes: classes,
	}.withDefault()
}

// parseJitter reads "10%" or a duration; -1 is no jitter.
func parseJitter(v string) (j Jitter, err error) {
	if p, ok := strings.CutSuffix(v, "%"); ok {
		j.Percent, err = parsePercent(p)
		return j, err
	}
	j.Duration, err = parseDuration(v)
	j.Duration = max(j.Duration, 0)
	return j, wrapIf(err, errJitter)
}

func formatJitter(j Jitter) string {
	if j.Percent != 0 {
		return strconv.FormatFloat(j.Percent, 'f', -1, 64) + "%"
	}
	if j.Duration == 0 {
		return "0"
	}
	return formatDuration(j.Duration)
}

func checkJitter(j Jitter) error {
	if !(j.Percent >= 0 && j.Percent <= 100) || j.Duration < 0 || j.Percent != 0 && j.Duration != 0 {
		return errJitter
	}
	return nil
}

var errJitter = errors.New(`want a percentage from 0% to 100% or a duration`)

func parsePercent(v string) (float64, error) {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !plainNumber(v) || n > 100 {
		return 0, errJitter
	}
	return n, nil
}

func echoing(key string, field func(*Config) *EchoMode, doc string) option {
	check := func(c Config) error {
		switch *field(&c) {
		case EchoOff, EchoOn, EchoDebug:
			return nil
		}
		return errors.New("want off, true or debug")
	}
	return option{
		Option: Option{Key: key, Doc: doc},
		parse: func(c *Config, v string) error {
			if on, err := parseBool(v); err == nil {
				v = string(EchoOff)
				if on {
					v = string(EchoOn)
				}
			}
			*field(c) = EchoMode(strings.ToLower(v))
			return check(*c)
		},
		format: func(c Config) string { return string(*field(&c)) },
		check:  check,
	}.withDefault()
}

// wrapIf puts a better text in the place of an error.
func wrapIf(err, better error) error {
	if err != nil {
		return better
	}
	return nil
}

func parseInt(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, errors.New("want a whole number")
	}
	return n, nil
}

var errDuration = errors.New("want a duration such as 30s or 1.5 (seconds), or -1 for no limit")

// parseDuration reads Go's durations and, as in SQLAlchemy, plain seconds. -1 is the one negative value.
func parseDuration(v string) (time.Duration, error) {
	if v == "-1" {
		return off, nil
	}
	s := v
	if plainNumber(v) {
		s += "s"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errDuration
	}
	return d, nil
}

// plainNumber reports digits with at most one point: no sign, exponent, hexadecimal, infinity.
func plainNumber(v string) bool {
	whole, fraction, _ := strings.Cut(v, ".")
	digits := whole + fraction
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// formatDuration drops the zero parts that time.Duration.String writes: 1m0s is 1m.
func formatDuration(d time.Duration) string {
	if d == off {
		return "-1"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-len("0s")]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-len("0m")]
	}
	return s
}

func parseBool(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "true", "1", "on", "yes":
		return true, nil
	case "false", "0", "off", "no":
		return false, nil
	}
	return false, errors.New("want true or false (1 or 0, on or off, yes or no)")
}
