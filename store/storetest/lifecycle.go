package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

func testClose(t *testing.T, h Harness) {
	t.Parallel()
	s := h.Open(t)
	require.NoError(t, s.Prepare(t.Context(), schemas...))
	// Close waits for the transactions that run.
	writing, reading, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	done := make(chan error, 2)
	hold := func(began chan struct{}) {
		select {
		case <-began: // this is a second try
		default:
			close(began)
			<-release
		}
	}
	go func() {
		done <- s.Update(t.Context(), here, func(tx store.Tx) error {
			hold(writing)
			return notes.Insert(t.Context(), tx, note{ID: "a"})
		})
	}()
	go func() {
		done <- s.View(t.Context(), here, func(tx store.Tx) error {
			hold(reading)
			_, err := notes.List(t.Context(), tx, store.Query{})
			return err
		})
	}()
	<-writing
	<-reading
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		require.Fail(t, "Close did not wait for the transactions that run", "it returned %v", err)
	case <-time.After(waiting): // only a chance to go wrong
	}
	close(release)
	for range 2 {
		require.NoError(t, <-done)
	}
	require.NoError(t, <-closed)
	nothing := func(store.Tx) error { return nil }
	require.ErrorIs(t, s.Update(t.Context(), here, nothing), store.ErrClosed)
	require.ErrorIs(t, s.View(t.Context(), here, nothing), store.ErrClosed)
	require.ErrorIs(t, s.Prepare(t.Context(), schemas...), store.ErrClosed)
	require.NoError(t, s.Close(), "closing twice")
}

func testReopen(t *testing.T, h Harness) {
	if h.Reopen == nil {
		t.Skip("the records of this store end with it")
	}
	t.Parallel()
	s := h.Open(t)
	table := people()
	require.NoError(t, s.Prepare(t.Context(), append(schemas, table.Schema())...))
	want := []item{thing("a").code("A").owner("ann").score(1), thing("b").score(2), thing("c")}
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, want...))
		require.NoError(t, notes.Insert(ctx, tx.In(there), note{"n", "there"}))
	})
	require.ErrorIs(t, s.Update(t.Context(), here, func(tx store.Tx) error {
		require.NoError(t, items.Put(t.Context(), tx, thing("a").note("lost")))
		return errStop
	}), errStop)

	s = h.Reopen(t, s)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	newer := people()
	newer.Schema().Version = 2
	require.NoError(t, s.Prepare(t.Context(), append(schemas, newer.Schema())...))
	require.ErrorIs(t, s.Prepare(t.Context(), table.Schema()), fault.ErrConflict)
	update(t, s, func(ctx context.Context, tx store.Tx) {
		requireItems(ctx, t, tx, want...)
		requireTaken(t, "code", items.Insert(ctx, tx, thing("d").code("A")))
		got, ok, err := notes.Get(ctx, tx.In(there), "n")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, note{"n", "there"}, got)
	})
}
