package unit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
	"github.com/guerdonhq/guerdon/store/internal/unit"
	"github.com/guerdonhq/guerdon/store/storetest"
)

// A thing is a row of the tests.
type thing struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Code string `json:"code"`
	N    int64  `json:"n"`
}

var things = store.Define("things", func(t *thing) string { return t.ID }, []store.Field[thing]{
	{Name: "kind", Kind: store.KindText, Of: func(t *thing) store.Value { return store.Text(t.Kind) }},
	{Name: "code", Kind: store.KindText, Of: func(t *thing) store.Value {
		if t.Code == "" {
			return store.Value{}
		}
		return store.Text(t.Code)
	}},
}, store.Index{Name: "kind", Columns: []string{"kind"}}, store.Index{Name: "code", Columns: []string{"code"}, Unique: true})

var scope = store.Scope{Account: "acme", Workspace: "default"}

// What a member of a group sees of those before it in the same transaction is what it would see if
// they had been committed.
func TestModelOfSharedUnits(t *testing.T) {
	t.Parallel()
	stores := map[string]func(testing.TB) store.Store{}
	for name, every := range map[string]int{"one": 1, "three": 3, "many": 1000} {
		stores[name] = func(testing.TB) store.Store { return &unit.Shared{DB: &rows{}, Every: every} }
	}
	storetest.Model(t, stores)
}

// A View, or a Rehearsal that has written nothing, does not keep all that it reads: it forgets, and reads again what is asked
// for again.
func TestForgetsWhatItHasRead(t *testing.T) {
	t.Parallel()
	db := &rows{}
	ctx := t.Context()
	g := unit.NewGroup(db)
	const many = unit.MaxLearned + 10
	require.NoError(t, g.Update(ctx, scope, nil, func(tx store.Tx) error {
		all := make([]thing, many)
		for i := range all {
			all[i] = thing{ID: fmt.Sprintf("%06d", i)}
		}
		return things.Insert(ctx, tx, all...)
	}))
	walk := func(tx store.Tx, again int) {
		db.trips = 0
		_, err := things.List(ctx, tx, store.Query{})
		require.NoError(t, err)
		got, ok, err := things.Get(ctx, tx, "000003")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "000003", got.ID)
		require.Equal(t, 1+again, db.trips)
		got, _, err = things.Get(ctx, tx, "000003")
		require.NoError(t, err)
		require.Equal(t, "000003", got.ID)
		require.Equal(t, 1+again, db.trips)
	}
	for name, run := range map[string]func(context.Context, unit.Session, store.Scope, func(store.Tx) error) error{"view": unit.View, "rehearse": unit.Rehearse} {
		session, err := db.Begin(ctx)
		require.NoError(t, err)
		require.NoError(t, run(ctx, session, scope, func(tx store.Tx) error {
			walk(tx, 1)
			return nil
		}), name)
	}
	session, err := db.Begin(ctx)
	require.NoError(t, err)
	require.NoError(t, unit.Rehearse(ctx, session, scope, func(tx store.Tx) error {
		require.NoError(t, things.Insert(ctx, tx, thing{ID: "new"}))
		walk(tx, 0)
		_, ok, err := things.Get(ctx, tx, "new")
		require.NoError(t, err)
		require.True(t, ok, "what is pending stays")
		return nil
	}))
	require.NoError(t, g.Update(ctx, scope, nil, func(tx store.Tx) error {
		walk(tx, 0)
		return nil
	}))
}

func TestReadsNothingTwice(t *testing.T) {
	t.Parallel()
	db := &rows{}
	ctx := t.Context()
	g := unit.NewGroup(db)
	require.NoError(t, g.Update(ctx, scope, nil, func(tx store.Tx) error {
		return things.Insert(ctx, tx, thing{ID: "a", Kind: "x", Code: "A"}, thing{ID: "b", Kind: "x", Code: "B"})
	}))
	require.Equal(t, 1, db.trips) // keys and entries in one
	db.trips, db.asked, db.changed = 0, 0, 0
	require.NoError(t, g.Update(ctx, scope, nil, func(tx store.Tx) error {
		err := tx.Prefetch(ctx, things.Keys("a", "none"), things.Rows(store.By("kind", store.Text("x"))),
			things.Rows(store.By("code", store.Text("C"))), things.Keys("none", "a"), things.Rows(store.By("kind", store.Text("x"))))
		require.NoError(t, err)
		require.Equal(t, 4, db.asked) // what is named twice is read once
		for range 3 {
			a, ok, err := things.Get(ctx, tx, "a")
			require.NoError(t, err)
			require.True(t, ok)
			a.N++
			require.NoError(t, things.Put(ctx, tx, a))
			_, ok, err = things.Get(ctx, tx, "none")
			require.NoError(t, err)
			require.False(t, ok)
			list, err := things.List(ctx, tx, store.By("kind", store.Text("x")))
			require.NoError(t, err)
			require.Equal(t, []thing{a, {ID: "b", Kind: "x", Code: "B"}}, list)
			n, err := things.Count(ctx, tx, store.By("kind", store.Text("x")))
			require.NoError(t, err)
			require.Equal(t, 2, n)
		}
		return things.Put(ctx, tx, thing{ID: "b", Kind: "x", Code: "C"}) // known to be free
	}))
	require.Equal(t, 1, db.trips)
	require.Equal(t, 3, db.changed) // a once; b, whose entry changes, is removed and put
}

