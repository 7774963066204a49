package observe_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/observe"
)

type eventConn struct{ session string }

func (c eventConn) ID() uint64        { return 7 }
func (c eventConn) Session() string   { return c.session }
func (c eventConn) Opened() time.Time { return time.Now() }

func TestEvents(t *testing.T) {
	b := new(book)
	log := logTo(b, new(masker))
	conn := eventConn{"4711"}
	log.Event(observe.EventConnect, conn, nil)
	log.Event(observe.EventInvalidate, conn, errors.New("broken"))
	log.Event(observe.EventConnectError, nil, errors.New("refused"))
	log.Event(observe.EventDispose, nil, nil)
	b.want(t, "rare events",
		"INFO pooled: connect pool=shop event=connect conn=7 session=4711 age_ms",
		"WARN pooled: invalidate pool=shop event=invalidate conn=7 session=4711 age_ms err=broken",
		"WARN pooled: connect_error pool=shop event=connect_error err=refused",
		"INFO pooled: dispose pool=shop event=dispose")

	conn.session = ""
	log.Checkout(t.Context(), conn, time.Second)
	log.Reset(t.Context(), conn, "")
	log.Reset(t.Context(), conn, "ROLLBACK")
	log.Checkin(conn)
	b.want(t, "each lease",
		"INFO pooled: checkout pool=shop event=checkout conn=7 age_ms idle_ms",
		"INFO pooled: reset pool=shop event=reset conn=7 age_ms stmt=ROLLBACK",
		"INFO pooled: checkin pool=shop event=checkin conn=7 age_ms")

	leak := observe.Holder{Conn: 7, Statement: "SELECT 1", Held: time.Hour, Stack: "main.main"}
	log.Leak(leak)
	leak.Returned = true
	log.Leak(leak)
	b.want(t, "leaks",
		"WARN pooled: leak pool=shop event=leak conn=7 held_ms stmt=SELECT 1 stack=main.main",
		"WARN pooled: leak_returned pool=shop event=leak_returned conn=7 held_ms stmt=SELECT 1")
}

func TestHolderLine(t *testing.T) {
	stack := "example.com/shop.(*Cart).Save\n\t/src/shop/cart.go:12\nmain.main\n\t/src/main.go:3\n"
	for _, test := range []struct {
		holder observe.Holder
		want   string
	}{
		{observe.Holder{Conn: 7, Held: time.Second}, "conn 7 for 1s: no statement yet"},
		{observe.Holder{Conn: 7, Session: "4711", Held: 1500 * time.Microsecond, Statement: "SELECT\n\t1", Stack: stack},
			"conn 7 (session 4711) for 2ms by shop.(*Cart).Save at cart.go:12: SELECT 1"},
		{observe.Holder{Conn: 7, Statement: strings.Repeat("x", 100)}, "conn 7 for 0s: " + strings.Repeat("x", 77) + "…"},
	} {
		if have := test.holder.Line(); have != test.want {
			t.Errorf("have %s\nwant %s", have, test.want)
		}
	}
}
