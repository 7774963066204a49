package dsn_test

import (
	"database/sql"
	"flag"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
)

var update = flag.Bool("update", false, "write the errors of today into testdata/wrong.txt")

const (
	wrongFile = "testdata/wrong.txt"
	leastDSNs = 120

	// password is what stands for one in the file. No three characters of it in a row are in any text of the package.
	password = "Zq7xKvJ9wQ3"
)

// wrongDSN is a DSN of the file, with the error that is expected.
type wrongDSN struct {
	text string // as it stands in the file
	dsn  string
	want string
}

// readWrong reads the file: comments, and pairs of lines, a DSN and its error behind a tab. A DSN that begins with a
// double quote is a string of Go. The lines that belong to no pair keep their places in layout.
func readWrong(t *testing.T) (list []wrongDSN, layout []string) {
	t.Helper()
	text, err := os.ReadFile(wrongFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch want, isError := strings.CutPrefix(line, "\t"); {
		case isError && len(list) > 0:
			list[len(list)-1].want = want
		case line == "" || strings.HasPrefix(line, "#"):
			layout = append(layout, line)
		default:
			w := wrongDSN{text: line, dsn: line}
			if strings.HasPrefix(line, `"`) {
				if w.dsn, err = strconv.Unquote(line); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
			}
			list = append(list, w)
			layout = append(layout, line)
		}
	}
	return list, layout
}

// refused is the error of sql.Open, which is also that of ParseDSN if the latter sees what is wrong. The error about an
// empty DSN is that of the first use.
func refused(t *testing.T, dsn string) string {
	t.Helper()
	_, parseErr := pooled.ParseDSN(dsn)
	db, err := sql.Open(pooled.DriverName, dsn)
	if err == nil && strings.TrimSpace(dsn) == "" {
		err = db.Ping()
	}
	if err == nil {
		err = db.Close()
		t.Errorf("%q is accepted (closed with %v), want it refused before anything is dialled", dsn, err)
		return ""
	}
	if parseErr != nil && parseErr.Error() != err.Error() {
		t.Errorf("%q: have %q from sql.Open, want %q as from ParseDSN", dsn, err, parseErr)
	}
	return err.Error()
}

// Each DSN that somebody may write wrong is refused, by one line that says what to write and shows no password.
func TestWrongDSNs(t *testing.T) {
	list, layout := readWrong(t)
	if len(list) < leastDSNs {
		t.Errorf("have %d DSNs, want at least %d", len(list), leastDSNs)
	}
	have := map[string]string{}
	for _, w := range list {
		if _, twice := have[w.text]; twice {
			t.Errorf("%s: have it twice, want it once", w.text)
		}
		have[w.text] = refused(t, w.dsn)
		if have[w.text] != w.want && !*update {
			t.Errorf("%s: have\n\t%s\nwant\n\t%s", w.text, have[w.text], w.want)
		}
		checkWording(t, w, have[w.text])
	}
	checkEachOption(t, list, have)
	if *update {
		var b strings.Builder
		for _, line := range layout {
			b.WriteString(line + "\n")
			if err, ok := have[line]; ok {
				b.WriteString("\t" + err + "\n")
			}
		}
		if err := os.WriteFile(wrongFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// says are the words by which an error says what to write.
var says = regexp.MustCompile(`\b(write|want|must be|did you mean|import|set|add|give|use|put|remove|register|` +
	`leave it out)\b`)

// separators are two that an error names, the right one and the wrong one.
var separators = regexp.MustCompile(`write (.+) before it, not ([^;]+|';')(;|$)`)

func checkWording(t *testing.T, w wrongDSN, text string) {
	t.Helper()
	if !strings.HasPrefix(text, "pooled: ") || strings.ContainsAny(text, "\r\n\t") {
		t.Errorf("%s: have %q, want one line that begins with pooled:", w.text, text)
	}
	if !says.MatchString(text) {
		t.Errorf("%s: have %q, want it to say what to write", w.text, text)
	}
	if m := separators.FindStringSubmatch(text); m != nil && m[1] == m[2] {
		t.Errorf("%s: have %q, want two separators", w.text, text)
	}
	for i := range len(password) - 2 {
		if part := password[i : i+3]; strings.Contains(text, part) {
			t.Errorf("%s: have %q of the password in %q, want nothing of it", w.text, part, text)
		}
	}
}

// checkEachOption: each key and alias is in the file with a bad value. Only SQL may be anything.
func checkEachOption(t *testing.T, list []wrongDSN, have map[string]string) {
	t.Helper()
	for _, o := range pooled.Options() {
		for _, key := range append([]string{o.Key}, o.Aliases...) {
			found := slices.ContainsFunc(list, func(w wrongDSN) bool {
				return strings.HasPrefix(have[w.text], "pooled: "+key+"=") ||
					strings.HasPrefix(have[w.text], "pooled: "+key+": nothing is registered")
			})
			if !found && key != "pool_init_sql" {
				t.Errorf("%s: have no DSN with a bad value, want one", key)
			}
		}
	}
}
