package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/pooled-go/pooled/internal/dsn"
)

// ConnectParams is what a BeforeConnect hook may change for one dial.
type ConnectParams struct {
	// DSN is the wrapped driver's, with its secrets. It is empty, and nothing can be changed, if the program gave the
	// driver to NewConnector, or if the database is in memory.
	DSN string
	// User and Password replace those of the DSN if they are not empty. That can be done for MySQL, PostgreSQL and SQL
	// Server; for another driver write them into DSN.
	User, Password string
	// Args are merged into the DSN, as Config.ConnectArgs are.
	Args map[string]string
}

// String is the DSN with its secrets masked, and nothing else.
func (p ConnectParams) String() string { return "pooled.ConnectParams(" + dsn.Mask(p.DSN) + ")" }

// Format prints String by every verb.
func (p ConnectParams) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// MarshalText returns String, for JSON and logs.
func (p ConnectParams) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// connector is the parent's connector for the next dial, after the BeforeConnect hooks had their say.
func (p *Pool) connector(ctx context.Context) (driver.Connector, error) {
	if len(p.hooks.beforeConnect) == 0 {
		return p.driver.Connector(), nil
	}
	given := ConnectParams{DSN: p.driver.DSN}
	asked := given
	for _, hook := range p.hooks.beforeConnect {
		if err := hook(ctx, &asked); err != nil {
			return nil, err
		}
	}
	switch {
	case asked.DSN == given.DSN && asked.User == "" && asked.Password == "" && len(asked.Args) == 0:
		return p.driver.Connector(), nil
	case !p.driver.HasDSN():
		return nil, errors.New("pooled: before connect: there is no DSN to change: " +
			"the driver was given to NewConnector, or the database is in memory")
	}
	changed, err := p.driver.Merged(asked.DSN, asked.User, asked.Password, asked.Args)
	if err != nil {
		return nil, err
	}
	p.learn(changed)
	return p.driver.ConnectorFor(changed)
}

// keepSecrets masks the secrets that the pool was configured with.
func (p *Pool) keepSecrets() {
	p.secrets.Keep(p.cfg.DSN, p.cfg.ConnectArgs)
	if p.driver.HasDSN() {
		p.secrets.Keep(p.driver.DSN, nil)
	}
}

// learn adds the secrets of a DSN that a hook made to those that are masked. Of those that are forgotten for it, the
// statements that the server connections keep are cleaned first: they are kept as they are, and cleaned when somebody
// reads them, since to clean each would cost more than the rest of a checkout.
func (p *Pool) learn(made string) {
	if !p.secrets.Learn(made) {
		return
	}
	for _, s := range p.core.All() {
		s.forget(p.secrets)
	}
	p.secrets.Forget()
}
