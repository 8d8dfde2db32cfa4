package memory_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/memory"
	"github.com/guerdonhq/guerdon/store/storetest"
)

func open(testing.TB) store.Store { return memory.New() }

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{Open: open})
}

func TestModel(t *testing.T) {
	t.Parallel()
	storetest.Model(t, map[string]func(testing.TB) store.Store{"memory": open})
}

func TestCrowded(t *testing.T) {
	t.Parallel()
	s := memory.New()
	storetest.Crowded(t, s, s)
}

func TestMetered(t *testing.T) {
	t.Parallel()
	s := memory.New()
	storetest.Metered(t, s, false)
}

// A View needs no lock: it reads while an Update waits inside, and what it read stays as it was.
func TestViewWaitsForNobody(t *testing.T) {
	t.Parallel()
	s := memory.New()
	require.NoError(t, s.Prepare(t.Context(), entries.Schema()))
	require.NoError(t, s.Update(t.Context(), scope, func(tx store.Tx) error {
		require.NoError(t, entries.Insert(t.Context(), tx, entry{ID: "a"}))
		return s.View(t.Context(), scope, func(tx store.Tx) error {
			n, err := entries.Count(t.Context(), tx, store.Query{})
			require.NoError(t, err)
			require.Zero(t, n)
			return nil
		})
	}))
}

// A new unique index that the rows already break is refused, and nothing is changed.
func TestPrepareUniqueTaken(t *testing.T) {
	t.Parallel()
	s := memory.New()
	require.NoError(t, s.Prepare(t.Context(), entries.Schema()))
	require.NoError(t, s.Update(t.Context(), scope, func(tx store.Tx) error {
		return entries.Insert(t.Context(), tx, entry{ID: "a", User: "ann"}, entry{ID: "b", User: "ann"})
	}))
	unique := store.Define("entries", func(e *entry) string { return e.ID },
		[]store.Field[entry]{
			{Name: "user", Kind: store.KindText, Of: func(e *entry) store.Value { return store.Text(e.User) }},
		},
		store.Index{Name: "one_per_user", Columns: []string{"user"}, Unique: true},
	)
	fresh := store.Define("fresh", func(e *entry) string { return e.ID }, nil)
	err := s.Prepare(t.Context(), fresh.Schema(), unique.Schema())
	require.ErrorIs(t, err, fault.ErrExists)
	require.NoError(t, s.Update(t.Context(), scope, func(tx store.Tx) error {
		require.ErrorContains(t, fresh.Put(t.Context(), tx, entry{ID: "a"}), `table "fresh" is not prepared`)
		_, err := unique.List(t.Context(), tx, store.By("one_per_user"))
		require.ErrorContains(t, err, `index "one_per_user" of table "entries" is not prepared`)
		return entries.Insert(t.Context(), tx, entry{ID: "c", User: "ann"})
	}))
}

// Counting a span agrees with walking it, however the tree grew and shrank.
func TestCountAgreesWithList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New()
		require.NoError(rt, s.Prepare(t.Context(), entries.Schema()))
		id := rapid.Map(rapid.IntRange(0, 400), strconv.Itoa)
		for range rapid.IntRange(1, 4).Draw(rt, "transactions") {
			require.NoError(rt, s.Update(t.Context(), scope, func(tx store.Tx) error {
				for _, id := range rapid.SliceOfN(id, 0, 300).Draw(rt, "put") {
					if err := entries.Put(t.Context(), tx, entry{ID: id, At: int64(len(id))}); err != nil {
						return err
					}
				}
				return entries.Delete(t.Context(), tx, rapid.SliceOfN(id, 0, 200).Draw(rt, "deleted")...)
			}))
		}
		require.NoError(rt, s.View(t.Context(), scope, func(tx store.Tx) error {
			q := store.Query{}.Between(store.Text(id.Draw(rt, "from")), store.Text(id.Draw(rt, "until")))
			list, err := entries.List(t.Context(), tx, q)
			require.NoError(rt, err)
			n, err := entries.Count(t.Context(), tx, q)
			require.NoError(rt, err)
			require.Len(rt, list, n)
			return nil
		}))
	})
}

// The allocations of an Update that changes nothing, and of one Get, are budgets.
func TestAllocations(t *testing.T) {
	s := memory.New()
	ctx := t.Context()
	require.NoError(t, s.Prepare(ctx, entries.Schema()))
	require.NoError(t, s.Update(ctx, scope, func(tx store.Tx) error { return entries.Insert(ctx, tx, entry{ID: "a"}) }))
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_ = s.Update(ctx, scope, func(store.Tx) error { return nil })
	}), 3.0)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		_ = s.View(ctx, scope, func(tx store.Tx) error {
			_, _, err := entries.Get(ctx, tx, "a")
			return err
		})
	}), 7.0)
}
