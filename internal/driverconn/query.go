package driverconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// StmtCloser closes a statement that was prepared to be run once. It is told the context that the statement ran in,
// since Close knows none. Nil: the statement is just closed.
type StmtCloser func(ctx context.Context, stmt driver.Stmt) error

func (closes StmtCloser) close(ctx context.Context, stmt driver.Stmt) error {
	if closes == nil {
		return stmt.Close()
	}
	return closes(ctx, stmt)
}

// Run runs a statement without arguments, prepared if the driver wants that.
func (c *Conn) Run(ctx context.Context, query string, closes StmtCloser) error {
	_, err := c.Exec(ctx, query, nil)
	if err != driver.ErrSkip {
		return err
	}
	stmt, err := c.Prepare(ctx, query)
	if err != nil {
		return err
	}
	_, err = ExecStmt(ctx, stmt, nil)
	return errors.Join(err, closes.close(ctx, stmt))
}

// QueryRow runs a query without arguments, prepared if the driver wants that, and returns its first row, which has a
// column at least. Bytes are returned as a string: the driver may use their memory again.
func (c *Conn) QueryRow(ctx context.Context, query string, closes StmtCloser) ([]driver.Value, error) {
	rows, err := c.Query(ctx, query, nil)
	if err == driver.ErrSkip {
		var stmt driver.Stmt
		if stmt, err = c.Prepare(ctx, query); err != nil {
			return nil, err
		}
		defer closes.close(ctx, stmt)
		rows, err = QueryStmt(ctx, stmt, nil)
	}
	if err != nil {
		return nil, err
	}
	row, err := firstRow(rows)
	if err = errors.Join(err, rows.Close()); err != nil {
		return nil, err
	}
	return row, nil
}

func firstRow(rows driver.Rows) ([]driver.Value, error) {
	row := make([]driver.Value, len(rows.Columns()))
	switch err := rows.Next(row); {
	case err == io.EOF:
		return nil, errors.New("no row")
	case err != nil:
		return nil, err
	case len(row) == 0:
		return nil, errors.New("no column")
	}
	for i, value := range row {
		if b, ok := value.([]byte); ok {
			row[i] = string(b)
		}
	}
	return row, nil
}
