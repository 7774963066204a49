package servertest_test

import (
	"fmt"
	"slices"
	"testing"
)

// The same program on real servers, with interceptors and without.
func TestInterceptorsOnServers(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			dsn := s.dsn(t)
			program := func(options ...string) []string {
				db := openServer(t, "pooled", dsn, append(options, "pool_logger=discard")...)
				rows, err := db.Query("SELECT 1 AS a, 'two' AS b, NULL AS c, "+s.arg(1), "three")
				if err != nil {
					t.Fatal(err)
				}
				defer rows.Close()
				types, err := rows.ColumnTypes()
				if err != nil {
					t.Fatal(err)
				}
				var have []string
				for _, c := range types {
					length, hasLength := c.Length()
					nullable, hasNullable := c.Nullable()
					have = append(have, fmt.Sprint(
						c.Name(), c.DatabaseTypeName(), c.ScanType(), length, hasLength, nullable, hasNullable))
				}
				for rows.Next() {
					values := make([]any, 4)
					if err := rows.Scan(&values[0], &values[1], &values[2], &values[3]); err != nil {
						t.Fatal(err)
					}
					have = append(have, fmt.Sprint(values...))
				}
				_, err = db.Exec("THIS IS NO SQL")
				return append(have, fmt.Sprint(err))
			}
			if have, want := program("echo=debug"), program("echo=off"); !slices.Equal(have, want) {
				t.Errorf("have %q\nwant %q", have, want)
			}
		})
	}
}
