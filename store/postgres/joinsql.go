package postgres

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/guerdonhq/guerdon/store"
)

// JoinSQL is [Store.Join] for a transaction of database/sql, whose driver must be that of pgx (its package stdlib). It
// sends its statements one by one, so what costs two round trips elsewhere costs one for each of them.
func (s *Store) JoinSQL(tx *sql.Tx) store.Store { return s.joined(sqlTx{tx}) }

// A sqlTx is a transaction of database/sql as sessions use it.
type sqlTx struct{ tx *sql.Tx }

func (t sqlTx) Exec(ctx context.Context, text string, args ...any) (pgconn.CommandTag, error) {
	_, err := t.tx.ExecContext(ctx, text, args...)
	return pgconn.CommandTag{}, err
}

func (t sqlTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return &sqlResults{
		queue: b.QueuedQueries,
		exec:  func(q *pgx.QueuedQuery) (pgconn.CommandTag, error) { return t.Exec(ctx, q.SQL, q.Arguments...) },
		query: func(q *pgx.QueuedQuery) (*sql.Rows, error) { return t.tx.QueryContext(ctx, q.SQL, q.Arguments...) },
	}
}

// sqlResults sends a queue of statements, each when its result is asked for.
type sqlResults struct {
	pgx.BatchResults // nil: nobody asks for more

	queue []*pgx.QueuedQuery
	exec  func(*pgx.QueuedQuery) (pgconn.CommandTag, error)
	query func(*pgx.QueuedQuery) (*sql.Rows, error)
}

func (r *sqlResults) next() *pgx.QueuedQuery {
	q := r.queue[0]
	r.queue = r.queue[1:]
	return q
}

func (r *sqlResults) Exec() (pgconn.CommandTag, error) { return r.exec(r.next()) }

func (r *sqlResults) Query() (pgx.Rows, error) {
	rows, err := r.query(r.next()) //nolint:rowserrcheck // whoever reads them does both
	return &sqlRows{rows: rows, err: err}, err
}

func (r *sqlResults) QueryRow() pgx.Row {
	rows, err := r.query(r.next()) //nolint:rowserrcheck // Scan does both
	return sqlRow{sqlRows{rows: rows, err: err}}
}

// Close sends what is left, up to the first that fails.
func (r *sqlResults) Close() error {
	for len(r.queue) > 0 {
		var err error
		if of := r.queue[0].Fn; of != nil {
			err = of(r)
		} else {
			_, err = r.Exec()
		}
		if err != nil {
			r.queue = nil
			return err
		}
	}
	return nil
}

// sqlRows are rows of database/sql, nil if there was an error.
type sqlRows struct {
	pgx.Rows // nil: nobody asks for more

	rows *sql.Rows
	err  error
}

func (r *sqlRows) Next() bool {
	if r.rows == nil {
		return false
	}
	return r.rows.Next()
}

func (r *sqlRows) Err() error {
	if r.rows == nil || r.err != nil {
		return r.err
	}
	return r.rows.Err()
}

func (r *sqlRows) Close() {
	if r.rows != nil {
		_ = r.rows.Close() // its error is that of Err
	}
}

func (r *sqlRows) Scan(into ...any) error { return r.rows.Scan(into...) }

// RawValues returns the columns of the row, until the next one.
func (r *sqlRows) RawValues() [][]byte {
	columns, err := r.rows.Columns()
	raw, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range raw {
		into[i] = &raw[i]
	}
	if err == nil {
		err = r.rows.Scan(into...)
	}
	if err != nil {
		r.err = err
	}
	values := make([][]byte, len(raw))
	for i := range raw {
		values[i] = raw[i]
	}
	return values
}

// A sqlRow is the only row of a query.
type sqlRow struct{ rows sqlRows }

func (r sqlRow) Scan(into ...any) error {
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	return r.rows.Err()
}
