package storetest

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

// aheadTests check a [store.Ahead]. Any other store passes them.
var aheadTests = []test{
	{"Looks", testLooks},
	{"LooksAtAnything", testLooksAtAnything},
	{"LooksCancelledAtAnyLook", testLooksCancelledAtAnyLook},
}

// However many look ahead beside one another, each function sees what those before it have written, and runs once in effect.
func testLooks(t *testing.T, s store.Store) {
	const goroutines = 64
	errs := concurrently(goroutines, func(i int) error {
		reads := func(tx store.Tx) error {
			err := tx.Prefetch(t.Context(), counters.Keys("hits"), notes.Keys("last"), items.Rows(store.By("user", store.Text("ann"))))
			if err != nil {
				return err
			}
			last, _, err := notes.Get(t.Context(), tx, "last")
			if err != nil {
				return err
			}
			return tx.Prefetch(t.Context(), items.Keys(last.Text, strconv.Itoa(i)))
		}
		return store.UpdateAhead(t.Context(), s, here, reads, func(tx store.Tx) error {
			if err := reads(tx); err != nil {
				return err
			}
			n, err := items.Count(t.Context(), tx, store.By("user", store.Text("ann")))
			if err != nil {
				return err
			}
			list, err := items.List(t.Context(), tx, store.By("user_order", store.Text("ann")).Reverse().First(1))
			switch {
			case err != nil:
				return err
			case n > 0 && (len(list) != 1 || *list[0].Score != int64(n-1)):
				return errors.New("what was written before is not seen")
			case i%4 == 3:
				return errStop
			}
			if err := items.Insert(t.Context(), tx, thing(strconv.Itoa(i)).owner("ann").score(int64(n))); err != nil {
				return err
			}
			if err := notes.Put(t.Context(), tx, note{"last", strconv.Itoa(i)}); err != nil {
				return err
			}
			return add(t.Context(), tx, "hits", 1)
		})
	})
	for i, err := range errs {
		if i%4 == 3 {
			require.ErrorIs(t, err, errStop)
		} else {
			require.NoError(t, err)
		}
	}
	view(t, s, func(ctx context.Context, tx store.Tx) {
		hits, _, err := counters.Get(ctx, tx, "hits")
		require.NoError(t, err)
		require.EqualValues(t, goroutines*3/4, hits.Value)
	})
}

// What a look does makes no difference: it may read all, write, fail, panic, or be nil.
func testLooksAtAnything(t *testing.T, s store.Store) {
	errs := concurrently(64, func(i int) error {
		look := func(tx store.Tx) error {
			_, err := items.List(t.Context(), tx, store.By("code"))
			_, other := notes.List(t.Context(), tx.In(there), store.Query{})
			err = errors.Join(err, other)
			for _, write := range []error{
				notes.Put(t.Context(), tx, note{ID: "looked"}), notes.Insert(t.Context(), tx, note{ID: "looked"}),
				notes.Delete(t.Context(), tx, "0"),
			} {
				if !errors.Is(write, store.ErrReadOnly) {
					return add(t.Context(), tx, "written", 1)
				}
			}
			if i%4 == 1 {
				panic(i)
			}
			return err
		}
		if i%4 == 2 {
			look = nil
		}
		return store.UpdateAhead(t.Context(), s, here, look, func(tx store.Tx) error {
			return errors.Join(notes.Insert(t.Context(), tx, note{ID: strconv.Itoa(i)}), notes.Insert(t.Context(), tx.In(there), note{ID: strconv.Itoa(i)}))
		})
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, 64, count(t, s, here))
	require.Equal(t, 64, count(t, s, there))
}

// Wherever a store looks at the context of one who looks ahead and finds that it has ended, that one does everything or
// nothing, and says which, and others beside it are not disturbed.
func testLooksCancelledAtAnyLook(t *testing.T, s store.Store) {
	for looks := range 12 {
		key := strconv.Itoa(looks)
		errs := concurrently(8, func(i int) error {
			ctx := t.Context()
			if i%2 == 1 {
				ctx = Fading(ctx, looks)
			}
			reads := func(tx store.Tx) error {
				return tx.Prefetch(ctx, counters.Keys(key), notes.Keys(key+"/"+strconv.Itoa(i)))
			}
			return store.UpdateAhead(ctx, s, here, reads, func(tx store.Tx) error {
				if err := reads(tx); err != nil {
					return err
				}
				if err := notes.Insert(ctx, tx, note{ID: key + "/" + strconv.Itoa(i)}); err != nil {
					return err
				}
				return add(ctx, tx, key, 1)
			})
		})
		done := 0
		for i, err := range errs {
			if err == nil {
				done++
				continue
			}
			require.Equal(t, 1, i%2, err)
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, fault.ErrUnknown)
		}
		view(t, s, func(ctx context.Context, tx store.Tx) {
			n, _, err := counters.Get(ctx, tx, key)
			require.NoError(t, err)
			require.EqualValues(t, done, n.Value)
			list, err := notes.List(ctx, tx, store.Prefix(key+"/"))
			require.NoError(t, err)
			require.Len(t, list, done)
		})
	}
}
