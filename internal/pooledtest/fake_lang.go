package pooledtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// The language of the fake server. Keywords may be in any case. Everything is accepted; what is not listed here
// affects one row, or as a query returns one row with the statement's own text if it begins with SELECT, else none.
//
//	BEGIN, START TRANSACTION   open a transaction; an error if one is open
//	COMMIT, ROLLBACK, END      end it; also after "IF @@TRANCOUNT > 0"; several statements may be joined by ";"
//	INSERT ...                 one row affected, with the next LastInsertId
//	SET k=v                    a session variable; autocommit=0 makes every later statement open a transaction
//	GET k                      its value, or NULL
//	DISCARD ALL                forgets all session variables
//	SELECT conn                the connection's number
//	SELECT intx                whether a transaction is open
//	SELECT 7                   the number
//	SELECT n 5                 rows 1 to 5
//	SELECT sets 2 3            result sets with rows 1 to 2, and 1 to 3
//	SELECT types               two columns about which everything is known
//	VALUES ...                   a row for each argument: ordinal, name, Go type, value
//	OUT ...                    sets each sql.Out argument's Dest, a *string or *int64, to "out" or 42
//	WAIT                       blocks until the context ends or the test calls Release
//	SLEEP 5s                   blocks so long, or until the context ends
//	SELECT ... pg_is_in_recovery() ...   1 if the server is a standby (see Demote), else 0
//	ERROR text                 fails with a *ServerError, also when prepared if text begins with "prepare"

// ServerError is an error from the server, of the kind programs look for with errors.As.
type ServerError struct{ Text string }

func (e *ServerError) Error() string { return "fake: server: " + e.Text }

// keyword returns query's first word in upper case and the rest.
func keyword(query string) (word, rest string) {
	query = strings.TrimSpace(query)
	i := strings.IndexAny(query, " \t\n;")
	if i < 0 {
		i = len(query)
	}
	return strings.ToUpper(query[:i]), strings.TrimSpace(strings.TrimRight(query[i:], "; "))
}

// unguarded removes SQL Server's condition, which is true whenever it matters.
func unguarded(query string) string {
	const guard = "IF @@TRANCOUNT > 0 "
	if len(query) > len(guard) && strings.EqualFold(query[:len(guard)], guard) {
		return query[len(guard):]
	}
	return query
}

// endsTx reports whether query does nothing but end a transaction.
func endsTx(query string) bool {
	word, _ := keyword(unguarded(query))
	return word == "ROLLBACK" || word == "COMMIT" || word == "END"
}

// refuse is the error that the statement asks for at a moment: "prepare" or "".
func refuse(query, moment string) error {
	word, rest := keyword(query)
	if word == "ERROR" && strings.HasPrefix(rest, "prepare") == (moment == "prepare") {
		return &ServerError{Text: rest}
	}
	return nil
}

// session performs what query does to the session.
func (c *conn) session(query string) error {
	for part := range strings.SplitSeq(unguarded(query), ";") {
		if err := c.sessionOne(part); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) sessionOne(query string) error {
	word, rest := keyword(query)
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	switch word {
	case "":
	case "BEGIN", "START":
		if c.inTx {
			return &ServerError{Text: "already in a transaction"}
		}
		c.inTx = true
	case "COMMIT", "ROLLBACK", "END":
		c.inTx = false
	case "DISCARD":
		clear(c.vars)
	case "SET":
		k, v, _ := strings.Cut(rest, "=")
		c.vars[strings.TrimSpace(k)] = strings.TrimSpace(v)
	default:
		if c.vars["autocommit"] == "0" {
			c.inTx = true
		}
	}
	return nil
}

// block performs WAIT and SLEEP.
func (c *conn) block(ctx context.Context, query string) error {
	word, rest := keyword(query)
	switch word {
	case "WAIT":
		return c.f.wait(ctx)
	case "SLEEP":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return &ServerError{Text: err.Error()}
		}
		return sleep(ctx, d)
	}
	return nil
}

