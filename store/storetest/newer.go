package storetest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

// Newer checks that a program that runs while a newer one prepares a table writes nothing any more, and says so, and that the
// newer one goes on. older and newer are stores on one database, as two processes have them.
func Newer(t *testing.T, older, newer store.Store) {
	t.Helper()
	ctx, scope := t.Context(), store.Scope{Account: "acme", Workspace: "default"}
	was, is := people(), people()
	is.Schema().Version = 2
	put := func(s store.Store, into *store.Table[person], p person) error {
		return s.Update(ctx, scope, func(tx store.Tx) error { return into.Put(ctx, tx, p) })
	}
	requireNewer := func(err error) {
		t.Helper()
		refused, ok := errors.AsType[*store.NewerError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, store.NewerError{Table: "people", Have: 2, Want: 1}, *refused)
	}
	require.NoError(t, older.Prepare(ctx, was.Schema(), notes.Schema()))
	require.NoError(t, put(older, was, person{ID: "a", Name: "Ann"}))
	require.NoError(t, newer.Prepare(ctx, notes.Schema())) // nothing is newer yet
	require.NoError(t, put(older, was, person{ID: "b", Name: "Bob"}))
	require.NoError(t, newer.Prepare(ctx, is.Schema()))
	for range 2 {
		requireNewer(put(older, was, person{ID: "d", Name: "Dan"}))
		requireNewer(older.Update(ctx, scope, func(tx store.Tx) error {
			_, _, err := was.Get(ctx, tx, "a")
			return errors.Join(err, was.Put(ctx, tx, person{ID: "a", Name: "Another"}))
		}))
		requireNewer(older.Update(ctx, scope, func(tx store.Tx) error { return notes.Put(ctx, tx, note{ID: "n"}) }))
		require.NoError(t, put(newer, is, person{ID: "e", Name: "Eve"}))
	}
	require.NoError(t, newer.View(ctx, scope, func(tx store.Tx) error {
		list, err := is.List(ctx, tx, store.Query{})
		var names []string
		for _, p := range list {
			names = append(names, p.Name)
		}
		require.Equal(t, []string{"Ann", "Bob", "Eve"}, names)
		return err
	}))
}
