package dsn

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// attr is a key of libpq's that means the same as an option of the pool.
type attr struct {
	key, env string
	values   [][2]string // its own, and the option's; the first does nothing
	pgx      bool        // pgx knows it
}

var attrs = []attr{
	{"target_session_attrs", "PGTARGETSESSIONATTRS", [][2]string{{"any", "any"}, {"read-write", "primary"},
		{"primary", "primary"}, {"read-only", "standby"}, {"standby", "standby"},
		{"prefer-standby", "prefer-standby"}}, true},
	{"load_balance_hosts", "PGLOADBALANCEHOSTS", [][2]string{{"disable", "order"}, {"random", "random"}}, false},
}

// takeAttrs takes what the pool does itself out of a DSN of PostgreSQL's. Where the environment would say it to the
// driver then, the DSN says that the driver does nothing.
func (split *Split) takeAttrs(driver string, s *syntax, dsn string) (string, error) {
	for i, into := range []*string{&split.Target, &split.Order} {
		a := attrs[i]
		l, _ := s.scan(dsn)
		value, given := s.value(l, a.key)
		if !given {
			continue
		}
		if !(value == "" && s == urlSyntax) { // lib/pq drops an empty one
			at := slices.IndexFunc(a.values, func(v [2]string) bool { return v[0] == value })
			if at < 0 {
				return "", a.errValue(s, l, value)
			}
			*into = a.values[at][1]
		}
		if os.Getenv(a.env) != "" && (a.pgx || !isPgx(driver)) {
			dsn = s.set(l, a.key, a.values[0][0])
		} else {
			dsn = s.remove(l, func(p param) bool { return p.key == a.key })
		}
	}
	return dsn, nil
}

// Heed stores what a key of libpq's says, if it says something, in the place of an option that means the same. An
// option that is given must not say something else.
func Heed[V ~string](says string, option *V, given bool, key string) error {
	switch {
	case says == "" || says == string(*option):
		return nil
	case given:
		return fmt.Errorf("pooled: %s=%s: the driver's own key in the DSN, %s, says something else: give one of them", key,
			*option, attrKeys[key])
	}
	*option = V(says)
	return nil
}

// checkMySQLAttrs refuses the keys in a DSN of MySQL's, whose driver would set server variables of that name.
func checkMySQLAttrs(dsn string) error {
	l, _ := scanMySQL(dsn)
	for _, p := range l.params {
		for i, option := range []string{"pool_target", "pool_hosts"} {
			if !strings.EqualFold(p.key, attrs[i].key) {
				continue
			}
			for _, v := range attrs[i].values {
				if v[0] == p.value {
					option += "=" + v[1]
				}
			}
			return fmt.Errorf("pooled: %s is PostgreSQL's: write %s for MySQL", attrs[i].key, option)
		}
	}
	return nil
}

var attrKeys = map[string]string{"pool_target": attrs[0].key, "pool_hosts": attrs[1].key}

// errValue is for a value that libpq has not. What comes before an @ may be part of a password.
func (a attr) errValue(s *syntax, l layout, value string) error {
	var words []string
	for _, v := range a.values {
		words = append(words, v[0])
	}
	shown := Shown(value)
	for _, p := range l.params {
		if p.key == a.key && s.sep == "&" && strings.Contains(l.dsn[p.start:], "@") {
			shown = "(not shown)"
		}
	}
	last := len(words) - 1
	return fmt.Errorf("pooled: %s=%s: bad value: want %s or %s", a.key, shown, strings.Join(words[:last], ", "),
		words[last])
}

// value is that of a key. Of several the driver takes the last, or the first of lib/pq's URLs.
func (s *syntax) value(l layout, key string) (value string, given bool) {
	for _, p := range l.params {
		if p.key == key && !(given && s == urlSyntax) {
			value, given = p.value, true
		}
	}
	return value, given
}

// set returns the DSN with one value of a key, in the place of its first one.
func (s *syntax) set(l layout, key, value string) string {
	i := slices.IndexFunc(l.params, func(p param) bool { return p.key == key })
	if i < 0 {
		return s.append(l, []Pair{{key, value}})
	}
	p := l.params[i]
	l, _ = s.scan(l.dsn[:p.start] + key + "=" + s.quote(value) + l.dsn[p.end:])
	n := 0
	return s.remove(l, func(p param) bool {
		if p.key == key {
			n++
		}
		return p.key == key && n > 1
	})
}