// effects is everything a statement does beside its result.
func (c *conn) effects(ctx context.Context, query string, args []driver.NamedValue) error {
	if err := refuse(query, ""); err != nil {
		return err
	}
	if err := c.refuseWrite(query); err != nil {
		return err
	}
	if err := c.session(query); err != nil {
		return err
	}
	for _, a := range args {
		out, ok := a.Value.(sql.Out)
		if !ok {
			continue
		}
		switch dest := out.Dest.(type) {
		case *string:
			*dest = "out"
		case *int64:
			*dest = 42
		default:
			return &ServerError{Text: fmt.Sprintf("can't set a %T", dest)}
		}
	}
	return c.block(ctx, query)
}

// result is that of an Exec. It is told apart from driver.RowsAffected so that a wrapper that makes its own shows.
type result struct{ id, rows int64 }

func (r result) LastInsertId() (int64, error) { return r.id, nil }
func (r result) RowsAffected() (int64, error) { return r.rows, nil }

func (c *conn) runExec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.effects(ctx, query, args); err != nil {
		return nil, err
	}
	word, _ := keyword(query)
	switch word {
	case "INSERT":
		c.f.mu.Lock()
		defer c.f.mu.Unlock()
		c.f.inserted++
		return result{id: c.f.inserted, rows: 1}, nil
	case "CREATE", "DROP", "SET":
		return driver.ResultNoRows, nil
	}
	return result{rows: 1}, nil
}

func (c *conn) runQuery(ctx context.Context, query string, args []driver.NamedValue) ([]resultSet, error) {
	if err := c.effects(ctx, query, args); err != nil {
		return nil, err
	}
	word, rest := keyword(query)
	switch word {
	case "SELECT":
		if asksRole(query) {
			return c.role(), nil
		}
		return c.runSelect(query, strings.Fields(rest)), nil
	case "GET":
		c.f.mu.Lock()
		v, ok := c.vars[rest]
		c.f.mu.Unlock()
		if !ok {
			return single(rest, nil), nil
		}
		return single(rest, v), nil
	case "VALUES":
		return echo(args), nil
	}
	return []resultSet{{}}, nil
}

func (c *conn) runSelect(query string, words []string) []resultSet {
	if len(words) == 0 {
		return single("text", query)
	}
	switch strings.ToLower(words[0]) {
	case "conn":
		return single("conn", int64(c.id))
	case "intx":
		return single("intx", c.isInTx())
	case "types":
		return typed()
	case "n", "sets":
		var sets []resultSet
		for _, w := range words[1:] {
			if n, err := strconv.Atoi(w); err == nil {
				sets = append(sets, series(n))
			}
		}
		if len(sets) > 0 {
			return sets
		}
	}
	if n, err := strconv.ParseInt(words[0], 10, 64); err == nil && len(words) == 1 {
		return single("n", n)
	}
	return single("text", query)
}

func single(col string, v driver.Value) []resultSet {
	return []resultSet{{cols: []string{col}, rows: [][]driver.Value{{v}}}}
}

func series(n int) resultSet {
	set := resultSet{cols: []string{"n"}}
	for i := range n {
		set.rows = append(set.rows, []driver.Value{int64(i + 1)})
	}
	return set
}

func typed() []resultSet {
	return []resultSet{{
		cols: []string{"name", "price"},
		types: []columnType{
			{name: "VARCHAR", scan: reflect.TypeFor[sql.NullString](), length: 40, nullable: true},
			{name: "DECIMAL", scan: reflect.TypeFor[[]byte](), precision: 10, scale: 2},
		},
		rows: [][]driver.Value{{"tea", []byte("3.50")}, {nil, []byte("0.00")}},
	}}
}

func echo(args []driver.NamedValue) []resultSet {
	set := resultSet{cols: []string{"ordinal", "name", "type", "value"}}
	for _, a := range args {
		value := argsText([]driver.NamedValue{{Value: a.Value}})
		set.rows = append(set.rows, []driver.Value{int64(a.Ordinal), a.Name, fmt.Sprintf("%T", a.Value), value})
	}
	return []resultSet{set}
}

// inputs is how many arguments query takes: its ?, or the highest $n.
func inputs(query string) int {
	n := strings.Count(query, "?")
	for i, r := range query {
		if r != '$' {
			continue
		}
		digits := query[i+1:]
		if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = digits[:end]
		}
		if v, err := strconv.Atoi(digits); err == nil {
			n = max(n, v)
		}
	}
	return n
}
