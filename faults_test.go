package guerdon_test

import (
	"context"
	"errors"
	"math"
	"sync/atomic"

	"github.com/guerdonhq/guerdon/store"
)

// faulty is a store of which a call fails when that was told: a call of a transaction, its commit, or
// the answer that the commit took place. All later ones fail too, until it is healed.
type faulty struct {
	store.Store

	left atomic.Int64 // calls that are good
}

var (
	errBroken = errors.New("the disk is gone")
	errLost   = errors.New("the answer is lost")
)

// failAfter lets so many calls succeed.
func (f *faulty) failAfter(calls int) { f.left.Store(int64(calls)) }

func (f *faulty) heal() { f.left.Store(math.MaxInt64) }

// call is a call that may fail.
func (f *faulty) call(fault error) error {
	if f.left.Add(-1) < 0 {
		return fault
	}
	return nil
}

func (f *faulty) View(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	return f.Store.View(ctx, s, func(tx store.Tx) error { return fn(&faultyTx{tx, f}) })
}

func (f *faulty) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	err := f.Store.Update(ctx, s, func(tx store.Tx) error {
		if err := fn(&faultyTx{tx, f}); err != nil {
			return err
		}
		return f.call(errBroken)
	})
	if err != nil {
		return err
	}
	return f.call(errLost)
}

// faultyTx asks before each call. It embeds no Tx, so that a new method cannot be forgotten.
type faultyTx struct {
	tx store.Tx
	f  *faulty
}

var _ store.Tx = (*faultyTx)(nil)

func (x *faultyTx) Scope() store.Scope { return x.tx.Scope() }

func (x *faultyTx) In(s store.Scope) store.Tx { return &faultyTx{x.tx.In(s), x.f} }

func (x *faultyTx) Get(ctx context.Context, t *store.Schema, keys ...string) ([]store.Row, error) {
	if err := x.f.call(errBroken); err != nil {
		return nil, err
	}
	return x.tx.Get(ctx, t, keys...)
}

func (x *faultyTx) List(ctx context.Context, t *store.Schema, q store.Query) ([]store.Row, error) {
	if err := x.f.call(errBroken); err != nil {
		return nil, err
	}
	return x.tx.List(ctx, t, q)
}

func (x *faultyTx) Count(ctx context.Context, t *store.Schema, q store.Query) (int, error) {
	if err := x.f.call(errBroken); err != nil {
		return 0, err
	}
	return x.tx.Count(ctx, t, q)
}

func (x *faultyTx) Insert(ctx context.Context, t *store.Schema, rows ...store.Row) error {
	if err := x.f.call(errBroken); err != nil {
		return err
	}
	return x.tx.Insert(ctx, t, rows...)
}

func (x *faultyTx) Put(ctx context.Context, t *store.Schema, rows ...store.Row) error {
	if err := x.f.call(errBroken); err != nil {
		return err
	}
	return x.tx.Put(ctx, t, rows...)
}

func (x *faultyTx) Delete(ctx context.Context, t *store.Schema, keys ...string) error {
	if err := x.f.call(errBroken); err != nil {
		return err
	}
	return x.tx.Delete(ctx, t, keys...)
}

func (x *faultyTx) Prefetch(ctx context.Context, reads ...store.Read) error {
	if err := x.f.call(errBroken); err != nil {
		return err
	}
	return x.tx.Prefetch(ctx, reads...)
}
