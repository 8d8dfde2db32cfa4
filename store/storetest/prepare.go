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

var prepareTests = []test{
	{"Again", testPrepareAgain},
	{"Concurrently", testPrepareConcurrently},
	{"Added", testPrepareAdded},
	{"PackedAdded", testPackedAdded},
	{"PackedRaised", testPackedRaised},
	{"PackedOlder", testPackedOlder},
	{"Newer", testPrepareNewer},
	{"Unprepared", testUnprepared},
}

// A person is a record of which later versions of a program index more.
type person struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	Age   int64  `json:"age"`
}

// A formerPerson is what an earlier version of the program knew of a person.
type formerPerson struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Age  int64  `json:"age"`
}

func formerPeople() *store.Table[formerPerson] {
	return store.Define("people", func(p *formerPerson) string { return p.ID },
		[]store.Field[formerPerson]{
			{Name: "name", Kind: store.KindText, Of: func(p *formerPerson) store.Value { return store.Text(p.Name) }},
		},
		store.Index{Name: "name", Columns: []string{"name"}},
	)
}

func people() *store.Table[person] {
	return store.Define("people", func(p *person) string { return p.ID },
		[]store.Field[person]{
			{Name: "name", Kind: store.KindText, Of: func(p *person) store.Value { return store.Text(p.Name) }},
			{Name: "age", Kind: store.KindInt, Of: func(p *person) store.Value { return store.Int(p.Age) }},
			{Name: "email", Kind: store.KindText, Of: func(p *person) store.Value {
				if p.Email == "" {
					return store.Value{}
				}
				return store.Text(p.Email)
			}},
		},
		store.Index{Name: "name", Columns: []string{"name"}},
		store.Index{Name: "age_name", Columns: []string{"age", "name"}},
		store.Index{Name: "email", Columns: []string{"email"}, Unique: true},
	)
}

func testPrepareAgain(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, thing("a").code("A")))
	})
	require.NoError(t, s.Prepare(t.Context()))
	require.NoError(t, s.Prepare(t.Context(), schemas...))
	require.NoError(t, s.Prepare(t.Context(), items.Schema(), notes.Schema(), items.Schema()))
	update(t, s, func(ctx context.Context, tx store.Tx) {
		requireTaken(t, "code", items.Insert(ctx, tx, thing("b").code("A")))
		requireItems(ctx, t, tx, thing("a").code("A"))
	})
}

func testPrepareConcurrently(t *testing.T, s store.Store) {
	table := people()
	errs := concurrently(8, func(i int) error {
		if err := s.Prepare(t.Context(), table.Schema(), notes.Schema()); err != nil {
			return err
		}
		return s.Update(t.Context(), here, func(tx store.Tx) error {
			return table.Insert(t.Context(), tx, person{ID: strconv.Itoa(i), Age: int64(i)})
		})
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	view(t, s, func(ctx context.Context, tx store.Tx) {
		list, err := table.List(ctx, tx, store.By("age_name"))
		require.NoError(t, err)
		require.Len(t, list, 8)
	})
}

func testPrepareAdded(t *testing.T, s store.Store) { prepareAdded(t, s, formerPeople(), people()) }

func testPackedAdded(t *testing.T, s store.Store) {
	prepareAdded(t, s, formerPeople().Packed(), people().Packed())
}

// A packed table can be raised like any other: its records say which fields they have.
func testPackedRaised(t *testing.T, s store.Store) {
	old, raised := formerPeople().Packed(), people().Packed()
	raised.Schema().Version++
	require.NoError(t, s.Prepare(t.Context(), old.Schema()))
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, old.Insert(ctx, tx, formerPerson{"a", "Ann", 7}))
	})
	require.NoError(t, s.Prepare(t.Context(), raised.Schema()))
	view(t, s, func(ctx context.Context, tx store.Tx) {
		list, err := raised.List(ctx, tx, store.By("age_name"))
		require.NoError(t, err)
		require.Equal(t, []person{{ID: "a", Name: "Ann", Age: 7}}, list)
	})
}

// Records that an earlier version of the program kept in another form are refused, not misread.
func testPackedOlder(t *testing.T, s store.Store) {
	old, packed := people(), people().Packed()
	require.NoError(t, s.Prepare(t.Context(), old.Schema()))
	if err := s.Prepare(t.Context(), packed.Schema()); err != nil { // memory holds nothing that could be misread
		require.ErrorIs(t, err, fault.ErrConflict)
		require.ErrorContains(t, err, "people")
	}
}

