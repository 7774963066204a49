package socket

import (
	"net"
	"time"
)

// KeepAlive lets the system find out that the machine at the other end of a TCP connection is gone: if that has
// acknowledged nothing for d, reads and writes fail. An idle connection is asked after two fifths of d, and then
// after each fifth. The other end's kernel answers, however busy the process is. d of 0 or less changes nothing, and
// so does a connection that its dialer has set up in another way than Go does, as far as the system tells.
func (s *Socket) KeepAlive(d time.Duration) {
	if s == nil {
		return
	}
	if tcp, ok := s.conn.(*net.TCPConn); ok && d > 0 && !tuned(tcp) {
		keepAlive(tcp, d)
	}
}

// keepAlive is [Socket.KeepAlive] for a connection that was just dialed. A system that refuses one of the settings
// finds out later, or not at all; the connection is as good without.
func keepAlive(conn net.Conn, d time.Duration) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok || d <= 0 {
		return
	}
	// Systems count in seconds, which Go rounds up.
	tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: d * 2 / 5, Interval: d / 5, Count: 3})
	limitUnacknowledged(tcp, d)
}
