package pooled_test

import (
	"database/sql"
	"testing"
)

// Snippets of README and docs that are no examples of their own.

func TestSnippetOpen(t *testing.T) {
	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?sslmode=disable&pool_size=10&pool_max_overflow=10")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
