package dsn_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// someKeys knows a few options, and one other way to write one.
type someKeys struct{}

func (someKeys) Has(key string) bool {
	return slices.Contains([]string{"pool_size", "pool_timeout", "pool_driver", "echo"}, key)
}

func (someKeys) Stray(key string) error {
	if key == "poolSize" {
		return errors.New("pooled: unknown key poolSize: did you mean pool_size?")
	}
	return nil
}

// What is written on purpose, or is no option, is no mistake: the DSN is read as Detect reads it.
func TestReadOnPurpose(t *testing.T) {
	for _, text := range []string{
		// Encoded
		"postgres://u:p%3Fpool_size=4@h/db", "postgres://u:p@h/db%26pool_size=4", "postgres://h/db?a=b%3Bpool_size=4",
		"postgres://h/db?options=-c%20pool_size%3D3", "mysql://u:p%26pool_size=4@h/db", "file:x%26pool_size=1.db",
		"sqlite:///x%26pool_size=1.db", "u@tcp(h)/db%26pool_size=4", "u@tcp(h)/db?a=%27b&pool_size%3D4",
		// Quoted
		"host=h password='x?pool_size=4'", "host=h password='x pool_size=4'", `host=h password=x\ pool_size=4`,
		`server=h;password="a;pool_size=3"`, `server=h;password="a?pool_size=3"`, "odbc:server=h;password={a;pool_size=3}",
		// No separator before it, or no = behind it
		"postgres://h/pool_size=3", "u:pool_size=3@tcp(h)/db", "./pool_size=3/app.db", "file:x.db&pool_size",
		"host=h password=a?pool_size", "postgres://h/db?a=pool_size=3", "user@tcp(h)/db?a=b&pool_size=4",
		// No option
		"file:x.db&pool_wibble=1", "postgres://h/db&x=1", "u:p?a=b@tcp(h)/db", "host=h password=a?b=c",
		"server=h;database=d&x=y", "file:x.db?a=b;Echo=1", "postgres://h/db?a=b#c",
	} {
		form, err := dsn.Read(text, someKeys{})
		want, wantErr := dsn.Detect(text)
		if err != nil || wantErr != nil || fmt.Sprint(form.Target()) != fmt.Sprint(want.Target()) {
			t.Errorf("%s: have %v, %v; want as from Detect, %v", text, form, err, wantErr)
		}
	}
}

// The file of a secret often ends in a line break.
func TestReadLineBreakAtEnd(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\n\n"} {
		for _, text := range []string{"u:p@tcp(h)/db", "postgres://u:p@h/db?a=b&pool_size=3", "host=h user=u", "app.db"} {
			form, err := dsn.Read(text+end, someKeys{})
			want, _ := dsn.Detect(text)
			if err != nil || fmt.Sprint(form.Target()) != fmt.Sprint(want.Target()) {
				t.Errorf("%q: have %v, want as without the line break", text+end, err)
			}
		}
	}
}

// seenAsOption is an option as a reader of a DSN sees it.
var seenAsOption = regexp.MustCompile(`[?&;,\s](pool_size|pool_timeout|pool_driver|echo)=`)

// FuzzRead: a DSN that is accepted hides no option from the pool, and one without an option is read as Detect reads it.
func FuzzRead(f *testing.F) {
	for i, test := range forms {
		for j, sep := range []string{"?", "&", ";", " ", "\n", "&amp;", "#&", "", "'", `"`, "@"} {
			f.Add(test.dsn, sep+"pool_timeout=3", uint8((i*7+j*13)%(len(test.dsn)+1)))
		}
	}
	f.Fuzz(func(t *testing.T, text, more string, at uint8) {
		if int(at) <= len(text) {
			text = text[:at] + more + text[at:]
		}
		form, err := dsn.Read(text, someKeys{})
		if err != nil {
			pooledtest.CheckError(t, text, err, "pooled: ")
			return
		}
		want, err := dsn.Detect(strings.TrimRight(text, "\r\n"))
		if err != nil || fmt.Sprint(form.Target()) != fmt.Sprint(want.Target()) {
			t.Errorf("%q: have %v, want as from Detect, %v", text, form, err)
		}
		if strings.ContainsAny(text, `'"{\`) || strings.Contains(text, "%") {
			return // it may be there on purpose
		}
		if _, native, err := form.Target(); err == nil && seenAsOption.MatchString(native) {
			t.Errorf("%q: have %q for the driver, want the option refused", text, native)
		}
	})
}
