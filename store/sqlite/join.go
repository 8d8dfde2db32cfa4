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
func (s *Store) Join(tx *sql.Tx) store.Store { return s.join(newConn(tx)) }

func (s *Store) join(c *conn) store.Store {
	return joined{unit.NewJoined(&s.prepared, func(context.Context) (unit.Session, error) {
		joined := s.session(c, "savepoint guerdon", "release guerdon", "rollback to guerdon; release guerdon")
		joined.joined = true
		return joined, nil
	})}
}

// A joined is a store inside a transaction of the host's that says what it means to be busy.
type joined struct{ *unit.Joined }

func (j joined) View(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return explain(j.Joined.View(ctx, s, fn))
}

func (j joined) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return explain(j.Joined.Update(ctx, s, fn))
}

func (j joined) Rehearse(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return explain(j.Joined.Rehearse(ctx, s, fn))
}

func explain(err error) error {
	if busy(err) {
		return fault.Conflict("transaction", "another one has changed the file: begin the host's with BEGIN IMMEDIATE")
	}
	return err
}
