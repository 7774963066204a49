package pooledtest

import "database/sql/driver"

// Profile is a set of interfaces that a driver's connections and statements have.
type Profile struct {
	Name string
	conn func(*conn) driver.Conn
	stmt func(*stmt) driver.Stmt
}

// Features is a set of optional interfaces.
type Features uint32

// The optional interfaces of connections and statements.
const (
	HasExecerContext Features = 1 << iota
	HasQueryerContext
	HasPrepareContext
	HasBeginTx
	HasPinger
	HasSessionResetter
	HasValidator
	HasConnChecker
	HasExecer
	HasQueryer
	HasStmtExecContext
	HasStmtQueryContext
	HasStmtChecker
	HasColumnConverter
	HasNumInput // NumInput is not -1
)

// Features returns the interfaces the profile has, read off its types.
func (p Profile) Features() Features {
	var set Features
	add := func(f Features, has bool) {
		if has {
			set |= f
		}
	}
	add(connFeatures(p.conn(&conn{}), add))
	add(stmtFeatures(p.stmt(&stmt{}), add))
	return set
}

func connFeatures(c driver.Conn, add func(Features, bool)) (Features, bool) {
	_, ok := c.(driver.ExecerContext)
	add(HasExecerContext, ok)
	_, ok = c.(driver.QueryerContext)
	add(HasQueryerContext, ok)
	_, ok = c.(driver.ConnPrepareContext)
	add(HasPrepareContext, ok)
	_, ok = c.(driver.ConnBeginTx)
	add(HasBeginTx, ok)
	_, ok = c.(driver.Pinger)
	add(HasPinger, ok)
	_, ok = c.(driver.SessionResetter)
	add(HasSessionResetter, ok)
	_, ok = c.(driver.Validator)
	add(HasValidator, ok)
	//lint:ignore SA1019 deprecated, but database/sql asks for it and so may a wrapper
	_, ok = c.(driver.Execer)
	add(HasExecer, ok)
	//lint:ignore SA1019 deprecated, but database/sql asks for it and so may a wrapper
	_, ok = c.(driver.Queryer)
	add(HasQueryer, ok)
	_, ok = c.(driver.NamedValueChecker)
	return HasConnChecker, ok
}

func stmtFeatures(s driver.Stmt, add func(Features, bool)) (Features, bool) {
	_, ok := s.(driver.StmtExecContext)
	add(HasStmtExecContext, ok)
	_, ok = s.(driver.StmtQueryContext)
	add(HasStmtQueryContext, ok)
	_, ok = s.(driver.NamedValueChecker)
	add(HasStmtChecker, ok)
	//lint:ignore SA1019 deprecated, but database/sql asks for it and so may a wrapper
	_, ok = s.(driver.ColumnConverter)
	add(HasColumnConverter, ok)
	return HasNumInput, s.NumInput() >= 0
}

// Has reports whether the profile has all of want.
func (p Profile) Has(want Features) bool { return p.Features()&want == want }

