package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

var writeTests = []test{
	{"InsertTakenKey", testInsertTakenKey},
	{"TakenEntry", testTakenEntry},
	{"TakenWithinOneCall", testTakenWithinOneCall},
	{"FreedEntry", testFreedEntry},
	{"SwapEntries", testSwapEntries},
	{"LastOfOneKeyCounts", testLastOfOneKeyCounts},
	{"AbsentValuesAreNotUnique", testAbsentValues},
	{"Delete", testDelete},
	{"Nothing", testNothing},
	{"TenThousand", testTenThousand},
}

// requireTaken tells that err is the error of store.Taken for an index.
func requireTaken(t *testing.T, index string, err error) {
	t.Helper()
	field := items.Schema().Name
	if index != "" {
		field += "." + index
	}
	require.ErrorIs(t, err, fault.ErrExists)
	refused, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok)
	require.Equal(t, field, refused.Field)
}

// requireItems tells that a transaction sees these items and no others, in every order.
func requireItems(ctx context.Context, t *testing.T, tx store.Tx, want ...item) {
	t.Helper()
	for _, q := range queries() {
		got, err := items.List(ctx, tx, q)
		require.NoError(t, err)
		var in []item
		for _, x := range want {
			row := rowOf(x)
			if row.Indexed(columns(items.Schema(), q.Index)) {
				in = append(in, x)
			}
		}
		require.ElementsMatch(t, in, got, "%+v", q)
		n, err := items.Count(ctx, tx, q)
		require.NoError(t, err)
		require.Equal(t, len(in), n, "%+v", q)
	}
}

// rowOf returns an item's row.
func rowOf(x item) store.Row {
	return items.Row(x)
}

// after checks a transaction, goes on with it, commits, and checks what is left.
func after(t *testing.T, s store.Store, fn func(context.Context, store.Tx), want ...item) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) {
		fn(ctx, tx)
		requireItems(ctx, t, tx, want...)
		require.NoError(t, items.Put(ctx, tx, thing("more").code("more")))
	})
	view(t, s, func(ctx context.Context, tx store.Tx) {
		requireItems(ctx, t, tx, append(want, thing("more").code("more"))...)
	})
}

func testInsertTakenKey(t *testing.T, s store.Store) {
	old := thing("a").code("A").note("old")
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, old)) })
	after(t, s, func(ctx context.Context, tx store.Tx) {
		requireTaken(t, "", items.Insert(ctx, tx, thing("a").note("new")))
		requireTaken(t, "", items.Insert(ctx, tx, thing("b"), thing("a"), thing("c")))
		require.NoError(t, items.Insert(ctx, tx, thing("d"))) // known only to this transaction
		requireTaken(t, "", items.Insert(ctx, tx, thing("e"), thing("d")))
	}, old, thing("d"))
}

func testTakenEntry(t *testing.T, s store.Store) {
	a, b := thing("a").code("A").owner("ann").slot(1), thing("b").code("B").owner("ann").slot(2)
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, a, b)) })
	after(t, s, func(ctx context.Context, tx store.Tx) {
		requireTaken(t, "code", items.Insert(ctx, tx, thing("c").code("A")))
		requireTaken(t, "code", items.Insert(ctx, tx, thing("c").code("C"), thing("d").code("A")))
		requireTaken(t, "code", items.Put(ctx, tx, thing("c").code("C"), thing("d").code("B")))
		requireTaken(t, "code", items.Put(ctx, tx, thing("b").code("A")))
		requireTaken(t, "user_slot", items.Put(ctx, tx, thing("b").code("B").owner("ann").slot(1)))
		requireTaken(t, "user_slot", items.Insert(ctx, tx, thing("c").owner("ann").slot(2)))
		require.NoError(t, items.Insert(ctx, tx, thing("e").code("E"))) // known only to this transaction
		requireTaken(t, "code", items.Insert(ctx, tx, thing("c").code("E")))
		require.NoError(t, items.Put(ctx, tx, b.note("its own entry is free to itself")))
	}, a, b.note("its own entry is free to itself"), thing("e").code("E"))
}

func testTakenWithinOneCall(t *testing.T, s store.Store) {
	x, y := thing("x").code("X"), thing("y").code("Y")
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, x, y)) })
	after(t, s, func(ctx context.Context, tx store.Tx) {
		requireTaken(t, "", items.Insert(ctx, tx, thing("a"), thing("b"), thing("a")))
		requireTaken(t, "code", items.Insert(ctx, tx, thing("a").code("A"), thing("b").code("A")))
		requireTaken(t, "code", items.Put(ctx, tx, thing("a").code("A"), thing("b").code("A")))
		requireTaken(t, "user_slot", items.Put(ctx, tx, thing("a").owner("ann").slot(1), thing("b").owner("ann").slot(1)))
		// What a row keeps is not free to the others of the call.
		requireTaken(t, "code", items.Put(ctx, tx, x, y.code("X")))
		requireTaken(t, "code", items.Put(ctx, tx, x.code("Y"), y))
	}, x, y)
}

