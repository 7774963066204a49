package option_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/option"
)

func TestStray(t *testing.T) {
	text := func(*struct{}) *string { return new(string) }
	var rows []option.Row[struct{}]
	for _, key := range []string{"pool_size", "pool_max_conns", "pool_max_overflow", "pool_min_idle", "pool_pre_ping",
		"pool_recycle", "pool_class", "pool_timeout", "pool_idle_timeout", "pool_ping_timeout", "pool_stmt_cache",
		"pool_name"} {
		rows = append(rows, option.Text(key, text, nil, ""))
	}
	rows = append(rows, option.Text("pool_echo", text, nil, "").Alias("echo"))
	table := option.New(struct{}{}, rows...)
	for key, want := range map[string]string{
		// Written otherwise
		"poolsize": "pool_size", "pool-size": "pool_size", "poolSize": "pool_size", "PoolSize": "pool_size",
		"POOLSIZE": "pool_size", "pool.size": "pool_size", "poolmaxoverflow": "pool_max_overflow",
		"Pool-Max.Conns": "pool_max_conns", "Echo": "echo", "poolEcho": "pool_echo",
		// Named as elsewhere
		"poolclass": "pool_class", "poolMaxSize": "pool_max_conns", "pool-mode": "pool_class",
		"max_overflow": "pool_max_overflow", "maxConns": "pool_max_conns", "maximumPoolSize": "pool_max_conns",
		"maxOpenConns": "pool_max_conns", "minimum-idle": "pool_min_idle", "pre_ping": "pool_pre_ping",
		"maxLifetime": "pool_recycle",
		// HikariCP's
		"connectionTimeout": "pool_timeout", "connection-timeout": "pool_timeout", "idleTimeout": "pool_idle_timeout",
		"keepaliveTime": "pool_pre_ping", "validationTimeout": "pool_ping_timeout",
		"hikari.maximumPoolSize": "pool_max_conns", "spring.datasource.hikari.pool-name": "pool_name",
		"prepStmtCacheSize": "pool_stmt_cache", "hikari.minimum-idle": "pool_min_idle",
		// The driver's, or nobody's
		"connection_timeout": "", "connection timeout": "", "read_only": "", "transaction_isolation": "", "autoCommit": "",
		"isolation": "", "schema": "", "hikari.wibble": "", "my.readOnly": "",
		"max_connections": "", "size": "", "timeout": "", "wait_timeout": "", "pooling": "", "pool": "", "class": "",
		"my.pre_ping": "", "pre.ping": "", "Max Pool Size": "", "connection_limit": "", "": "",
		"leakDetectionThreshold": "", // not in this table
	} {
		err := table.Stray(key)
		if want == "" {
			if err != nil {
				t.Errorf("%q: have %v, want no error", key, err)
			}
			continue
		}
		if want = fmt.Sprintf("pooled: unknown key %s: did you mean %s?", key, want); err == nil || err.Error() != want {
			t.Errorf("%q: have %v, want %s", key, err, want)
		}
	}
}

// What has no counterpart is named, with what to do.
func TestStrayWithout(t *testing.T) {
	table := option.Table[struct{}]{}
	for _, key := range []string{"readOnly", "read-only", "transactionIsolation", "connectionTestQuery",
		"initializationFailTimeout", "registerMbeans", "hikari.autoCommit", "poolReadOnly"} {
		err := table.Stray(key)
		if err == nil || !strings.HasPrefix(err.Error(), "pooled: unknown key "+key+": leave it out; ") {
			t.Errorf("%s: have %v, want it to be left out", key, err)
		}
	}
}
