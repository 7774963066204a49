package pooled_test

import (
	"slices"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// First in, first out, also when the ring grows with its front in the middle.
func TestReuseOrderWhenTheIdleListGrows(t *testing.T) {
	fake := pooledtest.NewFake(t)
	connector := connectorTo(t, fake, func(c *pooled.Config) { c.UseLIFO = false })
	defer connector.Close()
	var conns []*pooled.Conn
	var ids []int
	take := func() {
		c, err := connector.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conn := c.(*pooled.Conn)
		conns, ids = append(conns, conn), append(ids, pooledtest.ConnID(conn.Raw()))
	}
	giveFirst := func(n int) {
		for _, c := range conns[:n] {
			c.IsValid()
		}
		conns, ids = conns[n:], ids[n:]
	}
	for range 20 {
		take()
	}
	giveFirst(6) // 1 to 6 lie idle
	for range 4 {
		take() // 1 to 4, the front moves
	}
	giveFirst(18) // 7 to 20, then 1 to 4: beyond the ring's first size
	conns, ids = nil, nil
	for range 20 {
		take()
	}
	want := []int{5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 1, 2, 3, 4}
	if !slices.Equal(ids, want) {
		t.Errorf("have %v, want %v", ids, want)
	}
	giveFirst(20)
}