func TestPutDoesNotRead(t *testing.T) {
	t.Parallel()
	db := &rows{}
	ctx := t.Context()
	plain := store.Define("plain", func(t *thing) string { return t.ID }, nil)
	require.NoError(t, unit.NewGroup(db).Update(ctx, scope, nil, func(tx store.Tx) error {
		return plain.Put(ctx, tx, thing{ID: "a"}, thing{ID: "b"})
	}))
	require.Zero(t, db.trips)
	require.Len(t, db.held, 2)
}

// A list whose limit cuts it short goes on where pending deletions have made room.
func TestListBehindDeletedRows(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	g := unit.NewGroup(&rows{})
	var all []thing
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		all = append(all, thing{ID: id, Kind: "x"})
	}
	require.NoError(t, g.Update(ctx, scope, nil, func(tx store.Tx) error { return things.Put(ctx, tx, all...) }))
	require.NoError(t, g.Update(ctx, scope, nil, func(tx store.Tx) error {
		require.NoError(t, things.Delete(ctx, tx, "a", "b", "c", "f"))
		list, err := things.List(ctx, tx, store.By("kind").First(2))
		require.NoError(t, err)
		require.Equal(t, all[3:5], list)
		list, err = things.List(ctx, tx, store.By("kind").Reverse().First(3))
		require.NoError(t, err)
		require.Equal(t, []thing{all[6], all[4], all[3]}, list)
		return nil
	}))
}

func TestView(t *testing.T) {
	t.Parallel()
	db := &rows{}
	s, err := db.Begin(t.Context())
	require.NoError(t, err)
	var leaked store.Tx
	require.NoError(t, unit.View(t.Context(), s, scope, func(tx store.Tx) error {
		leaked = tx
		require.ErrorIs(t, things.Put(t.Context(), tx, thing{ID: "a"}), store.ErrReadOnly)
		return nil
	}))
	require.Zero(t, db.open)
	_, err = leaked.Get(context.WithoutCancel(t.Context()), things.Schema(), "a")
	require.Error(t, err)
}

// A query for a part of what another one has answered whole asks nothing, whatever has been written since: what is folded
// again asks for less and less of what lies ahead.
func TestPartOfWhatIsKnownIsNotAskedFor(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := &rows{}
	g := unit.NewGroup(db)
	var all []thing
	for i := range 20 {
		all = append(all, thing{ID: fmt.Sprintf("%02d", i), Kind: "x"})
	}
	require.NoError(t, g.Update(ctx, scope, nil, func(tx store.Tx) error { return things.Put(ctx, tx, all...) }))
	from := func(i int) store.Query { return store.Query{From: store.Text(fmt.Sprintf("%02d", i))} }
	require.NoError(t, g.Update(ctx, scope, nil, func(tx store.Tx) error {
		_, err := things.List(ctx, tx, from(3))
		require.NoError(t, err)
		db.asked = 0
		require.NoError(t, things.Delete(ctx, tx, "11", "12"))
		added := thing{ID: "115", Kind: "x"}
		require.NoError(t, things.Put(ctx, tx, added))
		for i := 3; i < 20; i++ {
			list, err := things.List(ctx, tx, from(i).First(2))
			require.NoError(t, err)
			want := slices.DeleteFunc(slices.Insert(slices.Clone(all), 12, added), func(x thing) bool {
				return x.ID == "11" || x.ID == "12" || x.ID < fmt.Sprintf("%02d", i)
			})
			require.Equal(t, want[:min(2, len(want))], list, i)
			n, err := things.Count(ctx, tx, from(i))
			require.NoError(t, err)
			require.Equal(t, len(want), n)
		}
		require.Zero(t, db.asked)
		_, err = things.List(ctx, tx, from(2))
		require.NoError(t, err)
		require.Equal(t, 1, db.asked, "more than what is known")
		return nil
	}))
}
