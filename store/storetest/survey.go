package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/store"
)

var surveyTests = []test{
	{"AllScopes", testSurvey},
	{"Mark", testSurveyMark},
}

// surveyor returns the store as one that looks at all scopes at once, if it does.
func surveyor(t *testing.T, s store.Store) store.Surveyor {
	t.Helper()
	all, ok := s.(store.Surveyor)
	if !ok {
		t.Skip("this store looks at one scope at a time")
	}
	return all
}

// survey returns the texts of the notes in all scopes.
func survey(t *testing.T, s store.Surveyor, since store.Mark) (texts map[store.Scope][]string, mark store.Mark) {
	t.Helper()
	found, mark, err := s.Survey(t.Context(), notes.Schema(), since)
	require.NoError(t, err)
	texts = map[store.Scope][]string{}
	for i, f := range found {
		require.True(t, i == 0 || found[i-1].Scope == f.Scope || len(texts[f.Scope]) == 0, "rows of a scope come together")
		texts[f.Scope] = append(texts[f.Scope], f.Row.Record.(note).Text)
	}
	return texts, mark
}

func testSurvey(t *testing.T, s store.Store) {
	all := surveyor(t, s)
	empty, _ := survey(t, all, nil)
	require.Empty(t, empty)
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, notes.Put(ctx, tx, note{"b", "two"}, note{"a", "one"}))
		require.NoError(t, notes.Put(ctx, tx.In(there), note{"a", "other"}))
		require.NoError(t, notes.Put(ctx, tx.In(account), note{"a", "account"}))
		require.NoError(t, notes.Put(ctx, tx.In(platform), note{"a", "platform"}))
		require.NoError(t, items.Put(ctx, tx, thing("a")))
		uncommitted, _ := survey(t, all, nil)
		require.Empty(t, uncommitted)
	})
	found, _ := survey(t, all, nil)
	require.Equal(t, map[store.Scope][]string{
		here: {"one", "two"}, there: {"other"}, account: {"account"}, platform: {"platform"},
	}, found)
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, notes.Delete(ctx, tx, "a")) })
	found, _ = survey(t, all, nil)
	require.Equal(t, []string{"two"}, found[here])

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := all.Survey(ctx, notes.Schema(), nil)
	require.ErrorIs(t, err, context.Canceled)
}

// What has been committed since a mark is found with it, whoever has committed it.
func testSurveyMark(t *testing.T, s store.Store) {
	all := surveyor(t, s)
	write := func(id string) {
		update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, notes.Put(ctx, tx, note{id, id})) })
	}
	write("a")
	_, mark := survey(t, all, nil)
	quiet, mark := survey(t, all, mark)
	require.Empty(t, quiet)
	view(t, s, func(ctx context.Context, tx store.Tx) {
		_, err := notes.List(ctx, tx, store.Query{})
		require.NoError(t, err)
	})
	require.ErrorIs(t, s.Update(t.Context(), here, func(tx store.Tx) error {
		require.NoError(t, notes.Put(t.Context(), tx, note{"gone", "gone"}))
		return errStop
	}), errStop)
	quiet, same := survey(t, all, mark)
	require.Empty(t, quiet, "nothing was committed")
	require.Equal(t, mark, same)
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, notes.Put(ctx, tx.In(there), note{"d", "d"}))
	})
	before := mark
	for _, id := range []string{"b", "c"} {
		write(id)
		var found map[store.Scope][]string
		found, same = survey(t, all, mark)
		require.Contains(t, found[here], id)
		require.NotEqual(t, mark, same)
		mark = same
	}
	found, _ := survey(t, all, before)
	require.Equal(t, []string{"a", "b", "c"}, found[here], "an earlier mark is still good")
	require.Equal(t, []string{"d"}, found[there])
	found, _ = survey(t, all, nil)
	require.Equal(t, []string{"a", "b", "c"}, found[here])
}
