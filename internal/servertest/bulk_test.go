package servertest_test

import (
	"bytes"
	"database/sql"
	"io"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// 4 MB in and out, also as RawBytes, which are the driver's own buffer.
func TestBlobs(t *testing.T) {
	blob := bytes.Repeat([]byte("pooled\x00\xff"), 4<<20/8)
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			db := openServer(t, "pooled", s.dsn(t))
			kind := map[string]string{"postgres": "BYTEA", "mysql": "LONGBLOB", "sqlite": "BLOB"}[s.name]
			table(t, db, "blobs", "b "+kind)
			pooledtest.MustExec(t, db, "INSERT INTO blobs VALUES ("+s.arg(1)+")", blob)
			if have := pooledtest.ScanOne[[]byte](t, db, "SELECT b FROM blobs"); !bytes.Equal(have, blob) {
				t.Errorf("have %d bytes, want the same %d", len(have), len(blob))
			}
			rows, err := db.Query("SELECT b FROM blobs WHERE 1 = "+s.arg(1), 1)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var raw sql.RawBytes
			if !rows.Next() || rows.Scan(&raw) != nil || !bytes.Equal(raw, blob) {
				t.Errorf("RawBytes: have %d bytes, want the same %d", len(raw), len(blob))
			}
		})
	}
}

func TestCopyIn(t *testing.T) {
	db := openServer(t, "pooled", onPostgres.dsn(t))
	table(t, db, "copied", "a INT, b TEXT")
	for range 3 { // a second and third time on a connection that has done it before
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		stmt, err := tx.Prepare(pq.CopyIn("copied", "a", "b"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			if _, err := stmt.Exec(i, "row"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := stmt.Exec(); err != nil {
			t.Fatal(err)
		}
		if err := stmt.Close(); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if have := pooledtest.ScanOne[int](t, db, "SELECT count(*) FROM copied"); have != 3000 {
		t.Errorf("have %d rows, want 3000", have)
	}
}

func TestLoadData(t *testing.T) {
	db := openServer(t, "pooled", onMySQL.dsn(t))
	table(t, db, "loaded", "a INT, b VARCHAR(10)")
	mysql.RegisterReaderHandler("loaded", func() io.Reader { return strings.NewReader("1\tx\n2\ty\n3\tz\n") })
	defer mysql.DeregisterReaderHandler("loaded")
	r, err := db.Exec("LOAD DATA LOCAL INFILE 'Reader::loaded' INTO TABLE loaded")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.RowsAffected(); n != 3 || err != nil {
		t.Errorf("have %d rows, %v, want 3", n, err)
	}
}
