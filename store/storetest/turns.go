package storetest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/guerdonhq/guerdon/store"
)

// InTurns returns a store whose transactions are run by several stores on the same rows, one after the other, as by several
// processes: each must see what the others have committed. Closing it closes all.
func InTurns(stores ...store.Store) store.Store { return &turns{stores: stores} }

type turns struct {
	stores []store.Store
	n      atomic.Int64
}

func (t *turns) next() store.Store {
	return t.stores[int(t.n.Add(1))%len(t.stores)]
}

func (t *turns) Prepare(ctx context.Context, tables ...*store.Schema) error {
	for _, s := range t.stores {
		if err := s.Prepare(ctx, tables...); err != nil {
			return err
		}
	}
	return nil
}

func (t *turns) View(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return t.next().View(ctx, s, fn)
}

func (t *turns) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return t.next().Update(ctx, s, fn)
}

func (t *turns) UpdateAhead(ctx context.Context, s store.Scope, look, fn func(store.Tx) error) error {
	return store.UpdateAhead(ctx, t.next(), s, look, fn)
}

func (t *turns) Rehearse(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return t.next().Rehearse(ctx, s, fn)
}

func (t *turns) Close() error {
	var errs []error
	for _, s := range t.stores {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
