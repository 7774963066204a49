package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// AwayConnections is how many connections each contender opens before the server goes away.
const AwayConnections = 16

// AwayPatience is how long a request may take: HikariCP's default.
const AwayPatience = 30 * time.Second

// AwayUser is a program that uses a server through a pool.
type AwayUser interface {
	// Send starts to send a request at each of these times after the moment that it returns.
	Send(due []time.Duration) (began time.Time, err error)
	// Stop sends no more, and waits until all that were sent have ended.
	Stop() (Sent, error)
	Heap() (bytes int64, err error) // in use after a collection
	Version() string                // empty if this module's dependencies tell
	Close() error
}

// AwayContender opens a pool and all its connections. The error of one that is not installed is a *MissingPeer.
type AwayContender struct {
	Name string
	Open func(ctx context.Context, s Server, statement string) (AwayUser, error)
}

// AwayContenders have the same number of connections, and nothing else tuned. The first is the driver itself, the last
// pooled, with more options, if any.
func AwayContenders(s Server, options string) []AwayContender {
	if options != "" {
		options = "&" + options
	}
	all := []AwayContender{{"tuned by hand", inProcess(func(s Server) (*sql.DB, error) {
		return s.Tuned(AwayConnections)
	})}}
	if s.driver == "postgres" {
		all = append(all, AwayContender{"pgxpool", openPgxPool}, AwayContender{"HikariCP", openHikariCP})
	}
	return append(all, AwayContender{"pooled", inProcess(func(s Server) (*sql.DB, error) {
		return s.Pooled(sixteen + options)
	})})
}

func inProcess(open func(Server) (*sql.DB, error)) func(context.Context, Server, string) (AwayUser, error) {
	return func(ctx context.Context, s Server, statement string) (AwayUser, error) {
		db, err := open(s)
		if err != nil {
			return nil, err
		}
		if err := openAll(ctx, db, AwayConnections); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		return &awayCallers{close: db.Close, do: func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, statement)
			return err
		}}, nil
	}
}

func openPgxPool(ctx context.Context, s Server, statement string) (AwayUser, error) {
	cfg, err := pgxpool.ParseConfig(s.DSN)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = AwayConnections
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	var held []*pgxpool.Conn
	for range AwayConnections {
		conn, acquireErr := pool.Acquire(ctx)
		if err = acquireErr; err != nil {
			break
		}
		held = append(held, conn)
	}
	for _, conn := range held {
		conn.Release()
	}
	u := &awayCallers{close: func() error { pool.Close(); return nil }, do: func(ctx context.Context) error {
		_, err := pool.Exec(ctx, statement)
		return err
	}}
	if err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return u, nil
}

// awayCallers are goroutines of this process, one for each request.
type awayCallers struct {
	do       func(context.Context) error
	close    func() error
	requests []Request
	stop     chan struct{}
	sent     chan int // how many, when no more are
	all      sync.WaitGroup

	mu       sync.Mutex
	examples map[Kind]string
}

func (u *awayCallers) Send(due []time.Duration) (began time.Time, err error) {
	u.requests, u.examples = make([]Request, len(due)), make(map[Kind]string)
	u.stop, u.sent = make(chan struct{}), make(chan int, 1)
	began = time.Now()
	go func() { u.sent <- u.sendAll(began, due) }()
	return began, nil
}

func (u *awayCallers) sendAll(began time.Time, due []time.Duration) (sent int) {
	for i, after := range due {
		u.requests[i].Due = began.Add(after)
		select {
		case <-u.stop:
			return i
		case <-time.After(time.Until(u.requests[i].Due)):
			u.all.Go(func() { u.send(&u.requests[i]) })
		}
	}
	return len(due)
}

func (u *awayCallers) send(r *Request) {
	ctx, cancel := context.WithDeadline(context.Background(), r.Due.Add(AwayPatience))
	defer cancel()
	r.Began = time.Now()
	err := u.do(ctx)
	r.End, r.Kind = time.Now(), KindOf(err)
	if err == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.examples[r.Kind] == "" {
		u.examples[r.Kind] = err.Error()
	}
}

func (u *awayCallers) Stop() (Sent, error) {
	close(u.stop)
	sent := <-u.sent
	u.all.Wait()
	return Sent{u.requests[:sent], u.examples}, nil
}

func (u *awayCallers) Heap() (int64, error) { return liveBytes(), nil }

func (u *awayCallers) Version() string { return "" }

func (u *awayCallers) Close() error { return u.close() }

// hikariCP is such a program in Java.
type hikariCP struct {
	*peer
	began time.Time
}

// hikariCommand starts it in a copy of peers.
var hikariCommand = []string{
	"java", "-Xss256k", "-cp",
	strings.Join([]string{
		jars + "HikariCP.jar", jars + "slf4j-api.jar", jars + "slf4j-nop.jar", jars + "postgresql.jar",
	}, ":"),
	"peers/hikaricp/Outage.java",
}

func openHikariCP(ctx context.Context, s Server, statement string) (AwayUser, error) {
	dsn, err := url.Parse(s.DSN)
	if err != nil {
		return nil, err
	}
	password, _ := dsn.User.Password()
	jdbc := fmt.Sprintf("jdbc:postgresql://%s%s?%s", dsn.Host, dsn.Path, dsn.RawQuery)
	first := fmt.Sprintf("%s\n%s\n%s\n%d\n%s\n", jdbc, dsn.User.Username(), password, AwayConnections, statement)
	arguments := hikariCommand[1:]
	if s.hostsFile != "" {
		arguments = append([]string{"-Djdk.net.hosts.file=" + s.hostsFile}, arguments...)
	}
	p, err := startPeer("HikariCP", exec.CommandContext(ctx, hikariCommand[0], arguments...), first)
	if err != nil {
		return nil, err
	}
	return &hikariCP{peer: p}, nil
}

func (h *hikariCP) Send(due []time.Duration) (time.Time, error) {
	order := new(strings.Builder)
	fmt.Fprintln(order, "load", len(due))
	for _, after := range due {
		fmt.Fprintln(order, after.Microseconds())
	}
	began, err := h.number(order.String())
	h.began = time.UnixMicro(began)
	return h.began, err
}

func (h *hikariCP) Heap() (int64, error) { return h.number("heap\n") }

// number has an order answered by a number.
func (h *hikariCP) number(order string) (n int64, err error) {
	line, err := h.ask(order)
	if err == nil {
		_, err = fmt.Sscan(line, &n)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", h.version, err)
	}
	return n, err
}

func (h *hikariCP) Stop() (Sent, error) {
	sent := Sent{Examples: make(map[Kind]string)}
	n, err := h.number("stop\n")
	for ; n > 0 && err == nil; n-- {
		var one struct {
			Due, Began, End int64
			State, Error    *string
		}
		var line string
		if line, err = h.answer(); err == nil {
			err = json.Unmarshal([]byte(line), &one)
		}
		r := Request{Due: h.at(one.Due), Began: h.at(one.Began), End: h.at(one.End)}
		if one.Error != nil {
			r.Kind = kindOfState(*one.State, *one.Error)
			sent.Examples[r.Kind] = *one.Error
		}
		sent.Requests = append(sent.Requests, r)
	}
	return sent, err
}

func (h *hikariCP) at(microseconds int64) time.Time {
	return h.began.Add(time.Duration(microseconds) * time.Microsecond)
}
