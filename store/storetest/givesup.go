package storetest

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

// GivesUp checks that of many callers who wait for an Update each is refused as soon as its own context ends, whatever becomes
// of those before it and however long the Update takes. other is s, or a store on the same rows, as another process has it.
func GivesUp(t *testing.T, s, other store.Store) {
	t.Helper()
	const callers = 8
	ctx := t.Context()
	require.NoError(t, s.Prepare(ctx, notes.Schema()))
	insert := func(ctx context.Context, id string) error {
		return other.Update(ctx, here, func(tx store.Tx) error { return notes.Insert(ctx, tx, note{ID: id}) })
	}
	require.NoError(t, s.Update(ctx, here, func(tx store.Tx) error {
		if err := notes.Put(ctx, tx, note{ID: "held"}); err != nil {
			return err
		}
		if _, err := notes.List(ctx, tx, store.Query{}); err != nil { // now a store has locked what it locks
			return err
		}
		var come atomic.Int64
		var give [callers]func()
		var gone [callers]chan error
		for i := range callers {
			own, cancel := context.WithCancel(ctx)
			defer cancel()
			give[i], gone[i] = cancel, make(chan error, 1)
			go func() {
				come.Add(1)
				gone[i] <- insert(own, strconv.Itoa(i))
			}()
		}
		for come.Load() < callers {
			runtime.Gosched()
		}
		for i := callers - 1; i >= 0; i-- { // the others wait on
			give[i]()
			require.ErrorIs(t, <-gone[i], context.Canceled)
		}
		return nil
	}))
	require.NoError(t, insert(ctx, "next"))
	require.NoError(t, other.View(ctx, here, func(tx store.Tx) error {
		n, err := notes.Count(ctx, tx, store.Query{})
		require.Equal(t, 2, n)
		return err
	}))
}
