package docs_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// troubles make the errors of docs/troubleshooting.md happen as a program would meet them, by the texts that the page
// has. Dots in a text stand for what differs from case to case.
type troubles map[string]func(t *testing.T) error

// madeElsewhere are texts of the page that tests of other modules make: the drivers are theirs.
var madeElsewhere = map[string]string{
	`failed to connect to`: "integration/trouble_test.go",
	`unexpected EOF`:       "integration/trouble_test.go",
	`terminating connection due to administrator command`:                   "integration/trouble_test.go",
	`terminating connection due to idle-in-transaction timeout`:             "integration/trouble_test.go",
	`pooled: the connection was opened by the parent process before a fork`: "internal/servertest/fork_test.go",
	`no more connections allowed (max_client_conn)`:                         "integration/pgbouncer_state_test.go",
}

// notMade are texts of the page that no test makes, and why.
var notMade = map[string]string{
	`MySQL server has gone away`:                "the text of MySQL's own clients: no driver of Go says it",
	`maximum statement execution time exceeded`: "MySQL's: MariaDB, which tests run on, has another",
	`the database system is starting up`:        "said for a moment only, at a time that a test can't choose",
	`the database system is shutting down`:      "the same",
}

func allTroubles() troubles {
	all := troubles{}
	for _, some := range []troubles{
		poolTroubles, dsnTroubles, dialTroubles, systemTroubles, postgresTroubles, mysqlTroubles, sqliteTroubles,
	} {
		maps.Copy(all, some)
	}
	return all
}

// Each error of docs/troubleshooting.md is made to happen, and has the text that the page says.
func TestTroubles(t *testing.T) {
	for message, happen := range allTroubles() {
		t.Run(message, func(t *testing.T) {
			err := happen(t)
			if err == nil {
				t.Fatalf("have no error, want %s", message)
			}
			t.Logf("%v", err)
			if text := strings.Replace(err.Error(), suffix, "", 1); !matches(message, text) {
				t.Errorf("have %s\nwant %s", text, message)
			}
		})
	}
}

// matches tells whether a text of the page occurs in an error.
func matches(message, text string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(message), "…", ".*")
	return regexp.MustCompile("(?s)" + pattern).MatchString(text)
}

// The table at the top of the page has the texts that the tests make and those that they can't, in the order of the
// alphabet. Each stands again in the section that its row leads to, and each section says the three things.
func TestTroubleshootingPage(t *testing.T) {
	page := readFile(t, "docs/troubleshooting.md")
	sections := map[string]string{}
	for section := range strings.SplitSeq(page, "\n## ") {
		title, text, _ := strings.Cut(section, "\n")
		for anchor := range anchors("# " + title) {
			sections[anchor] = text
		}
		for _, part := range []string{"**What happened.**", "**How to see it.**", "**What to do.**"} {
			if strings.Contains(text, "\nMessages: ") && !strings.Contains(text, part) {
				t.Errorf("section %q has no %s", title, part)
			}
		}
	}
	var have []string
	for _, row := range troubleRow.FindAllStringSubmatch(page, -1) {
		message, anchor := row[1], row[2]
		have = append(have, message)
		if !strings.Contains(sections[anchor], "`"+message+"`") {
			t.Errorf("%s: not in the section that its row leads to, %q", message, anchor)
		}
	}
	fold := func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
	if !slices.IsSortedFunc(have, fold) {
		t.Errorf("the table of messages is not in the order of the alphabet; want\n%s",
			strings.Join(slices.SortedFunc(slices.Values(have), fold), "\n"))
	}
	for message, file := range madeElsewhere {
		if !strings.Contains(readFile(t, file), message) {
			t.Errorf("%s: not in %s", message, file)
		}
	}
	want := slices.Concat(slices.Collect(maps.Keys(allTroubles())), slices.Collect(maps.Keys(madeElsewhere)),
		slices.Collect(maps.Keys(notMade)))
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("messages of the page:\n%s\nof the tests:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

var troubleRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\[.*\\]\\(#(.*)\\) \\|$")