func prepareAdded(t *testing.T, s store.Store, old *store.Table[formerPerson], all *store.Table[person]) {
	const n = 1500
	require.NoError(t, s.Prepare(t.Context(), old.Schema()))
	for _, scope := range []store.Scope{here, there} {
		require.NoError(t, s.Update(t.Context(), scope, func(tx store.Tx) error {
			var recs []formerPerson
			for i := range n {
				recs = append(recs, formerPerson{fmt.Sprintf("%04d", i), fmt.Sprint("name ", i%3), int64(n - i)})
			}
			return old.Insert(t.Context(), tx, recs...)
		}))
	}
	require.NoError(t, s.Prepare(t.Context(), all.Schema()))
	update(t, s, func(ctx context.Context, tx store.Tx) {
		list, err := all.List(ctx, tx, store.By("age_name")) // filled
		require.NoError(t, err)
		require.Len(t, list, n)
		require.Equal(t, person{ID: "1499", Name: "name 2", Age: 1}, list[0])
		total, err := all.Count(ctx, tx, store.By("age_name").Between(store.Int(1), store.Int(11)))
		require.NoError(t, err)
		require.Equal(t, 10, total)
		total, err = all.Count(ctx, tx, store.By("email"))
		require.NoError(t, err)
		require.Zero(t, total)
		require.NoError(t, all.Put(ctx, tx, person{ID: "0000", Name: "changed", Email: "a@example.org", Age: -5}))
		err = all.Put(ctx, tx, person{ID: "0001", Email: "a@example.org"})
		require.ErrorIs(t, err, fault.ErrExists)
	})
	// The earlier program can go on: the version is the same.
	require.NoError(t, s.Prepare(t.Context(), old.Schema()))
	update(t, s, func(ctx context.Context, tx store.Tx) {
		got, ok, err := old.Get(ctx, tx, "0000")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, formerPerson{"0000", "changed", -5}, got)
		require.NoError(t, old.Put(ctx, tx, formerPerson{"0002", "aaa", 3}))
	})
	view(t, s, func(ctx context.Context, tx store.Tx) {
		list, err := all.List(ctx, tx, store.By("name").First(2))
		require.NoError(t, err)
		require.Equal(t, []person{{ID: "0002", Name: "aaa", Age: 3}, {ID: "0000", Name: "changed", Email: "a@example.org", Age: -5}}, list)
		n, err := all.Count(ctx, tx.In(there), store.By("age_name"))
		require.NoError(t, err)
		require.Equal(t, 1500, n)
	})
}

func testPrepareNewer(t *testing.T, s store.Store) {
	newer, known := people(), formerPeople()
	newer.Schema().Version = 3
	require.NoError(t, s.Prepare(t.Context(), newer.Schema()))
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, newer.Insert(ctx, tx, person{ID: "a", Name: "Ann"}))
	})
	fresh := store.Define("fresh", func(n *note) string { return n.ID }, nil)
	err := s.Prepare(t.Context(), fresh.Schema(), known.Schema())
	require.ErrorIs(t, err, fault.ErrConflict)
	refused, ok := errors.AsType[*store.NewerError](err)
	require.True(t, ok)
	require.Equal(t, store.NewerError{Table: "people", Have: 3, Want: 1}, *refused)
	// Nothing was changed: the other table is not there, this one is as it was.
	require.Error(t, s.View(t.Context(), here, func(tx store.Tx) error {
		_, err := fresh.List(t.Context(), tx, store.Query{})
		return err
	}))
	view(t, s, func(ctx context.Context, tx store.Tx) {
		list, err := newer.List(ctx, tx, store.By("age_name"))
		require.NoError(t, err)
		require.Equal(t, []person{{ID: "a", Name: "Ann"}}, list)
	})
	// A newer version of the program raises the table's version.
	raised := people()
	raised.Schema().Version = 4
	require.NoError(t, s.Prepare(t.Context(), raised.Schema()))
	require.ErrorIs(t, s.Prepare(t.Context(), newer.Schema()), fault.ErrConflict)
}

// A table that was never prepared is an error, which harms nothing.
func testUnprepared(t *testing.T, s store.Store) {
	table := store.Define("unprepared", func(n *note) string { return n.ID }, nil)
	require.Error(t, s.Update(t.Context(), here, func(tx store.Tx) error {
		require.NoError(t, notes.Insert(t.Context(), tx, note{ID: "a"}))
		return table.Put(t.Context(), tx, note{ID: "a"})
	}))
	require.Error(t, s.View(t.Context(), here, func(tx store.Tx) error {
		_, err := table.Count(t.Context(), tx, store.Query{})
		return err
	}))
	require.Zero(t, count(t, s, here))
}
