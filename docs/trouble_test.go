package docs_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	"modernc.org/sqlite"
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
	`query_wait_timeout`:                                 "integration/pgbouncer_state_test.go",
	`unsupported startup parameter`:                      "integration/pgbouncer_state_test.go",
	`unnamed prepared statement does not exist`:          "integration/pgbouncer_trouble_test.go",
	`bind message supplies … parameters`:                 "integration/pgbouncer_trouble_test.go",
	`terminating connection due to idle-session timeout`: "integration/trouble_test.go",
	`terminating connection due to transaction timeout`:  "internal/servertest/ended_fake_test.go",
	`conn busy`: "integration/trouble_test.go",
	`WSREP has not yet prepared node for application use`: "integration/engines_test.go",
}

// notMade are texts of the page that no test makes, and why.
var notMade = map[string]string{
	`MySQL server has gone away`:              "the text of MySQL's own clients: no driver of Go says it",
	`the database system is starting up`:      "said for a moment only, at a time that a test can't choose",
	`the database system is shutting down`:    "the same",
	`the database system is in recovery mode`: "the same",
}

func allTroubles() troubles {
	all := troubles{}
	for _, some := range []troubles{
		poolTroubles, dsnTroubles, dialTroubles, tlsTroubles, systemTroubles, postgresTroubles, mysqlTroubles, sqliteTroubles,
		lockTroubles,
	} {
		maps.Copy(all, some)
	}
	return all
}

// Each error of docs/troubleshooting.md is made to happen, and has the text that the page says.
func TestTroubles(t *testing.T) {
	sections, anchors := troubleSections(t)
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
			if code := codeOf(err); !strings.Contains(sections[anchors[message]], code) {
				t.Errorf("its section does not have the code %s", code)
			}
		})
	}
}

// matches tells whether a text of the page occurs in an error.
func matches(message, text string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(message), "…", ".*")
	return regexp.MustCompile("(?s)" + pattern).MatchString(text)
}

// codeOf is the number that a server gives its error, empty if it is no server's.
func codeOf(err error) string {
	if e := new(pq.Error); errors.As(err, &e) {
		return string(e.Code)
	}
	if e := new(mysql.MySQLError); errors.As(err, &e) {
		return fmt.Sprint(e.Number)
	}
	if e := new(sqlite.Error); errors.As(err, &e) {
		return fmt.Sprint(e.Code())
	}
	return ""
}

// troubleSections are the sections of the page by their anchors, and the anchor for each message of its table.
func troubleSections(t *testing.T) (sections, anchorOf map[string]string) {
	t.Helper()
	page := readFile(t, "docs/troubleshooting.md")
	sections, anchorOf = map[string]string{}, map[string]string{}
	for section := range strings.SplitSeq(page, "\n## ") {
		title, text, _ := strings.Cut(section, "\n")
		for anchor := range anchors("# " + title) {
			sections[anchor] = text
		}
	}
	for _, row := range troubleRow.FindAllStringSubmatch(page, -1) {
		anchorOf[row[1]] = row[2]
	}
	return sections, anchorOf
}

// The table at the top of the page has the texts that the tests make and those that they can't, in the order of the
// alphabet. Each stands again in the section that its row leads to, and that section says the three things.
func TestTroubleshootingPage(t *testing.T) {
	sections, anchorOf := troubleSections(t)
	for message, anchor := range anchorOf {
		for _, part := range []string{"`" + message + "`", "**What happened.**", "**How to see it.**", "**What to do.**"} {
			if !strings.Contains(sections[anchor], part) {
				t.Errorf("%s: its section, %q, has no %s", message, anchor, part)
			}
		}
	}
	var order []string
	for _, row := range troubleRow.FindAllStringSubmatch(readFile(t, "docs/troubleshooting.md"), -1) {
		order = append(order, row[1])
	}
	fold := func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
	if want := slices.SortedFunc(slices.Values(order), fold); !slices.Equal(order, want) {
		t.Errorf("the table of messages is not in the order of the alphabet; want\n%s", strings.Join(want, "\n"))
	}
	checkTroublesHeld(t, anchorOf)
}

// checkTroublesHeld sees that each message of the page is held by a test or can't be, and that each of these is there.
func checkTroublesHeld(t *testing.T, onPage map[string]string) {
	t.Helper()
	held := map[string]bool{}
	for message := range allTroubles() {
		held[message] = true
	}
	for message, file := range madeElsewhere {
		held[message] = strings.Contains(readFile(t, file), message)
	}
	for message := range notMade {
		held[message] = true
	}
	for message := range onPage {
		if !held[message] {
			t.Errorf("%s: no test makes this error", message)
		}
	}
	for message := range held {
		if onPage[message] == "" {
			t.Errorf("%s: not in the table of docs/troubleshooting.md", message)
		}
	}
}

var troubleRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\[.*\\]\\(#(.*)\\) \\|$")
