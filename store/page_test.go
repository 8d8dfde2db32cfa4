package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

func TestPageQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		page       store.Page
		limit      int
		descending bool
	}{
		{store.Page{}, store.DefaultPage, true},
		{store.Page{Limit: 1}, 1, true},
		{store.Page{Limit: store.MaxPage, Ascending: true}, store.MaxPage, false},
	} {
		q, err := c.page.Query(store.By("size"))
		require.NoError(t, err)
		require.Equal(t, store.Query{Index: "size", Limit: c.limit, Descending: c.descending}, q)
	}
	for _, limit := range []int{-1, store.MaxPage + 1} {
		_, err := store.Page{Limit: limit}.Query(store.Query{})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "limit: is ")
	}
}
