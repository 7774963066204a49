package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// ConnectParams is what a BeforeConnect hook may change, for the one dial that
// follows it.
type ConnectParams struct {
	// DSN is the parent driver's own, secrets included; empty if the parent was
	// given to NewConnector, or is a database in memory, and nothing can be changed.
	DSN string
	// User and Password replace those of the DSN if they are not empty.
	// Known for MySQL, PostgreSQL and SQL Server; for another parent write
	// them into DSN.
	User, Password string
	// Args are merged into the DSN, as Config.ConnectArgs.
	Args map[string]string
}

// String shows the DSN with its secrets masked, and nothing else.
func (p ConnectParams) String() string { return "pooled.ConnectParams(" + mask(p.DSN) + ")" }

// Format prints String by every verb, and MarshalText puts it into JSON and logs.
func (p ConnectParams) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// MarshalText is String.
func (p ConnectParams) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// target is where a pool's parent connects to, if that can be changed for a dial.
type target struct {
	driver string
	dsn    string
	open   func(dsn string) (driver.Connector, error)

	mu      sync.Mutex
	recent  []madeConnector // for what the hook last asked for
	closers []io.Closer     // connectors that were made, to close with the pool
	closed  bool
}

type madeConnector struct {
	dsn       string
	connector driver.Connector
}

// recentMost is how many connectors are kept for the next dial.
const recentMost = 4

// connector is the parent's connector for the next dial, after the
// BeforeConnect hooks had their say.
func (p *Pool) connector(ctx context.Context) (driver.Connector, error) {
	if len(p.hooks.beforeConnect) == 0 {
		return p.parent, nil
	}
	var given ConnectParams
	if p.target != nil {
		given.DSN = p.target.dsn
	}
	asked := given
	for _, hook := range p.hooks.beforeConnect {
		if err := hook(ctx, &asked); err != nil {
			return nil, err
		}
	}
	switch {
	case asked.DSN == given.DSN && asked.User == "" && asked.Password == "" && len(asked.Args) == 0:
		return p.parent, nil
	case p.target == nil:
		return nil, errors.New("pooled: before connect: there is no DSN to change: the parent is a connector of the program's or a database in memory")
	}
	dsn, err := asked.merged(p.target.driver)
	if err != nil {
		return nil, err
	}
	p.learn(dsn)
	return p.target.connector(dsn)
}

// connector makes the connector for a changed DSN. The last few are kept: what
// rotates does so now and then, not with each dial.
func (t *target) connector(dsn string) (driver.Connector, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	for _, made := range t.recent {
		if made.dsn == dsn {
			return made.connector, nil
		}
	}
	made, err := t.open(dsn)
	if err != nil {
		return nil, scrub(fmt.Errorf("before connect: %s: %w", t.driver, err), dsn)
	}
	if closer, ok := made.(io.Closer); ok {
		t.closers = append(t.closers, closer)
	}
	t.recent = append(t.recent[max(0, len(t.recent)+1-recentMost):], madeConnector{dsn, made})
	return made, nil
}

func (t *target) close() (err error) {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, closer := range t.closers {
		err = errors.Join(err, closer.Close())
	}
	t.closers = nil
	return err
}

// merged is the DSN with everything that was asked for.
func (p ConnectParams) merged(driver string) (string, error) {
	args := maps.Clone(p.Args)
	if args == nil {
		args = map[string]string{}
	}
	dsn := p.DSN
	if p.User != "" || p.Password != "" {
		var err error
		if dsn, err = p.withCredentials(driver, args); err != nil {
			return "", err
		}
	}
	return mergeArgs(driver, dsn, args)
}

// withCredentials writes user and password into the DSN, or into args where they are
// arguments like others.
func (p ConnectParams) withCredentials(driver string, args map[string]string) (string, error) {
	user, password := "user", "password"
	switch families[driver] {
	case mysqlFamily:
		return p.withMySQLCredentials()
	case sqlserverFamily:
		user = "user id"
	case postgresFamily:
	default:
		return "", fmt.Errorf("pooled: before connect: how driver %s is told a user and a password is not known: write them into the DSN", driver)
	}
	if p.User != "" {
		args[user] = p.User
	}
	if p.Password != "" {
		args[password] = p.Password
	}
	return p.DSN, nil
}

func (p ConnectParams) withMySQLCredentials() (string, error) {
	cfg, err := mysql.ParseDSN(p.DSN)
	if err != nil {
		return "", scrub(fmt.Errorf("before connect: mysql: %w", err), p.DSN)
	}
	if strings.Contains(p.User, ":") {
		return "", errors.New("pooled: before connect: a MySQL DSN cannot express a user with a colon")
	}
	if p.User != "" {
		cfg.User = p.User
	}
	if p.Password != "" {
		cfg.Passwd = p.Password
	}
	return cfg.FormatDSN(), nil
}
