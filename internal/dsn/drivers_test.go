package dsn_test

import (
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
)

// readByPool are the keys of which the pool reads the value.
var readByPool = map[string]string{"target_session_attrs": "any", "load_balance_hosts": "random"}

// What the drivers call their own parameters is not taken for an option that was written wrong. Those of the servers
// are tested on servers (package servertest).
func TestDriversKeysAreTheirs(t *testing.T) {
	for form, keys := range map[string]string{
		"user@tcp(host)/db?KEY=1": "allowAllFiles allowCleartextPasswords allowFallbackToPlaintext allowNativePasswords " +
			"allowOldPasswords charset checkConnLiveness clientFoundRows collation columnsWithAlias compress " +
			"connectionAttributes interpolateParams maxAllowedPacket multiStatements parseTime readTimeout " +
			"rejectReadOnly serverPubKey timeTruncate timeout tls writeTimeout max_connections wait_timeout read_only " +
			"transaction_isolation autoCommit",
		"host=host KEY=1": "application_name binary_parameters client_encoding connect_timeout datestyle " +
			"default_query_exec_mode description_cache_capacity disable_prepared_binary_result fallback_application_name " +
			"geqo hostaddr krbspn krbsrvname load_balance_hosts max_protocol_version min_protocol_version options " +
			"passfile port search_path service sslcert sslinline sslkey sslmode sslnegotiation sslpassword sslrootcert " +
			"sslsni statement_cache_capacity statement_timeout target_session_attrs tz my_extension.pre_ping pre.ping",
		"server=host;KEY=1": "app_name applicationintent dial_timeout disableretry encrypt failoverpartner keepalive " +
			"log multisubnetfailover packet_size pipe protocol Max_Pool_Size Min_Pool_Size Pooling Connection_Lifetime " +
			"Connection_Timeout",
		"file:x.db?KEY=1": "_auth_crypt _auth_pass _auth_salt _auth_user _cache_size _defensive _dqs _error_rc " +
			"_ignore_check_constraints _inttotime _loc _mutex _pragma _query_only _secure_delete _stmt_cache_size " +
			"_texttotime _time_format _time_integer_format _timezone _txlock _writable_schema cache immutable mode " +
			"nolock psow vfs",
		"other://host/db?KEY=1": "poolSize max_open_conns readOnly", // of a driver that is not known
	} {
		for key := range strings.FieldsSeq(keys) {
			if value := readByPool[key]; value != "" {
				if _, err := pooled.ParseDSN(strings.Replace(form, "KEY=1", key+"="+value, 1)); err != nil {
					t.Errorf("%s with key %s: have %v, want no error", form, key, err)
				}
				continue
			}
			if strings.HasPrefix(form, "server=") {
				key = strings.ReplaceAll(key, "_", " ")
			}
			if _, err := pooled.ParseDSN(strings.Replace(form, "KEY", key, 1)); err != nil {
				t.Errorf("%s with key %s: have %v, want no error", form, key, err)
			}
		}
	}
}
