package pooledtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

// TestConformBare proves that the suite sees no difference where there is none.
func TestConformBare(t *testing.T) { Conform(t, Everything, bare) }

// every is what Full's connections are.
type every interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// everyStmt is what Full's statements are.
type everyStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// wrapping is a connector that wraps each connection of its parent.
type wrapping struct {
	driver.Connector
	wrap func(driver.Conn) driver.Conn
}

func (w wrapping) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := w.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return w.wrap(c), nil
}

// Each type below is a wrapper's connection with one mistake.
type (
	faithful      struct{ every }
	hidesAll      struct{ driver.Conn }
	dropsOptions  struct{ every }
	dropsContext  struct{ every }
	changesErrors struct{ every }
	hidesBadConn  struct{ every }
	noReset       struct{ every }
	alwaysValid   struct{ every }
	acceptsAll    struct{ every }
	neverPings    struct{ every }
	forgetsInsert struct{ every }
	runsTwice     struct{ every }
	staysOpen     struct{ every }
	dropsArgs     struct{ every }
	wrapsRows     struct{ every }
	leaksStmts    struct{ every }
	convertsArgs  struct{ every }
	asksConn      struct{ every }
	skipsStmts    struct{ every }
)

func (c dropsOptions) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	return c.every.BeginTx(ctx, driver.TxOptions{})
}

func (c dropsContext) QueryContext(_ context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	return c.every.QueryContext(context.Background(), q, args)
}

func (c changesErrors) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.every.ExecContext(ctx, q, args)
	if err != nil && !errors.Is(err, driver.ErrBadConn) {
		err = errors.New(err.Error())
	}
	return res, err
}

func (c hidesBadConn) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	s, err := c.every.PrepareContext(ctx, q)
	if errors.Is(err, driver.ErrBadConn) {
		err = fmt.Errorf("%v", err)
	}
	return s, err
}

func (noReset) ResetSession(context.Context) error { return nil }
func (alwaysValid) IsValid() bool                  { return true }
func (acceptsAll) CheckNamedValue(*driver.NamedValue) error {
	return nil
}
func (neverPings) Ping(context.Context) error { return nil }

func (c forgetsInsert) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.every.ExecContext(ctx, q, args)
	if err != nil {
		return nil, err
	}
	n, err := res.RowsAffected()
	return driver.RowsAffected(n), err
}

func (c runsTwice) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.every.ExecContext(ctx, q, args)
	if errors.Is(err, driver.ErrBadConn) {
		res, err = c.every.ExecContext(ctx, q, args)
	}
	return res, err
}

func (staysOpen) Close() error { return nil }

func (c dropsArgs) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	for i := range args {
		args[i].Name = ""
	}
	return c.every.QueryContext(ctx, q, args)
}

func (c wrapsRows) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.every.QueryContext(ctx, q, args)
	if err != nil {
		return nil, err
	}
	return struct{ driver.Rows }{rows}, nil
}

type openStmt struct{ everyStmt }

func (openStmt) Close() error { return nil }

func (c leaksStmts) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	s, err := c.every.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	return openStmt{s.(everyStmt)}, nil
}

type convertingStmt struct{ everyStmt }

func (convertingStmt) ColumnConverter(int) driver.ValueConverter {
	return driver.DefaultParameterConverter
}

func (c convertsArgs) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	s, err := c.every.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	return convertingStmt{s.(everyStmt)}, nil
}

type skippingStmt struct{ everyStmt }

func (skippingStmt) CheckNamedValue(*driver.NamedValue) error { return driver.ErrSkip }

// asksConn hides its parent's checker behind that of its statements.
func (c asksConn) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	s, err := c.every.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	return skippingStmt{s.(everyStmt)}, nil
}

func (c asksConn) CheckNamedValue(nv *driver.NamedValue) error {
	return c.every.(driver.NamedValueChecker).CheckNamedValue(nv)
}

// skipsStmts runs on its own what ErrSkip asks database/sql to do, and lets ErrSkip from there through.
func (c skipsStmts) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.every.ExecContext(ctx, q, args)
	if err != driver.ErrSkip {
		return res, err
	}
	s, err := c.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.(driver.StmtExecContext).ExecContext(ctx, args)
}

func wrapper[T driver.Conn](make func(every) T) func(driver.Conn) driver.Conn {
	return func(c driver.Conn) driver.Conn { return make(c.(every)) }
}

// TestConformFindsMistakes proves that each mistake makes a difference.
func TestConformFindsMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		p       Profile
		wrap    func(driver.Conn) driver.Conn
		correct bool
	}{
		"faithful":       {Full, wrapper(func(c every) faithful { return faithful{c} }), true},
		"hides all":      {Full, func(c driver.Conn) driver.Conn { return hidesAll{c} }, false},
		"drops options":  {Full, wrapper(func(c every) dropsOptions { return dropsOptions{c} }), false},
		"drops context":  {Full, wrapper(func(c every) dropsContext { return dropsContext{c} }), false},
		"changes errors": {Full, wrapper(func(c every) changesErrors { return changesErrors{c} }), false},
		"hides bad conn": {Full, wrapper(func(c every) hidesBadConn { return hidesBadConn{c} }), false},
		"no reset":       {Full, wrapper(func(c every) noReset { return noReset{c} }), false},
		"always valid":   {Full, wrapper(func(c every) alwaysValid { return alwaysValid{c} }), false},
		"accepts all":    {Full, wrapper(func(c every) acceptsAll { return acceptsAll{c} }), false},
		"never pings":    {Full, wrapper(func(c every) neverPings { return neverPings{c} }), false},
		"forgets insert": {Full, wrapper(func(c every) forgetsInsert { return forgetsInsert{c} }), false},
		"runs twice":     {Full, wrapper(func(c every) runsTwice { return runsTwice{c} }), false},
		"stays open":     {Full, wrapper(func(c every) staysOpen { return staysOpen{c} }), false},
		"drops names":    {Full, wrapper(func(c every) dropsArgs { return dropsArgs{c} }), false},
		"wraps Rows":     {Full, wrapper(func(c every) wrapsRows { return wrapsRows{c} }), false},
		"leaks stmts":    {Full, wrapper(func(c every) leaksStmts { return leaksStmts{c} }), false},
		"hides checker":  {CheckerConnSkip, wrapper(func(c every) faithful { return faithful{c} }), false},
		"asks conn":      {CheckerConnSkip, wrapper(func(c every) asksConn { return asksConn{c} }), false},
		"converts":       {AnyInput, wrapper(func(c every) convertsArgs { return convertsArgs{c} }), false},
		"converts known": {ColumnConverterStmt, wrapper(func(c every) convertsArgs { return convertsArgs{c} }), false},
		"runs skipped":   {ColumnConverterStmt, wrapper(func(c every) skipsStmts { return skipsStmts{c} }), false},
	} {
		t.Run(name, func(t *testing.T) {
			// In a bubble, where waiting for what is never closed takes no time.
			synctest.Test(t, func(t *testing.T) {
				found := firstDifference(t, tt.p, tt.wrap)
				if tt.correct != (found == "") {
					t.Errorf("have difference %q, want one: %t", found, !tt.correct)
				}
			})
		})
	}
}

func firstDifference(t *testing.T, p Profile, wrap func(driver.Conn) driver.Conn) string {
	for _, op := range conformOps {
		if !p.concerns(op) {
			continue
		}
		diff := compare(t, p, op, func(_ *testing.T, parent driver.Connector) *sql.DB {
			return sql.OpenDB(wrapping{parent, wrap})
		})
		if diff != "" {
			return op.name + ": " + diff
		}
	}
	return ""
}
