package sqlite

import (
	"cmp"
	"context"
	"database/sql"
)

// A preparer is a connection, or a transaction on one.
type preparer interface {
	PrepareContext(ctx context.Context, text string) (*sql.Stmt, error)
}

var (
	_ preparer = (*sql.Conn)(nil)
	_ preparer = (*sql.Tx)(nil)
)

// A conn is a connection with the statements that were prepared on it. It is used by one goroutine at
// a time. No call is cut short by its context: each is brief, and to watch the context would cost a
// goroutine every time.
type conn struct {
	db         preparer
	statements map[string]*sql.Stmt
	ran        int // how many have run
}

func newConn(db preparer) *conn { return &conn{db: db, statements: map[string]*sql.Stmt{}} }

// prepared returns the statement for a text.
func (c *conn) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if s := c.statements[text]; s != nil {
		return s, nil
	}
	s, err := c.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	c.statements[text] = s
	return s, nil
}

// exec runs a statement that returns no rows.
func (c *conn) exec(ctx context.Context, text string, args ...any) error {
	ctx = context.WithoutCancel(ctx)
	s, err := c.prepared(ctx, text) //nolint:sqlclosecheck // it is kept for the next call
	if err != nil {
		return err
	}
	c.ran++
	_, err = s.ExecContext(ctx, args...)
	return err
}

// query calls each for every row of a statement.
func (c *conn) query(ctx context.Context, each func(*sql.Rows) error, text string, args ...any) (err error) {
	ctx = context.WithoutCancel(ctx)
	s, err := c.prepared(ctx, text) //nolint:sqlclosecheck // it is kept for the next call
	if err != nil {
		return err
	}
	c.ran++
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, rows.Close()) }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Exec implements sqltext.DB.
func (c *conn) Exec(ctx context.Context, text string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.exec(ctx, text, args...)
}

// Query implements sqltext.DB.
func (c *conn) Query(ctx context.Context, each func([]string) error, text string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.query(ctx, func(rows *sql.Rows) error {
		names, err := rows.Columns()
		if err != nil {
			return err
		}
		columns := make([]string, len(names))
		into := make([]any, len(names))
		for i := range columns {
			into[i] = &columns[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		return each(columns)
	}, text, args...)
}

// close gives the connection up. Its statements end with it.
func (c *conn) close() error {
	for _, s := range c.statements {
		if err := s.Close(); err != nil {
			return err
		}
	}
	if db, ok := c.db.(*sql.Conn); ok {
		return db.Close()
	}
	return nil
}
