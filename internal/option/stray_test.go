package option_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/option"
)

func TestStray(t *testing.T) {
	text := func(*struct{}) *string { return new(string) }
	var rows []option.Row[struct{}]
	for _, key := range []string{"pool_size", "pool_max_conns", "pool_max_overflow", "pool_min_idle", "pool_pre_ping",
		"pool_recycle", "pool_class"} {
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
		"poolclass": "pool_class", "poolMaxSize": "pool_max_conns", "pool-mode": "pool_class", "max_overflow": "pool_max_overflow", "maxConns": "pool_max_conns", "maximumPoolSize": "pool_max_conns", "maxOpenConns": "pool_max_conns", "minimum-idle": "pool_min_idle", "pre_ping": "pool_pre_ping", "maxLifetime": "pool_recycle",
		// The driver's, or nobody's
		"max_connections": "", "size": "", "timeout": "", "wait_timeout": "", "pooling": "", "pool": "", "class": "",
		"my.pre_ping": "", "pre.ping": "", "Max Pool Size": "", "connection_limit": "", "": "",
		"leakDetectionThreshold": "", // not in this table
	} {
		if have := table.Stray(key); have != want {
			t.Errorf("%q: have %q, want %q", key, have, want)
		}
	}
}
