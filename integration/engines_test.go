package integration

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooltest"
)

type answer = pooledtest.Answer

// engineCase is something that a server says to what a pool sends, in its own words, and what the pool makes of it. The
// table in docs/engines.md is made of these.
type engineCase struct {
	engine string // as the page calls it
	says   string
	then   string

	dsn string // %s is the address; the scheme tells the protocol

	// answer is what it says; false: what MySQL or PostgreSQL would.
	answer func(session int, message string) (answer, bool)

	do   func(t *testing.T, db *sql.DB) // what the program does
	want []string                       // what the server is sent, but for the questions to a new session
	log  string                         // a part of the only line that the pool logs; empty: none
}

const (
	mysqlEngine    = "pooled@tcp(%s)/shop?pool_driver=mysql&pool_max_conns=1&"
	postgresEngine = "postgres://pooled@%s/shop?sslmode=disable&pool_max_conns=1&"
	pgxEngine      = "postgresql+pgx://pooled@%s/shop?sslmode=disable&pool_max_conns=1&" +
		"default_query_exec_mode=simple_protocol&"
)

// to answers one message.
func to(message string, says answer) func(int, string) (answer, bool) {
	return func(_ int, have string) (answer, bool) { return says, have == message }
}

func mysqlSays(number uint16, state, text string) answer {
	return answer{Number: number, State: state, Text: text}
}

func postgresSays(state, text string) answer { return answer{State: state, Text: text} }

const (
	notPrimary = "WSREP has not yet prepared node for application use"
	readOnly   = "The MySQL server is running with the --read-only option so it cannot execute this statement"
	unlisten   = "at or near \"unlisten\": syntax error"
	plans      = "at or near \"plans\": syntax error: unimplemented: this syntax"
	noTx       = "there is no transaction in progress"
	noLocks    = "advisory locks are not yet implemented"
	noOption   = "Feature not supported: RDS Proxy currently doesn't support the option statement_timeout."
)

var unknownCommand = mysqlSays(1047, "08S01", "command handling not implemented yet: 31")

// each runs statements, each in a checkout of its own.
func each(statements ...string) func(*testing.T, *sql.DB) {
	return func(t *testing.T, db *sql.DB) {
		for _, s := range statements {
			mustExec(t, db, s)
		}
	}
}

// mysqlError runs a statement that fails with the server's own error.
func mysqlError(t *testing.T, db *sql.DB, statement string, number uint16) {
	t.Helper()
	_, err := db.Exec(statement)
	if e := (*mysqldriver.MySQLError)(nil); !errors.As(err, &e) || e.Number != number {
		t.Errorf("%s: have %v, want the server's error %d", statement, err, number)
	}
}

func TestEngines(t *testing.T) {
	for _, c := range engineCases {
		t.Run(c.engine+": "+c.says, func(t *testing.T) {
			var book pooledtest.LogBook
			e := c.serve(t)
			cfg, err := pooled.ParseDSN(fmt.Sprintf(c.dsn, e.Address))
			if err != nil {
				t.Fatal(err)
			}
			cfg.Logger = slog.New(&book)
			db, _ := pooltest.OpenFrom(t, cfg)
			c.do(t, db)
			db.Close()
			have := slices.DeleteFunc(e.Log(), aboutNewSession)
			for i, line := range have {
				if before, _, reset := strings.Cut(line, "Query "+pgxReset); reset {
					have[i] = before + "reset"
				}
			}
			checkSame(t, "sent to the server", have, c.want)
			lines := book.Take()
			if len(lines) > 1 || (len(lines) == 1) != (c.log != "") || c.log != "" && !strings.Contains(lines[0], c.log) {
				t.Errorf("log: have %q, want one line with %q, or none if that is empty", lines, c.log)
			}
		})
	}
}

// The page has what these tests show.
func TestEnginesTable(t *testing.T) {
	var table strings.Builder
	table.WriteString("| server | it says | then |\n|---|---|---|\n")
	for _, c := range engineCases {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", c.engine, c.says, c.then)
	}
	compareTable(t, "engines.md", "engines", table.String())
}

// aboutNewSession tells what is asked of a new session, and what comes by itself.
func aboutNewSession(line string) bool {
	return strings.Contains(line, "SELECT @@autocommit") || strings.Contains(line, "SELECT @@read_only") ||
		strings.Contains(line, "pg_catalog.pg_settings") ||
		strings.Contains(line, "pg_catalog.pg_backend_pid") || strings.Contains(line, "@@init_connect") ||
		strings.HasSuffix(line, " Terminate") || strings.HasSuffix(line, " CancelRequest") ||
		strings.HasSuffix(line, " -- ping") // pgx's own, after a second
}

// serve starts a server that answers as the case says, and as MySQL or PostgreSQL to all else.
func (c engineCase) serve(t *testing.T) *pooledtest.Engine {
	t.Helper()
	serve, usual := pooledtest.ServePostgres, postgresAnswer
	if strings.Contains(c.dsn, "tcp(") {
		serve, usual = pooledtest.ServeMySQL, mysqlAnswer
	}
	return serve(t, func(session int, message string) answer {
		if c.answer != nil {
			if a, ok := c.answer(session, message); ok {
				return a
			}
		}
		return usual(session, message)
	})
}

func mysqlAnswer(session int, message string) answer {
	switch {
	case strings.HasPrefix(message, "Query SELECT @@autocommit"):
		return answer{Row: []any{1, "NO_CHAIN", 28800, session, 0, 0}}
	case strings.HasPrefix(message, "Query SELECT @@read_only"):
		return answer{Row: []any{0, 0}}
	case strings.Contains(message, "@@init_connect"):
		return answer{Row: []any{"SET character_set_client = 'utf8mb4'", nil, "USE `shop`"}}
	case strings.HasPrefix(message, "Query SELECT"):
		return answer{Row: []any{1}}
	}
	return answer{}
}

func postgresAnswer(session int, message string) answer {
	switch {
	case strings.Contains(message, "pg_settings"):
		return answer{Row: []any{0}}
	case strings.Contains(message, "pg_backend_pid"):
		return answer{Row: []any{session}}
	case strings.HasPrefix(message, "Query SELECT"):
		return answer{Row: []any{1}}
	}
	return answer{}
}
