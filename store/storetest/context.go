package storetest

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

var contextTests = []test{
	{"CancelledBefore", testCancelledBefore},
	{"CancelledInside", testCancelledInside},
	{"CancelledBeforeCommit", testCancelledBeforeCommit},
	{"CancelledAtAnyTime", testCancelledAtAnyTime},
	{"CancelledAtAnyLook", testCancelledAtAnyLook},
	{"NestedUpdate", testNestedUpdate},
	{"WaitingForAnother", testWaitingForAnother},
	{"GivesUp", func(t *testing.T, s store.Store) { GivesUp(t, s, s) }},
}

// cancelled returns a context that has ended.
func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func testCancelledBefore(t *testing.T, s store.Store) {
	ctx := cancelled(t)
	err := s.Update(ctx, here, func(tx store.Tx) error { return notes.Insert(t.Context(), tx, note{ID: "a"}) })
	require.ErrorIs(t, err, context.Canceled)
	err = s.View(ctx, here, func(tx store.Tx) error {
		_, err := notes.List(ctx, tx, store.Query{})
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	fresh := store.Define("never_prepared", func(n *note) string { return n.ID }, nil)
	require.ErrorIs(t, s.Prepare(ctx, fresh.Schema()), context.Canceled)
	require.Zero(t, count(t, s, here))
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, notes.Insert(ctx, tx, note{ID: "a"})) })
}

// Each method of a Tx refuses a context that has ended.
func testCancelledInside(t *testing.T, s store.Store) {
	old := thing("old").code("A")
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, old)) })
	for name, call := range map[string]func(context.Context, store.Tx) error{
		"Get": func(ctx context.Context, tx store.Tx) error {
			_, _, err := items.Get(ctx, tx, "old")
			return err
		},
		"List": func(ctx context.Context, tx store.Tx) error {
			_, err := items.List(ctx, tx, store.By("code"))
			return err
		},
		"Count": func(ctx context.Context, tx store.Tx) error {
			_, err := items.Count(ctx, tx, store.By("code"))
			return err
		},
		"Insert":   func(ctx context.Context, tx store.Tx) error { return items.Insert(ctx, tx, thing("new")) },
		"Put":      func(ctx context.Context, tx store.Tx) error { return items.Put(ctx, tx, old.note("new")) },
		"Delete":   func(ctx context.Context, tx store.Tx) error { return items.Delete(ctx, tx, "old") },
		"Prefetch": func(ctx context.Context, tx store.Tx) error { return tx.Prefetch(ctx, items.Keys("old")) },
	} {
		err := s.Update(t.Context(), here, func(tx store.Tx) error {
			require.NoError(t, items.Put(t.Context(), tx, thing("beside")))
			return call(cancelled(t), tx)
		})
		require.ErrorIs(t, err, context.Canceled, name)
		view(t, s, func(ctx context.Context, tx store.Tx) { requireItems(ctx, t, tx, old) })
	}
}

func testCancelledBeforeCommit(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, here, func(tx store.Tx) error {
		require.NoError(t, notes.Insert(ctx, tx, note{ID: "a"}))
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, count(t, s, here))
}

// Whenever a context ends, an Update does everything and returns nil, or nothing and says why.
func testCancelledAtAnyTime(t *testing.T, s store.Store) {
	many := make([]item, 500)
	for i := range many {
		many[i] = thing(strconv.Itoa(i)).code(strconv.Itoa(i)).owner("ann").score(int64(i))
	}
	for round := range 10 {
		scope := store.Scope{Account: "acme", Workspace: fmt.Sprint("round-", round)}
		ctx, cancel := context.WithCancel(t.Context())
		started := make(chan struct{})
		go func() {
			<-started
			for range round * 4 {
				_ = s.View(t.Context(), scope, func(store.Tx) error { return nil }) // passes some time
			}
			cancel()
		}()
		close(started)
		err := s.Update(ctx, scope, func(tx store.Tx) error {
			if err := items.Insert(ctx, tx, many...); err != nil {
				return err
			}
			if _, err := items.List(ctx, tx, store.By("order")); err != nil {
				return err
			}
			return items.Delete(ctx, tx, "0")
		})
		<-ctx.Done()
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			require.Zero(t, count(t, s, scope))
		} else {
			require.Equal(t, len(many)-1, count(t, s, scope))
		}
	}
}

// Wherever a store looks at the context and finds that it has ended, an Update does everything or nothing,
// and says which.
func testCancelledAtAnyLook(t *testing.T, s store.Store) {
	old, changed := thing("old").code("A"), thing("old").code("B").note("new")
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, old, thing("gone"))) })
	for looks := 0; ; looks++ {
		ctx := Fading(t.Context(), looks)
		err := s.Update(ctx, here, func(tx store.Tx) error {
			if err := tx.Prefetch(ctx, items.Keys("old", "gone")); err != nil {
				return err
			}
			if _, err := items.List(ctx, tx, store.By("code")); err != nil {
				return err
			}
			if err := items.Put(ctx, tx, changed); err != nil {
				return err
			}
			if err := items.Delete(ctx, tx, "gone"); err != nil {
				return err
			}
			_, err := items.Count(ctx, tx, store.By("code"))
			return err
		})
		if err == nil {
			view(t, s, func(ctx context.Context, tx store.Tx) { requireItems(ctx, t, tx, changed) })
			return
		}
		require.ErrorIs(t, err, context.Canceled, "look %d", looks)
		view(t, s, func(ctx context.Context, tx store.Tx) { requireItems(ctx, t, tx, thing("gone"), old) })
	}
}

// An Update inside an Update waits for itself until its context ends, and harms neither.
func testNestedUpdate(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, notes.Insert(ctx, tx, note{ID: "outer"}))
		ctx, cancel := context.WithTimeout(ctx, waiting)
		defer cancel()
		err := s.Update(ctx, here, func(tx store.Tx) error { return notes.Insert(ctx, tx, note{ID: "inner"}) })
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	require.Equal(t, 1, count(t, s, here))
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, notes.Insert(ctx, tx, note{ID: "next"})) })
}

// One who waits for another's Update leaves when its context ends; the other goes on.
func testWaitingForAnother(t *testing.T, s store.Store) {
	holding, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		var once bool
		first <- s.Update(t.Context(), here, func(tx store.Tx) error {
			if err := notes.Insert(t.Context(), tx, note{ID: "first"}); err != nil {
				return err
			}
			if !once {
				once = true
				close(holding)
				<-release
			}
			return nil
		})
	}()
	<-holding
	ctx, cancel := context.WithTimeout(t.Context(), waiting)
	defer cancel()
	err := s.Update(ctx, here, func(tx store.Tx) error {
		if err := notes.Insert(ctx, tx, note{ID: "second"}); err != nil {
			return err
		}
		<-ctx.Done() // a store that lets two run at once decides at the commit
		return nil
	})
	close(release)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, <-first)
	require.Equal(t, 1, count(t, s, here))
}
