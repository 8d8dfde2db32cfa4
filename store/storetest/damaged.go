package storetest

import (
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

// Damaged checks that a row that cannot be read is the error of who asks for it, by its name, and that others who share the
// transaction go on. damage makes the record of a row of the table "notes" unreadable, behind the store's back.
func Damaged(t *testing.T, s store.Store, damage func(key string)) {
	t.Helper()
	ctx, scope := t.Context(), store.Scope{Account: "acme", Workspace: "default"}
	require.NoError(t, s.Prepare(ctx, notes.Schema()))
	put := func(id string) error {
		return s.Update(ctx, scope, func(tx store.Tx) error { return notes.Put(ctx, tx, note{ID: id}) })
	}
	require.NoError(t, put("bad"))
	damage("bad")
	var wg sync.WaitGroup
	errs := make([]error, 32)
	for i := range errs {
		wg.Go(func() {
			if i%2 == 0 {
				errs[i] = put(strconv.Itoa(i))
				return
			}
			errs[i] = s.Update(ctx, scope, func(tx store.Tx) error {
				if err := tx.Prefetch(ctx, notes.Keys("bad"), notes.Rows(store.Query{})); err != nil {
					return err
				}
				if i%4 == 1 {
					_, err := notes.List(ctx, tx, store.Query{})
					return err
				}
				_, _, err := notes.Get(ctx, tx, "bad")
				return err
			})
		})
	}
	wg.Wait()
	for i, err := range errs {
		if i%2 == 0 {
			require.NoError(t, err)
			continue
		}
		damaged := store.Damaged(err)
		require.NotNil(t, damaged, "%v", err)
		require.Equal(t, "notes", damaged.Table)
		require.Equal(t, "bad", damaged.Key)
		require.ErrorContains(t, err, `row "bad" of table "notes"`)
	}
	require.NoError(t, s.Update(ctx, scope, func(tx store.Tx) error {
		if err := notes.Put(ctx, tx, note{ID: "c"}); err != nil {
			return err
		}
		for q, want := range map[*store.Query]int{{}: 17, new(store.Prefix("b")): 0, new(store.Query{}.First(1)): 1} {
			found, err := notes.List(ctx, tx, *q)
			require.Len(t, found, want, "what can be read")
			require.Equal(t, q.Limit == 0, store.Damaged(err) != nil, "the row is within the query")
		}
		return notes.Delete(ctx, tx, "c")
	}))
	require.NoError(t, put("bad"), "it can be replaced")
	require.NoError(t, s.View(ctx, scope, func(tx store.Tx) error {
		found, err := notes.List(ctx, tx, store.Query{})
		require.Len(t, found, 17)
		return err
	}))
}
