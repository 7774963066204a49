//go:build linux

package cluster

import (
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Backend is a server behind a proxy.
type Backend interface {
	Addr() string
	// Primary is nil if the server takes writes.
	Primary(context.Context) error
}

// ProxyConfig is how a proxy finds out and what it does. The zero value is a good one.
type ProxyConfig struct {
	// Interval is the time between two checks of a backend. Two that fail take it out, one that passes brings it back.
	// Default: 100ms.
	Interval time.Duration
	// ShutdownSessions ends the connections to a backend that is taken out. HAProxy itself does not.
	ShutdownSessions bool
}

// ProxyServer is HAProxy in front of servers, of which it serves those that take writes. It asks for that as Patroni
// is asked, GET /primary, and has the answer from an HTTP server of the test for each backend.
type ProxyServer struct {
	process
	address  string
	backends []Backend
}

// HAProxy starts a proxy, and returns when it has checked all backends.
func HAProxy(tb testing.TB, config ProxyConfig, backends ...Backend) *ProxyServer {
	tb.Helper()
	path := program(tb, "haproxy", haproxyProgramEnv)
	p := &ProxyServer{address: newAddress(tb), backends: backends}
	p.process = process{tb: tb, name: "HAProxy", as: account(tb, "haproxy"), atOnce: syscall.SIGKILL,
		command: func() []string { return []string{path, "-db", "-f", "config"} }, serves: p.checked}
	p.dir = newDir(tb, "haproxy", p.as)
	config.Interval = max(config.Interval, 100*time.Millisecond)
	if err := os.WriteFile(filepath.Join(p.dir, "config"), []byte(p.text(config)), 0o644); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.cleanUp)
	p.Start()
	return p
}

// Addr is where clients connect to.
func (p *ProxyServer) Addr() string { return p.address }

// Close ends the proxy, and all connections by way of it.
func (p *ProxyServer) Close() {
	p.tb.Helper()
	p.end(p.atOnce)
}

// Await waits until the proxy serves these backends and no others.
func (p *ProxyServer) Await(backends ...Backend) {
	p.tb.Helper()
	p.await("serves the expected backends", func() error {
		states, err := p.states(context.Background())
		if err != nil {
			return err
		}
		for i, b := range p.backends {
			if up := strings.HasPrefix(states[i].status, "UP"); up != slices.Contains(backends, b) {
				return fmt.Errorf("%s is %s", b.Addr(), states[i].status)
			}
		}
		return nil
	})
}

// text is the configuration.
func (p *ProxyServer) text(config ProxyConfig) string {
	down := ""
	if config.ShutdownSessions {
		down = " on-marked-down shutdown-sessions"
	}
	var text strings.Builder
	fmt.Fprintf(&text, `global
	maxconn 1000
	log stdout format raw local0
	stats socket unix@%s mode 600
defaults
	mode tcp
	log global
	timeout connect 1s
	timeout check 1s
	timeout client 1h
	timeout server 1h
listen primary
	bind %s
	option httpchk GET /primary
	http-check expect status 200
	default-server inter %dms fall 2 rise 1%s
`, filepath.Join(p.dir, "stats"), p.address, config.Interval.Milliseconds(), down)
	for i, b := range p.backends {
		host, port, _ := net.SplitHostPort(answerChecks(p.tb, b))
		fmt.Fprintf(&text, "\tserver s%d %s check addr %s port %s\n", i, b.Addr(), host, port)
	}
	return text.String()
}

// answerChecks is an HTTP server that says what a backend is, until the test ends.
func answerChecks(tb testing.TB, b Backend) (address string) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := b.Primary(ctx); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(listener)
	}()
	tb.Cleanup(func() {
		server.Close()
		<-done
	})
	return listener.Addr().String()
}

// state is what the proxy knows of a backend.
type state struct {
	status string // such as UP, DOWN, or UP 1/2 after one failure of two
	check  string // of the last check; INI if there was none
}

// checked wants that each backend was checked.
func (p *ProxyServer) checked(ctx context.Context) error {
	states, err := p.states(ctx)
	for i, s := range states {
		if s.check == "INI" {
			return fmt.Errorf("%s was not checked", p.backends[i].Addr())
		}
	}
	return err
}

// states asks the proxy about its backends.
func (p *ProxyServer) states(ctx context.Context) ([]state, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", filepath.Join(p.dir, "stats"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit / 12))
	if _, err := conn.Write([]byte("show stat\n")); err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(conn).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("show stat: have %d lines, %w", len(rows), err)
	}
	server, status := slices.Index(rows[0], "svname"), slices.Index(rows[0], "status")
	check := slices.Index(rows[0], "check_status")
	var states []state
	for _, row := range rows[1:] {
		if row[server] == fmt.Sprint("s", len(states)) {
			states = append(states, state{status: row[status], check: row[check]})
		}
	}
	if len(states) != len(p.backends) {
		return nil, fmt.Errorf("show stat: have %d backends, want %d", len(states), len(p.backends))
	}
	return states, nil
}
