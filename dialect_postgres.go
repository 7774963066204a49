package pooled

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/lib/pq"
)

var postgresDialect = &dialect{
	kind:     dialectPostgres,
	rollback: "ROLLBACK",
	commit:   "COMMIT",
	tooMany:  postgresTooMany,
}

func postgresTooMany(err error) bool { return sqlState(err) == "53300" }

// pqConnector makes lib/pq's Connector behave as its Driver does under
// sql.Open, but for the context, which that does not know. A DSN that lib/pq
// refuses is the error of the first connection, not of sql.Open; and a dial that a
// caller's context ended is that context's error.
type pqConnector struct {
	parent *pq.Connector
	dsn    string
}

func newPQConnector(dsn string) (driver.Connector, error) {
	parent, err := pq.NewConnector(dsn)
	told := dsn
	if !strings.Contains(dsn, "://") {
		told = "pool_driver=postgres " + dsn // which its keys alone may not tell
	}
	if err != nil && shows(err.Error(), told) {
		return nil, err // not as it is: it shows more than it should
	}
	return &pqConnector{parent: parent, dsn: dsn}, nil
}

func (c *pqConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.parent == nil {
		return pq.Open(c.dsn) // for its error
	}
	conn, err := c.parent.Connect(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return conn, nil
}

func (c *pqConnector) Driver() driver.Driver { return &pq.Driver{} }