func testFreedEntry(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, thing("a").code("A"), thing("b").code("B"), thing("c").code("C")))
	})
	after(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Delete(ctx, tx, "a"))
		require.NoError(t, items.Insert(ctx, tx, thing("d").code("A"))) // a deleted row's
		require.NoError(t, items.Put(ctx, tx, thing("b").code("X")))
		require.NoError(t, items.Insert(ctx, tx, thing("e").code("B"))) // a changed row's
		require.NoError(t, items.Put(ctx, tx, thing("c")))
		require.NoError(t, items.Put(ctx, tx, thing("a").code("C"))) // one that has none any more
	}, thing("a").code("C"), thing("b").code("X"), thing("c"), thing("d").code("A"), thing("e").code("B"))
}

func testSwapEntries(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, thing("a").code("A"), thing("b").code("B"), thing("c").code("C"), thing("d").code("D")))
	})
	after(t, s, func(ctx context.Context, tx store.Tx) {
		// In one call.
		require.NoError(t, items.Put(ctx, tx, thing("a").code("B"), thing("b").code("A")))
		// In steps.
		require.NoError(t, items.Put(ctx, tx, thing("c")))
		require.NoError(t, items.Put(ctx, tx, thing("d").code("C")))
		require.NoError(t, items.Put(ctx, tx, thing("c").code("D")))
		// A call that swaps and fails swaps nothing.
		requireTaken(t, "code", items.Put(ctx, tx, thing("a").code("A"), thing("b").code("B"), thing("e").code("C")))
	}, thing("a").code("B"), thing("b").code("A"), thing("c").code("D"), thing("d").code("C"))
}

func testLastOfOneKeyCounts(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, thing("a").code("A"), thing("b").code("B")))
	})
	after(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Put(ctx, tx, thing("b").code("A"), thing("c").code("C"), thing("b").code("D"), thing("c").code("B")))
	}, thing("a").code("A"), thing("b").code("D"), thing("c").code("B"))
}

func testAbsentValues(t *testing.T, s store.Store) {
	all := []item{
		thing("a"), thing("b"),
		thing("c").owner("ann"), thing("d").owner("ann"),
		thing("e").slot(1), thing("f").slot(1),
		thing("g").owner("").slot(0).code(""), // empty is not absent
	}
	after(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, all...))
		requireTaken(t, "code", items.Insert(ctx, tx, thing("h").code("")))
		requireTaken(t, "user_slot", items.Insert(ctx, tx, thing("h").owner("").slot(0)))
		for _, index := range []string{"code", "user_slot"} {
			list, err := items.List(ctx, tx, store.By(index))
			require.NoError(t, err)
			require.Equal(t, []string{"g"}, ids(list))
		}
		none, err := items.List(ctx, tx, store.By("user", store.Value{}))
		require.NoError(t, err)
		require.Empty(t, none)
	}, all...)
}

func testDelete(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, thing("a").code("A"), thing("b").code("B"), thing("c").code("C")))
	})
	after(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Delete(ctx, tx, "a", "not there", "a"))
		require.NoError(t, items.Delete(ctx, tx, "not there"))
		require.NoError(t, items.Insert(ctx, tx, thing("d").code("D")))
		require.NoError(t, items.Delete(ctx, tx, "d", "c"))
		require.NoError(t, items.Put(ctx, tx, thing("c").code("A")))
	}, thing("b").code("B"), thing("c").code("A"))
}

// Calls for no rows at all are no mistake.
func testNothing(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, tx.Insert(ctx, items.Schema()))
		require.NoError(t, tx.Put(ctx, items.Schema()))
		require.NoError(t, tx.Delete(ctx, items.Schema()))
		require.NoError(t, tx.Prefetch(ctx))
		require.NoError(t, tx.Prefetch(ctx, items.Keys()))
		rows, err := tx.Get(ctx, items.Schema())
		require.NoError(t, err)
		require.Empty(t, rows)
	})
	require.Zero(t, count(t, s, here))
}

func testTenThousand(t *testing.T, s store.Store) {
	const n = 10_000
	all := make([]item, n)
	for i := range all {
		all[i] = thing(fmt.Sprintf("%05d", i)).owner(strconv.Itoa(i % 7)).score(int64(i)).code(strconv.Itoa(i)).slot(int64(i))
	}
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, all...)) })
	view(t, s, func(ctx context.Context, tx store.Tx) {
		got, err := items.GetMany(ctx, tx, ids(all)...)
		require.NoError(t, err)
		require.Equal(t, all, got)
		got, err = items.List(ctx, tx, store.By("order"))
		require.NoError(t, err)
		require.Equal(t, all, got)
		total, err := items.Count(ctx, tx, store.By("user", store.Text("3")))
		require.NoError(t, err)
		require.Equal(t, n/7+1, total)
	})
	for i := range all {
		all[i] = all[i].note("changed").code(strconv.Itoa(n - i))
	}
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Put(ctx, tx, all...))
		requireTaken(t, "", items.Insert(ctx, tx, all[n-1]))
	})
	view(t, s, func(ctx context.Context, tx store.Tx) {
		got, err := items.List(ctx, tx, store.Query{})
		require.NoError(t, err)
		require.Equal(t, all, got)
	})
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Delete(ctx, tx, ids(all)[:n-1]...)) })
	view(t, s, func(ctx context.Context, tx store.Tx) { requireItems(ctx, t, tx, all[n-1]) })
}