// The profiles. Where nothing else is said, connections and statements are those of Full.
var (
	// Full has every interface with a context, no checkers, and statements that count their arguments.
	Full = Profile{"Full", fullConn, fullStmt}

	// Minimal has driver.Conn and driver.Stmt and nothing else.
	Minimal = Profile{"Minimal", minimalConn, plainStmt}
	// MinimalAnyInput is Minimal with NumInput -1.
	MinimalAnyInput = Profile{"MinimalAnyInput", minimalConn, plainAnyStmt}
	// Legacy has Execer and Queryer, without contexts.
	Legacy = Profile{"Legacy", legacyConn, plainStmt}
	// LegacySkip is Legacy, with ErrSkip when there are arguments.
	LegacySkip = Profile{"LegacySkip", legacySkipConn, plainStmt}
	// SkipQueries answers ErrSkip to ExecContext and QueryContext with arguments, like go-sql-driver/mysql.
	SkipQueries = Profile{"SkipQueries", skipConn, fullStmt}

	// Full without one interface.
	NoValidator      = Profile{"NoValidator", noValidatorConn, fullStmt}
	NoResetter       = Profile{"NoResetter", noResetterConn, fullStmt}
	NoBeginTx        = Profile{"NoBeginTx", noBeginTxConn, fullStmt}
	NoPinger         = Profile{"NoPinger", noPingerConn, fullStmt}
	NoPrepareContext = Profile{"NoPrepareContext", noPrepareCtxConn, fullStmt}
	NoExecer         = Profile{"NoExecer", noExecerConn, fullStmt}
	NoQueryer        = Profile{"NoQueryer", noQueryerConn, fullStmt}
	NoStmtContext    = Profile{"NoStmtContext", skipConn, plainStmt}
	AnyInput         = Profile{"AnyInput", skipConn, fullAnyStmt}

	// Full, with ErrSkip as in SkipQueries so that statements are met, and ways to convert arguments.
	ColumnConverterStmt = Profile{"ColumnConverterStmt", skipConn, converterStmt}
	ColumnConverterAny  = Profile{"ColumnConverterAny", skipConn, converterAnyStmt}
	CheckerStmt         = Profile{"CheckerStmt", skipConn, checkerStmt}
	CheckerConn         = Profile{"CheckerConn", checkerConn, fullStmt}
	CheckerConnSkip     = Profile{"CheckerConnSkip", checkerSkipConn, fullStmt}
	CheckerBoth         = Profile{"CheckerBoth", checkerSkipConn, checkerStmt}
	CheckerConverter    = Profile{"CheckerConverter", checkerSkipConn, converterStmt}
	CheckerAll          = Profile{"CheckerAll", checkerSkipConn, checkerConverterStmt}
	CheckerMinimal      = Profile{"CheckerMinimal", checkerMinimalConn, plainStmt}
)

// Profiles are all of them.
var Profiles = []Profile{
	Full, Minimal, MinimalAnyInput, Legacy, LegacySkip, SkipQueries,
	NoValidator, NoResetter, NoBeginTx, NoPinger, NoPrepareContext, NoExecer, NoQueryer, NoStmtContext, AnyInput,
	ColumnConverterStmt, ColumnConverterAny,
	CheckerStmt, CheckerConn, CheckerConnSkip, CheckerBoth, CheckerConverter, CheckerAll, CheckerMinimal,
}

// rest is what all but the smallest connections have beside ways to execute.
type rest struct {
	prepareCtx
	beginTx
	pinger
	resetter
	validator
}

func newRest(c *conn) rest {
	return rest{prepareCtx{c}, beginTx{c}, pinger{c}, resetter{c}, validator{c}}
}

func minimalConn(c *conn) driver.Conn { return c }

func legacyConn(c *conn) driver.Conn {
	return &struct {
		*conn
		execer
		queryer
	}{c, execer{c}, queryer{c}}
}

func legacySkipConn(c *conn) driver.Conn {
	return &struct {
		*conn
		skipExecer
		skipQueryer
	}{c, skipExecer{c}, skipQueryer{c}}
}

func fullConn(c *conn) driver.Conn {
	return &struct {
		*conn
		execCtx
		queryCtx
		rest
	}{c, execCtx{c}, queryCtx{c}, newRest(c)}
}

func skipConn(c *conn) driver.Conn {
	return &struct {
		*conn
		skipExecCtx
		skipQueryCtx
		rest
	}{c, skipExecCtx{c}, skipQueryCtx{c}, newRest(c)}
}

func checkerConn(c *conn) driver.Conn {
	return &struct {
		*conn
		execCtx
		queryCtx
		rest
		connChecker
	}{c, execCtx{c}, queryCtx{c}, newRest(c), connChecker{c}}
}

func checkerSkipConn(c *conn) driver.Conn {
	return &struct {
		*conn
		skipExecCtx
		skipQueryCtx
		rest
		connChecker
	}{c, skipExecCtx{c}, skipQueryCtx{c}, newRest(c), connChecker{c}}
}

