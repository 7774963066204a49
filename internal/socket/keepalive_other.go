//go:build !linux

package socket

import (
	"net"
	"time"
)

// limitUnacknowledged does nothing: what was sent and not acknowledged is subject to the system's own limit.
func limitUnacknowledged(*net.TCPConn, time.Duration) {}

// tuned can't be told here.
func tuned(*net.TCPConn) bool { return false }
