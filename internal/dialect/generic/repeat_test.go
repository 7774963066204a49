package generic_test

import (
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/dialect/sqlite"
	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/sqltext"
)

// Where statements need nothing between them, where there is no other server, and where too little is known, nothing is
// sent again.
func TestNotRepeatable(t *testing.T) {
	for _, rules := range []*sqltext.Rules{generic.Dialect.Rules, sqlite.Dialect.Rules, sqlserver.Dialect.Rules} {
		pooledtest.CheckRepeatable(t, rules, nil, []string{
			"SELECT 1", "INSERT INTO t VALUES (1)", "INSERT t VALUES (1) EXEC p", "UPDATE t SET a = 1", "DELETE FROM t", "",
		})
	}
}
