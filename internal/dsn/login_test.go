package dsn_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dsn"
)

// A password with an @ is what it always was, unless the same user and password stand behind it again.
func TestPasswordsWithAt(t *testing.T) {
	for _, text := range []string{
		"postgres://u:p@ss,w@h/db", "postgres://u:p@db1,db2@h/db", "postgres://u:pw@db1,u:other@h/db",
		"postgres://u:pw@db1,v:pw@h/db", "postgres://u@server:pw@h1,h2/db", "postgres://u@x,v@h/db",
		"postgres://u:pw%40db1%2Cu:pw@h/db", "postgres://h/db?options=u@h1,u@h2",
		"mysql://u:p@ss,w@h/db", "mysql://u:pw%40db1%2Cu:pw@h/db", "mysql://u:pw@h1,h2/db",
		"u:p@ss,w@tcp(h)/db", "u:pw@tcp(h1),u:other@tcp(h)/db", "u:/@,u@tcp(h)/db?x=1",
		"host=h password=u:pw@h1,u:pw@h2", "clickhouse://u:pw@h1,u:pw@h2/db", "file:u@h,u@h",
	} {
		form, err := dsn.Detect(text)
		if err == nil {
			_, _, err = form.Target()
		}
		if err != nil {
			t.Errorf("%s: have %v, want no error", text, err)
		}
	}
}
