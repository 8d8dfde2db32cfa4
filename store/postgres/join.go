package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

// Join returns a store whose transactions are part of tx, a transaction of the host's own on the same
// database: the host's rows and guerdon's are committed together, or not at all. Update writes into tx
// and commits nothing; if fn fails, or the database refuses what it does, tx is as it was and can go
// on. View sees what tx sees, and takes the lock of its scope too.
//
// The isolation level of tx must be READ COMMITTED, which is PostgreSQL's default: the snapshot of a
// higher one may be older than the lock of the scope. Others are [fault.ErrInvalid].
//
// The locks of the scopes that were used are held until tx ends: others wait for them, and so would a
// call of s.Update on the same scope. A deadlock with another transaction is returned, not retried.
//
// The store that Join returns runs one function at a time, a View like an Update. Its Prepare only
// checks that s has prepared the tables, and its Close does nothing.
func (s *Store) Join(tx pgx.Tx) store.Store { return s.joined(tx) }

func (s *Store) joined(tx db) store.Store {
	fit := false
	return unit.NewJoined(&s.prepared, func(ctx context.Context) (unit.Session, error) {
		if !fit {
			if err := readCommitted(ctx, tx); err != nil {
				return nil, err
			}
			fit = true
		}
		return &session{store: s, words: joining, db: tx}, nil
	})
}

// readCommitted refuses a transaction whose snapshot may be older than the lock of a scope.
func readCommitted(ctx context.Context, tx db) error {
	var level string
	b := &pgx.Batch{}
	b.Queue("select current_setting('transaction_isolation')").QueryRow(func(row pgx.Row) error { return row.Scan(&level) })
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return wrap(err)
	}
	if level != "read committed" {
		return fault.Invalid("transaction", "its isolation level is %s: only read committed can be joined", level)
	}
	return nil
}
