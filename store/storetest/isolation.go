package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

var isolationTests = []test{
	{"Snapshot", testSnapshot},
	{"Uncommitted", testUncommitted},
	{"Scopes", testScopes},
	{"UniquePerScope", testUniquePerScope},
}

// What a View has not yet read when another commits, it reads as it was nevertheless.
func testSnapshot(t *testing.T, s store.Store) {
	before := []item{
		thing("a").owner("ann").score(1).code("A"),
		thing("b").owner("ann").score(2).code("B"),
		thing("c").owner("bob").score(3),
	}
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, before...))
		require.NoError(t, notes.Insert(ctx, tx.In(there), note{"n", "old"}))
	})
	view(t, s, func(ctx context.Context, tx store.Tx) {
		_, ok, err := items.Get(ctx, tx, "a") // the snapshot is taken by now
		require.NoError(t, err)
		require.True(t, ok)

		update(t, s, func(ctx context.Context, tx store.Tx) {
			require.NoError(t, items.Delete(ctx, tx, "a", "c"))
			require.NoError(t, items.Put(ctx, tx, thing("b").owner("cat").score(-9).code("A")))
			require.NoError(t, items.Insert(ctx, tx, thing("d").owner("ann").score(0).code("D")))
			require.NoError(t, notes.Put(ctx, tx.In(there), note{"n", "new"}))
		})

		got, err := items.GetMany(ctx, tx, "a", "b", "c", "d")
		require.NoError(t, err)
		require.Equal(t, before, got)
		for index, want := range map[string]int{"": 3, "user": 3, "order": 3, "user_order": 3, "code": 2} {
			list, err := items.List(ctx, tx, store.By(index))
			require.NoError(t, err)
			require.Equal(t, before[:want], list, index)
			n, err := items.Count(ctx, tx, store.By(index))
			require.NoError(t, err)
			require.Equal(t, want, n, index)
		}
		page, _, err := items.Page(ctx, tx, store.By("user", store.Text("ann")).First(9), "")
		require.NoError(t, err)
		require.Equal(t, before[:2], page)
		require.NoError(t, tx.Prefetch(ctx, items.Keys("d"), items.Rows(store.By("order"))))
		_, ok, err = items.Get(ctx, tx, "d")
		require.NoError(t, err)
		require.False(t, ok)
		n, _, err := notes.Get(ctx, tx.In(there), "n")
		require.NoError(t, err)
		require.Equal(t, "old", n.Text)
	})
	view(t, s, func(ctx context.Context, tx store.Tx) {
		list, err := items.List(ctx, tx, store.By("code"))
		require.NoError(t, err)
		require.Equal(t, []string{"b", "d"}, ids(list))
	})
}

func testUncommitted(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, notes.Insert(ctx, tx, note{ID: "a"}))
		require.Zero(t, count(t, s, here)) // as another transaction sees it
	})
	require.Equal(t, 1, count(t, s, here))
}

func testScopes(t *testing.T, s store.Store) {
	// Names that begin with one another, and one that orders between a name and what follows it.
	scopes := []store.Scope{here, there, account, platform, {Account: "acm", Workspace: "edefault"}}
	for _, name := range []string{"d", "default-2", "default2", "Default", "acme"} {
		scopes = append(scopes, store.Scope{Account: "acme", Workspace: name})
	}
	scopes = append(scopes, store.Scope{Account: "acme-2"}, store.Scope{Account: "acme-2", Workspace: "default"})
	for i, scope := range scopes {
		require.NoError(t, s.Update(t.Context(), scope, func(tx store.Tx) error {
			return items.Insert(t.Context(), tx, thing("same").owner("ann").code("A").score(int64(i)), thing(fmt.Sprint("own", i)))
		}), scope)
	}
	require.NoError(t, s.Update(t.Context(), here, func(tx store.Tx) error {
		return items.Delete(t.Context(), tx, "same", "own1", "own2")
	}))
	for i, scope := range scopes {
		want := []string{fmt.Sprint("own", i), "same"}
		if scope == here {
			want = want[:1]
		}
		require.NoError(t, s.View(t.Context(), scope, func(tx store.Tx) error {
			for _, q := range []store.Query{{}, store.Query{}.Reverse(), store.By("user"), store.By("code").Reverse()} {
				list, err := items.List(t.Context(), tx, q)
				require.NoError(t, err)
				n, err := items.Count(t.Context(), tx, q)
				require.NoError(t, err)
				require.Len(t, list, n)
				if q.Index == "" {
					require.ElementsMatch(t, want, ids(list), scope)
				} else {
					require.Equal(t, want[1:], ids(list), scope)
				}
			}
			got, err := items.GetMany(t.Context(), tx, "same", "own0", "own1", "own2", "own3")
			require.NoError(t, err)
			for _, x := range got {
				require.Contains(t, want, x.ID)
				require.True(t, x.ID != "same" || *x.Score == int64(i), scope)
			}
			return nil
		}))
	}
}

func testUniquePerScope(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, thing("a").code("A")))
		require.NoError(t, items.Insert(ctx, tx.In(there), thing("b").code("A")))
		require.NoError(t, items.Insert(ctx, tx.In(account), thing("a").code("A")))
	})
}
