package sqlite

import (
	"context"
	"database/sql"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/unit"
)

// Join returns a store whose transactions are part of tx, a transaction of the host's own on the same
// file: the host's rows and guerdon's are committed together, or not at all. Update writes into tx and
// commits nothing; if fn fails, tx is as it was and can go on. View sees what tx sees.
//
// Begin tx with BEGIN IMMEDIATE (the parameter _txlock=immediate), or Update may return
// [fault.ErrConflict] because others have changed the file. Until tx ends, nobody else can write to
// the file: do not call s.Update meanwhile, it would wait for tx.
//
// The store that Join returns runs one function at a time, a View like an Update. Its Prepare only
// checks that s has prepared the tables, and its Close does nothing.
func (s *Store) Join(tx *sql.Tx) store.Store {
	return &joined{store: s, conn: newConn(tx), free: make(chan struct{}, 1)}
}

// A joined is a store inside a transaction of the host's.
type joined struct {
	store *Store
	conn  *conn
	free  chan struct{} // holds a token while a function runs
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
	err := do(j.store.session(j.conn, "savepoint guerdon", "release guerdon", "rollback to guerdon; release guerdon"))
	if busy(err) {
		return fault.Conflict("transaction", "another one has changed the file: begin the host's with BEGIN IMMEDIATE")
	}
	return err
}