func checkerMinimalConn(c *conn) driver.Conn {
	return &struct {
		*conn
		connChecker
	}{c, connChecker{c}}
}

func noValidatorConn(c *conn) driver.Conn {
	return &struct {
		*conn
		execCtx
		queryCtx
		prepareCtx
		beginTx
		pinger
		resetter
	}{c, execCtx{c}, queryCtx{c}, prepareCtx{c}, beginTx{c}, pinger{c}, resetter{c}}
}

func noResetterConn(c *conn) driver.Conn {
	return &struct {
		*conn
		execCtx
		queryCtx
		prepareCtx
		beginTx
		pinger
		validator
	}{c, execCtx{c}, queryCtx{c}, prepareCtx{c}, beginTx{c}, pinger{c}, validator{c}}
}

func noBeginTxConn(c *conn) driver.Conn {
	return &struct {
		*conn
		execCtx
		queryCtx
		prepareCtx
		pinger
		resetter
		validator
	}{c, execCtx{c}, queryCtx{c}, prepareCtx{c}, pinger{c}, resetter{c}, validator{c}}
}

func noPingerConn(c *conn) driver.Conn {
	return &struct {
		*conn
		execCtx
		queryCtx
		prepareCtx
		beginTx
		resetter
		validator
	}{c, execCtx{c}, queryCtx{c}, prepareCtx{c}, beginTx{c}, resetter{c}, validator{c}}
}

func noPrepareCtxConn(c *conn) driver.Conn {
	return &struct {
		*conn
		skipExecCtx
		skipQueryCtx
		beginTx
		pinger
		resetter
		validator
	}{c, skipExecCtx{c}, skipQueryCtx{c}, beginTx{c}, pinger{c}, resetter{c}, validator{c}}
}

func noExecerConn(c *conn) driver.Conn {
	return &struct {
		*conn
		queryCtx
		rest
	}{c, queryCtx{c}, newRest(c)}
}

func noQueryerConn(c *conn) driver.Conn {
	return &struct {
		*conn
		execCtx
		rest
	}{c, execCtx{c}, newRest(c)}
}

func plainStmt(s *stmt) driver.Stmt {
	return &struct {
		*stmt
		counted
	}{s, counted{s}}
}

func plainAnyStmt(s *stmt) driver.Stmt {
	return &struct {
		*stmt
		uncounted
	}{s, uncounted{}}
}

func fullStmt(s *stmt) driver.Stmt {
	return &struct {
		*stmt
		counted
		stmtExecCtx
		stmtQueryCtx
	}{s, counted{s}, stmtExecCtx{s}, stmtQueryCtx{s}}
}

func fullAnyStmt(s *stmt) driver.Stmt {
	return &struct {
		*stmt
		uncounted
		stmtExecCtx
		stmtQueryCtx
	}{s, uncounted{}, stmtExecCtx{s}, stmtQueryCtx{s}}
}

func converterStmt(s *stmt) driver.Stmt {
	return &struct {
		*stmt
		counted
		stmtExecCtx
		stmtQueryCtx
		converter
	}{s, counted{s}, stmtExecCtx{s}, stmtQueryCtx{s}, converter{s}}
}

func converterAnyStmt(s *stmt) driver.Stmt {
	return &struct {
		*stmt
		uncounted
		stmtExecCtx
		stmtQueryCtx
		converter
	}{s, uncounted{}, stmtExecCtx{s}, stmtQueryCtx{s}, converter{s}}
}

func checkerStmt(s *stmt) driver.Stmt {
	return &struct {
		*stmt
		counted
		stmtExecCtx
		stmtQueryCtx
		stmtChecker
	}{s, counted{s}, stmtExecCtx{s}, stmtQueryCtx{s}, stmtChecker{s}}
}

func checkerConverterStmt(s *stmt) driver.Stmt {
	return &struct {
		*stmt
		counted
		stmtExecCtx
		stmtQueryCtx
		stmtChecker
		converter
	}{s, counted{s}, stmtExecCtx{s}, stmtQueryCtx{s}, stmtChecker{s}, converter{s}}
}
