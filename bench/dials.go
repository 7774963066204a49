//go:build linux

package bench

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// DialCounter counts the attempts to connect to an address of loopback, of whichever program, also those that are
// refused: it sees the first packet of each. That needs root, or the capability CAP_NET_RAW.
type DialCounter struct {
	fd     int
	count  atomic.Int64
	closed atomic.Bool
	ended  chan error
}

// CountDials starts to count.
func CountDials(address string) (*DialCounter, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().Is4() {
		return nil, fmt.Errorf("count dials to %q: want an address of IPv4 and a port", address)
	}
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("count dials: %w", err)
	}
	c := &DialCounter{fd: fd, ended: make(chan error)}
	if err := c.bind(to); err != nil {
		syscall.Close(fd)
		return nil, fmt.Errorf("count dials: %w", err)
	}
	go c.run()
	return c, nil
}

// bind begins to receive only when the filter is there: before, the socket is of no protocol.
func (c *DialCounter) bind(to netip.AddrPort) error {
	if err := attachFilter(c.fd, dialFilter(to)); err != nil {
		return err
	}
	timeout := syscall.Timeval{Usec: 50_000}
	if err := syscall.SetsockoptTimeval(c.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout); err != nil {
		return err
	}
	const loopback = 1 // the number of the interface, in each network namespace
	return syscall.Bind(c.fd, &syscall.SockaddrLinklayer{Protocol: bigEndian(syscall.ETH_P_IP), Ifindex: loopback})
}

// dialFilter passes the packets of TCP to an address that have SYN and not ACK.
func dialFilter(to netip.AddrPort) []syscall.SockFilter {
	const (
		protocol, destination, port, flags = 9, 16, 2, 13 // offsets; the last two in TCP's header, after IP's
		syn, ack                           = 0x02, 0x10

		inIP, inTCP  = syscall.BPF_LD | syscall.BPF_ABS, syscall.BPF_LD | syscall.BPF_IND
		afterIP      = syscall.BPF_LDX | syscall.BPF_B | syscall.BPF_MSH
		equal        = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
		pass, reject = 64, 11 // bytes to pass, and the last instruction
	)
	ip := to.Addr().As4()
	filter := []syscall.SockFilter{
		{Code: inIP | syscall.BPF_B, K: protocol},
		{Code: equal, K: syscall.IPPROTO_TCP},
		{Code: inIP | syscall.BPF_W, K: destination},
		{Code: equal, K: binary.BigEndian.Uint32(ip[:])},
		{Code: afterIP, K: 0},
		{Code: inTCP | syscall.BPF_H, K: port},
		{Code: equal, K: uint32(to.Port())},
		{Code: inTCP | syscall.BPF_B, K: flags},
		{Code: syscall.BPF_ALU | syscall.BPF_AND | syscall.BPF_K, K: syn | ack},
		{Code: equal, K: syn},
		{Code: syscall.BPF_RET | syscall.BPF_K, K: pass},
		{Code: syscall.BPF_RET | syscall.BPF_K, K: 0},
	}
	for i := range filter {
		if filter[i].Code == equal {
			filter[i].Jf = uint8(reject - i - 1)
		}
	}
	return filter
}

func attachFilter(fd int, filter []syscall.SockFilter) error {
	program := syscall.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := syscall.Syscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_ATTACH_FILTER,
		uintptr(unsafe.Pointer(&program)), unsafe.Sizeof(program), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func bigEndian(n uint16) uint16 { return n<<8 | n>>8 }

// run looks every now and then whether it is to end. On loopback each packet comes by twice: as it is sent, and as it
// is received.
func (c *DialCounter) run() {
	var packet [64]byte
	for !c.closed.Load() {
		_, from, err := syscall.Recvfrom(c.fd, packet[:], 0)
		if l, ok := from.(*syscall.SockaddrLinklayer); err == nil && ok && l.Pkttype == syscall.PACKET_HOST {
			c.count.Add(1)
		}
	}
	c.ended <- syscall.Close(c.fd)
}

// Count is how many there have been.
func (c *DialCounter) Count() int { return int(c.count.Load()) }

// Close ends it.
func (c *DialCounter) Close() error {
	c.closed.Store(true)
	return <-c.ended
}
