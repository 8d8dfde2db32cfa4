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
func (s *Store) Join(tx pgx.Tx) store.Store {
	return &joined{store: s, tx: tx, free: make(chan struct{}, 1)}
}

// A joined is a store inside a transaction of the host's.
type joined struct {
	store *Store
	tx    pgx.Tx
	free  chan struct{} // holds a token while a function runs
	fit   bool          // the isolation level has been checked
}

func (j *joined) Prepare(ctx context.Context, tables ...*store.Schema) error {
	for _, t := range tables {
		if _, ok := j.store.prepared.Load(t); !ok {
			return fault.Conflict(t.Name, "a joined transaction makes no tables: prepare the store itself first")
		}
	}
	return ctx.Err()
}

func (j *joined) View(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return j.run(ctx, func(s unit.Session) error { return unit.View(ctx, s, scope, fn) })
}

func (j *joined) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return j.run(ctx, func(s unit.Session) error { return unit.Update(ctx, s, scope, fn) })
}

func (*joined) Close() error { return nil }

// run calls do with a session that ends inside the host's transaction.
func (j *joined) run(ctx context.Context, do func(unit.Session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case j.free <- struct{}{}:
		defer func() { <-j.free }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := j.check(ctx); err != nil {
		return err
	}
	return do(&session{store: j.store, words: joining, db: j.tx})
}

// check refuses a transaction whose snapshot may be older than the lock of a scope.
func (j *joined) check(ctx context.Context) error {
	if j.fit {
		return nil
	}
	var level string
	if err := j.tx.QueryRow(ctx, "select current_setting('transaction_isolation')").Scan(&level); err != nil {
		return wrap(err)
	}
	if level != "read committed" {
		return fault.Invalid("transaction", "its isolation level is %s: only read committed can be joined", level)
	}
	j.fit = true
	return nil
}
