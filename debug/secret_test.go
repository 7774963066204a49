package debug_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

const password = "hunter2-s3cr3t"

// talkative is a driver whose error repeats its DSN.
type talkative struct{}

func (talkative) Open(dsn string) (driver.Conn, error) {
	return nil, errors.New("cannot reach " + dsn + " at all")
}

func init() { sql.Register("debug_talkative", talkative{}) }

// Neither the page nor the JSON has the password, wherever it came in.
func TestNoPassword(t *testing.T) {
	db, err := sql.Open(
		"pooled",
		"postgres://scott:"+password+"@localhost:1/shop?pool_driver=debug_talkative&sslpassword="+password+
			"&pool_name=quiet&pool_init_sql=SET+PASSWORD+"+password,
	)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(); err == nil {
		t.Fatal("have no error, want one")
	}
	pools := look(t, "/?format=json").Pools
	if len(pools) != 1 || pools[0].Counters.ConnectErrors == 0 || len(pools[0].Events) == 0 {
		t.Fatalf("have %+v, want the pool with its connect error", pools)
	}
	for _, target := range []string{"/", "/?format=json"} {
		page := get(t, debug.Handler{AllowActions: true}, target)
		if !strings.Contains(page, "quiet") || !strings.Contains(page, "connect_error") || !strings.Contains(page, "scott") {
			t.Errorf("GET %s: the pool's name, DSN and event are missing", target)
		}
		if at := strings.Index(page, "hunter2"); at >= 0 {
			t.Errorf("GET %s: have the password: %s", target, page[max(0, at-200):at+40])
		}
	}
}

// evil is text that would run if it became HTML, in any place of a page.
const evil = `<script>alert(1)</script><img src=x onerror=alert(2)>"'` + "`" + `</textarea></title></style></template>{{.}}${x}<!--`

// Whatever a name, a statement, an option or an error contains is text.
func TestTextStaysText(t *testing.T) {
	db, _ := open(t, pooledtest.NewFake(t), named("pool "+evil)) // which is an option's value, too
	conn := hold(t, db, "SELECT 1 -- statement "+evil)
	gone := hold(t, db, "SELECT 2")
	pooled.Invalidate(gone, errors.New("event "+evil+"\nrest "+evil))
	gone.Close()
	page := get(t, debug.Handler{AllowActions: true}, "/")
	markup := regexp.MustCompile(`(?s)^(.*)<style>.*</style>(.*)<script>.*</script>(.*)$`).FindStringSubmatch(page)
	if markup == nil {
		t.Fatal("have a page that does not have one style and one script")
	}
	for _, bad := range []string{"<script", "<img", "onerror=alert(2)>", "</textarea", "<!--"} {
		for _, part := range markup[1:] {
			if strings.Contains(part, bad) {
				t.Errorf("have %q in the page, want it escaped", bad)
			}
		}
	}
	text := html.UnescapeString(page)
	for _, want := range []string{"pool " + evil, "statement " + evil, "event " + evil, "rest " + evil} {
		if !strings.Contains(text, want) {
			t.Errorf("have a page without the text %q", want)
		}
	}
	// JSON that is taken for HTML by mistake has no tags either.
	report := get(t, debug.Handler{}, "/?format=json")
	if strings.ContainsAny(report, "<>&") {
		t.Error("have <, > or & in the JSON, want them escaped")
	}
	if have := look(t, "/?format=json").Pools[0]; have.Name != "pool "+evil ||
		!strings.Contains(have.Conns[0].Statement, evil) {
		t.Errorf("have %q and %q, want the texts as they are", have.Name, have.Conns[0].Statement)
	}
	conn.Close()
}
