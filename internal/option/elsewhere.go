package option

import (
	"slices"
	"strings"
)

// elsewhere holds, for options of the pool, what the same thing is called in other pools: database/sql, SQLAlchemy,
// pgxpool, HikariCP, c3p0, DBCP, node-postgres, Npgsql and others. The names are without pool_, and in lower case
// without underscores.
var elsewhere = map[string]string{
	"pool_max_conns": "max maxsize maxpoolsize maximumpoolsize maxconn maxconnections maxopen maxopenconns " +
		"maxopenconnections maxactive maxtotal maximumsize limit connectionlimit conns connections maxnum",
	"pool_size":         "maxidle maxidleconns maxidleconnections coresize defaultsize",
	"pool_max_overflow": "overflow maxextra reservesize reserve",
	"pool_timeout": "acquiretimeout acquisitiontimeout acquiretimeoutmillis connectiontimeout connecttimeout maxwait " +
		"maxwaitmillis wait waittimeout checkouttimeout queuetimeout gettimeout",
	"pool_use_lifo": "lifo fifo usefifo",
	"pool_min_idle": "min minsize minpoolsize minimumpoolsize minconns minconnections minimumidle minidleconnections " +
		"initialsize",
	"pool_idle_timeout": "idletime maxidletime connmaxidletime idletimeoutmillis idlelifetime connectionidlelifetime",
	"pool_recycle": "lifetime maxlifetime connmaxlifetime maxage maxconnage connectionlifetime serverlifetime ttl " +
		"recycletime",
	"pool_recycle_jitter": "jitter lifetimejitter maxlifetimejitter",
	"pool_pre_ping": "preping prepings ping testonborrow validate validation keepalive keepalivetime " +
		"healthcheckperiod",
	"pool_ping_timeout":    "validationtimeout",
	"pool_reset_on_return": "reset resetmode onreturn rollbackonreturn",
	"pool_init_sql":        "connectioninitsql initialsql init onconnect connectsql",
	"pool_stmt_cache": "statementcache stmtcachesize statementcachesize statementcachecapacity preparedstatementcache " +
		"maxpreparedstatements cacheprepstmts prepstmtcachesize",
	"pool_connect_limit": "maxconnecting opening openlimit",
	"pool_leak_after": "leak leakdetection leakdetectionthreshold leakthreshold leaktimeout logabandoned " +
		"abandonedtimeout",
	"pool_class":           "mode type kind poolclass",
	"pool_driver":          "drivername dialect",
	"pool_name":            "poolname loggingname label",
	"pool_logger":          "log logging",
	"pool_echo_pool":       "logpool",
	"pool_hide_parameters": "hideparams",
	"pool_hooks":           "hook events listeners",
}

// bare is a key as it is written in elsewhere and without.
func bare(key string) string { return fold(strings.TrimPrefix(strings.ToLower(key), "pool_")) }

// meant returns the option that has a key's name elsewhere.
func (t Table[C]) meant(key string) (option string, ok bool) {
	name := bare(key)
	for option, names := range elsewhere {
		if slices.Contains(strings.Fields(names), name) && t.Has(option) {
			return option, true
		}
	}
	return "", false
}
