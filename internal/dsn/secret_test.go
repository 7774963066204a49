package dsn_test

import (
	"errors"
	"testing"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"u:Zq7@x/y@tcp(h)/db?pool_size=7":                    "u:xxxxx@tcp(h)/db?pool_size=7",
		"u@tcp(h)/db":                                        "u@tcp(h)/db",
		"my user:Zq7@tcp(h)/db":                              "my user:xxxxx@tcp(h)/db",
		"a=b:Zq7@tcp(h)/db":                                  "xxxxx@tcp(h)/db",
		"pwd=Zq7;uid=x@tcp(h)/db":                            "xxxxx@tcp(h)/db",
		"mysql://u:Zq7@h/db":                                 "mysql://u:xxxxx@h/db",
		"postgres://u:Zq7@h/db?sslmode=x&sslpassword=Zq7":    "postgres://u:xxxxx@h/db?sslmode=x&sslpassword=xxxxx",
		"postgres://u@h:5432/db":                             "postgres://u@h:5432/db",
		`host=h password='Zq7 \'x' user=u`:                   `host=h password=xxxxx user=u`,
		"server=h;pwd=Zq7;user id=sa":                        "server=h;pwd=xxxxx;user id=sa",
		"odbc:server=h;Password={Zq7;};uid=sa":               "odbc:server=h;Password=xxxxx;uid=sa",
		"file:a.db?_auth&_auth_user=u&_auth_pass=Zq7":        "file:a.db?_auth&_auth_user=xxxxx&_auth_pass=xxxxx",
		"file:a.db?_auth_pass=a&Zq7&x=1":                     "file:a.db?_auth_pass=xxxxx&xxxxx&x=1",
		"databricks://Zq7@h/db":                              "databricks://xxxxx@h/db",
		"postgres://u@h/db?password=a#Zq7":                   "postgres://u@h/db?password=xxxxx#xxxxx",
		"scott/Zq7@h/svc?pool_driver=oracle&pool_size=7":     "xxxxx pool_driver=oracle pool_size=7",
		"clickhouse://h/db?username=u&password=Zq7&secure=1": "clickhouse://h/db?username=u&password=xxxxx&secure=1",
		"user=scott;password=Zq7;x=1":                        "user=scott;password=xxxxx",
		"postgres://h/db?user=u;password=Zq7&sslmode=x":      "postgres://h/db?user=u;password=xxxxx&sslmode=x",
		"host=h user=u pasword=Zq7":                          "host=h user=u pasword=xxxxx",
		"postgres://h/db?psswrd=Zq7":                         "postgres://h/db?psswrd=xxxxx",
		"":                                                   "",
		"what nobody understands":                            "xxxxx",
		"//scott:Zq7@h/x?pool_driver=sqlite":                 "xxxxx pool_driver=sqlite",
	} {
		if have := dsn.Mask(text); have != want {
			t.Errorf("%s: have %s, want %s", text, have, want)
		}
	}
}

func TestScrub(t *testing.T) {
	const withheld = "left out"
	for _, test := range []struct{ text, dsn, want string }{
		{"invalid bool value: maybe", "u:Zq7xKv9w@tcp(h)/db?parseTime=maybe", "pooled: invalid bool value: maybe"},
		{"pooled: twice", "u@/db", "pooled: twice"},
		{"two\nlines", "u@/db", "pooled: two lines"},
		{"dial u:Zq7xKv9w@h", "u:Zq7xKv9w@tcp(h)/db", withheld},
		{"port ZQ7X bad", "u:Zq7xKv9w@tcp(h)/db", withheld},
		{`bad "w"`, "postgres://u:Zq7xKv9w@h/db", withheld},
		{"bad escape a/b", "postgres://u:a%2Fb@h/db", withheld},
		{"bad escape in a%40b%3Ac%2Fd", "u:a@b:c/d@tcp(h)/db", withheld},
		{`bad escape in a\u0026b\u003cc`, "u:a&b<c@tcp(h)/db", withheld},
		{"two \x1b[2Jlines\u009b", "u@/db", "pooled: two ⟨001B⟩[2Jlines⟨009B⟩"},
		{`missing "=" after "v9w" in connection info string`, "host=h password=Zq7 v9w", withheld},
		{`invalid port ":Zq7xKv" after host`, "postgres://u:Zq7xKv", withheld},
		{"pq: wrong value for sslmode", "host=h password=Zq7xKv9w sslmode=x", "pooled: pq: wrong value for sslmode"},
	} {
		cause := errors.New(test.text)
		err := dsn.Scrub(cause, test.dsn)
		pooledtest.CheckError(t, test.text, err, test.want)
		if errors.Is(err, cause) || errors.Unwrap(err) != nil {
			t.Errorf("%s: have an error that leads to its cause, want none", test.text)
		}
	}
	if err := dsn.Scrub(nil, "u@/db"); err != nil {
		t.Errorf("nil: have %v, want nil", err)
	}
}
