package store_test

import (
	"context"
	"slices"
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

// Records that are kept nowhere are paged as those of a table are.
func TestPageAmong(t *testing.T) {
	t.Parallel()
	all := []city{{Name: "d"}, {Name: "a"}, {Name: "e"}, {Name: "c"}, {Name: "b"}}
	in(t, all, func(ctx context.Context, tx store.Tx) {
		for _, ascending := range []bool{false, true} {
			for limit := range 6 {
				for page := (store.Page{Limit: limit, Ascending: ascending}); ; {
					want, next, err := cities.PageOf(ctx, tx, store.Query{}, page)
					require.NoError(t, err)
					got, token, err := cities.PageAmong(all, page)
					require.NoError(t, err)
					require.Equal(t, want, got)
					require.Equal(t, next, token)
					if page.Token = next; next == "" {
						break
					}
				}
			}
			// Where what the page before ended with is gone, the next one goes on behind it.
			for limit := 1; limit < 5; limit++ {
				page := store.Page{Limit: limit, Ascending: ascending}
				first, token, err := cities.PageAmong(all, page)
				require.NoError(t, err)
				rest := slices.DeleteFunc(slices.Clone(all), func(c city) bool { return c.Name == first[limit-1].Name })
				page.Token = token
				want, _, err := cities.PageAmong(all, page)
				require.NoError(t, err)
				got, _, err := cities.PageAmong(rest, page)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
		}
	})
	require.Equal(t, "d", all[0].Name, "the caller's list stays as it is")
	_, _, err := cities.PageAmong(all, store.Page{Token: "none"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, _, err = cities.PageAmong(all, store.Page{Limit: -1})
	require.ErrorIs(t, err, fault.ErrInvalid)
}
