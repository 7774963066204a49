package pooledtest

import (
	"fmt"
	"net"
	osexec "os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// Network is a network of its own, with a Proxy before a server on a machine that can vanish from it. The machine is a
// network namespace, joined to this one by a pair of virtual interfaces. It has no name, and is gone with the process.
type Network struct {
	*Proxy
	tb      testing.TB
	address string // of the machine
	near    string // the interface on this side
	here    int    // the thread that lives in the namespace
	calls   chan func()
}

var networks atomic.Int64

// NewNetwork puts the server of a DSN, as NewProxy has it, onto a machine of its own. It needs root, and the program
// ip; without, the test is skipped.
func NewNetwork(tb testing.TB, dsn string) *Network {
	tb.Helper()
	n := &Network{tb: tb, calls: make(chan func())}
	if err := n.enter(); err != nil {
		SkipUnlessRequired(tb, "netns", "needs root and iproute2, for a network namespace: "+err.Error())
	}
	var listener net.Listener
	var err error
	n.call(func() { listener, err = net.Listen("tcp", n.address+":0") })
	if err == nil {
		n.Proxy, err = startProxy(dsn, listener)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(n.Proxy.Close)
	return n
}

// enter makes the namespace, with a thread in it, and the interfaces.
func (n *Network) enter() error {
	entered := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with this goroutine
		n.here = syscall.Gettid()
		entered <- syscall.Unshare(syscall.CLONE_NEWNET)
		for call := range n.calls {
			call()
		}
	}()
	if err := <-entered; err != nil {
		close(n.calls)
		return err
	}
	n.tb.Cleanup(func() { close(n.calls) })
	serial := networks.Add(1)
	n.near = fmt.Sprintf("pt%dn%d", syscall.Getpid(), serial)
	if err := ip("link add %s type veth peer name far netns %d", n.near, n.here); err != nil {
		return err
	}
	n.tb.Cleanup(func() { ip("link del %s", n.near) })
	link, err := net.InterfaceByName(n.near)
	if err != nil {
		return err
	}
	// 198.18.0.0/15 is for tests of networks. The index of an interface is nobody else's.
	subnet := [4]byte{198, 18 + byte(link.Index>>14&1), byte(link.Index >> 6), byte(link.Index << 2)}
	at := func(host byte) string { return net.IPv4(subnet[0], subnet[1], subnet[2], subnet[3]+host).String() }
	n.address = at(2)
	err = ip("addr add %s/30 dev %s", at(1), n.near)
	if err == nil {
		err = ip("link set %s up", n.near)
	}
	n.call(func() {
		if err == nil {
			err = ip("addr add %s/30 dev far", n.address)
		}
		if err == nil {
			err = ip("link set far up")
		}
	})
	return err
}

// call runs f in the namespace.
func (n *Network) call(f func()) {
	done := make(chan struct{})
	n.calls <- func() { defer close(done); f() }
	<-done
}

// ip runs the program ip in the namespace of the calling thread.
func ip(format string, args ...any) error {
	words := strings.Fields(fmt.Sprintf(format, args...))
	if out, err := osexec.Command("ip", words...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(words, " "), err, out)
	}
	return nil
}

// Unplug takes the machine's cable out: its network card has no link any more.
func (n *Network) Unplug() { n.must("link set far down") }

// Plug puts it in again.
func (n *Network) Plug() { n.must("link set far up") }

// Vanish makes the machine answer nothing any more, as behind a router: packets to it go out and are lost.
func (n *Network) Vanish() {
	link := ""
	n.call(func() {
		if far, err := net.InterfaceByName("far"); err == nil {
			link = far.HardwareAddr.String()
		}
	})
	if err := ip("neigh replace %s lladdr %s dev %s nud permanent", n.address, link, n.near); err != nil {
		n.tb.Error(err)
	}
	n.must("addr del " + n.address + "/30 dev far")
}

// Return makes it answer again.
func (n *Network) Return() { n.must("addr add " + n.address + "/30 dev far") }

// must may be called by any goroutine.
func (n *Network) must(command string) {
	n.tb.Helper()
	var err error
	n.call(func() { err = ip("%s", command) })
	if err != nil {
		n.tb.Error(err)
	}
}
