package socket_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// ofGo is what net.Dialer sets.
var ofGo = pooledtest.KeepAlive{On: true, Idle: 15, Interval: 15, Count: 9}

var keepAliveDials = map[string]func(ctx context.Context, dialer net.Dialer, network, address string) (net.Conn, error){
	"Dial": func(ctx context.Context, _ net.Dialer, network, address string) (net.Conn, error) {
		return socket.Dial(ctx, network, address)
	},
	"DialCounted": func(ctx context.Context, _ net.Dialer, network, address string) (net.Conn, error) {
		return socket.DialCounted(ctx, network, address)
	},
	"DialOne": func(ctx context.Context, dialer net.Dialer, network, address string) (net.Conn, error) {
		return socket.DialOne(ctx, &dialer, false, network, address)
	},
	"DialOne, tuned": func(ctx context.Context, dialer net.Dialer, network, address string) (net.Conn, error) {
		return socket.DialOne(ctx, &dialer, true, network, address)
	},
	"by a driver": func(ctx context.Context, dialer net.Dialer, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		socket.Below(conn).KeepAlive(25 * time.Second)
		return conn, err
	},
}

func collecting(t *testing.T, deadAfter time.Duration) context.Context {
	ctx, dialed := socket.Collect(t.Context())
	dialed.DeadAfter = deadAfter
	return ctx
}

// What the pool knows of a connection that was dialed: after two fifths of the time it asks, then after each fifth, and
// sent data waits no longer than that.
func TestKeepAlive(t *testing.T) {
	usual := pooledtest.KeepAlive{On: true, Idle: 10, Interval: 5, Count: 3, Unacknowledged: 25000}
	short := pooledtest.KeepAlive{On: true, Idle: 1, Interval: 1, Count: 3, Unacknowledged: 1000}
	long := pooledtest.KeepAlive{On: true, Idle: 17280, Interval: 8640, Count: 3, Unacknowledged: 43200000}
	minute := pooledtest.KeepAlive{On: true, Idle: 60, Interval: 15, Count: 9}
	off := pooledtest.KeepAlive{Idle: 7200, Interval: 75, Count: 9}
	for _, test := range []struct {
		dial      string
		ctx       context.Context
		keepAlive time.Duration
		want      pooledtest.KeepAlive
	}{
		{"Dial", collecting(t, 25*time.Second), 0, usual},
		{"Dial", collecting(t, time.Second), 0, short},
		{"Dial", collecting(t, 12*time.Hour), 0, long},
		{"Dial", collecting(t, -1), 0, ofGo},
		{"Dial", t.Context(), 0, ofGo},
		{"DialCounted", collecting(t, 25*time.Second), 0, usual},
		{"DialCounted", collecting(t, -1), 0, ofGo},
		{"DialOne", collecting(t, 25*time.Second), time.Minute, usual},
		{"DialOne", collecting(t, -1), time.Minute, minute},
		{"DialOne, tuned", collecting(t, 25*time.Second), time.Minute, minute},
		{"by a driver", t.Context(), 0, usual},
		{"by a driver", t.Context(), time.Minute, minute},
		{"by a driver", t.Context(), -1, off},
	} {
		t.Run(fmt.Sprint(test.dial, ", ", test.keepAlive), func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			address := listener.Addr().String()
			conn, err := keepAliveDials[test.dial](test.ctx, net.Dialer{KeepAlive: test.keepAlive}, "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			have := pooledtest.KeepAlives(t, address)
			if test.want == off { // the numbers are the machine's
				have[0].Idle, have[0].Interval, have[0].Count = off.Idle, off.Interval, off.Count
			}
			if len(have) != 1 || have[0] != test.want {
				t.Errorf("have %+v, want %+v", have, test.want)
			}
		})
	}
}

// Nothing is to be set where there is no TCP.
func TestKeepAliveElsewhere(t *testing.T) {
	var unknown *socket.Socket
	unknown.KeepAlive(time.Minute)
	socket.Below(nil).KeepAlive(time.Minute)
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	socket.New(ours).KeepAlive(time.Minute)
}
