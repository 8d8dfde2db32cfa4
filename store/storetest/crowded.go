package storetest

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

// Crowded checks a store whose transactions are [store.Crowded]: an Update is told as soon as another one waits for it, and only
// then. other is s, or a store on the same rows, as another process has it.
func Crowded(t *testing.T, s, other store.Store) {
	t.Helper()
	ctx := t.Context()
	for _, of := range []store.Store{s, other} {
		require.NoError(t, of.Prepare(ctx, notes.Schema()))
	}
	hold := func(then func(store.Crowded)) {
		require.NoError(t, s.Update(ctx, here, func(tx store.Tx) error {
			if err := notes.Put(ctx, tx, note{ID: "held"}); err != nil {
				return err
			}
			if _, err := notes.List(ctx, tx, store.Query{}); err != nil { // now a store has locked what it locks
				return err
			}
			then(tx.(store.Crowded))
			return nil
		}))
	}
	done, own := make(chan error, 1), make(chan error, 1)
	short, cancel := context.WithCancel(ctx)
	hold(func(tx store.Crowded) {
		require.False(t, tx.Crowded())
		write := func(ctx context.Context, done chan<- error) {
			done <- other.Update(ctx, here, func(tx store.Tx) error { return notes.Put(ctx, tx, note{ID: "next"}) })
		}
		go write(short, own)
		for !tx.In(there).(store.Crowded).Crowded() {
			runtime.Gosched()
		}
		cancel() // who has gone waits no more
		require.ErrorIs(t, <-own, context.Canceled)
		require.False(t, tx.Crowded())
		go write(ctx, done)
		for !tx.Crowded() {
			runtime.Gosched()
		}
		for _, run := range []func(context.Context, store.Scope, func(store.Tx) error) error{s.View, s.Rehearse} { // nobody waits for these
			require.NoError(t, run(ctx, here, func(tx store.Tx) error {
				require.False(t, tx.(store.Crowded).Crowded())
				return nil
			}))
		}
	})
	require.NoError(t, <-done)
	hold(func(tx store.Crowded) { require.False(t, tx.Crowded()) })
}
