package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/guerdonhq/guerdon/fault"
	"github.com/guerdonhq/guerdon/store"
)

var readTests = []test{
	{"Get", testGet},
	{"Order", testOrder},
	{"Bounds", testBounds},
	{"After", testAfter},
	{"Prefix", testPrefix},
	{"Page", testPage},
	{"PageToken", testPageToken},
	{"PageWhere", testPageWhere},
	{"Times", testTimes},
	{"OwnWrites", testOwnWrites},
	{"OwnWritesAndLimit", testOwnWritesAndLimit},
	{"Prefetch", testPrefetch},
}

// awkward are texts that careless backends order, compare or quote differently.
var awkward = []string{
	"", " ", "  ", "!", "\"", "'", "''", "%", "_", "\\", "$1", "?", ":a", "--", "/", "\t", "\n", "\x01", "\x7f",
	"0", "00", "1", "10", "2", "A", "AA", "Aa", "B", "Z", "_a", "a", "a ", "a b", "a-b", "a.b", "aA", "aa", "ab", "b", "z",
	"null", "NULL", "é", "e\u0301", "É", "ß", "ss", "ı", "I", "i", "İ", "ñ", "n\u0303", "ö", "z\u0308",
	"\u00a0", "\u200b", "\u2028", "中", "文", "ا", "Ω", "ω", "\ud7ff", "\ue000", "\ufeff", "\ufffd", "\uffff",
	"😀", "😀a", "\U00010000", "\U0010ffff", "\U0010ffffa",
}

// extremes are numbers that careless backends order or round differently.
var extremes = []int64{
	math.MinInt64, math.MinInt64 + 1, math.MinInt32, -256, -255, -1, 0, 1, 2, 10, 255, 256, math.MaxInt32,
	1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64,
}

// fill puts items with awkward columns into a store and returns the naive one that holds the same.
func fill(t *testing.T, s store.Store) store.Store {
	t.Helper()
	var all []item
	for i, key := range awkward {
		x := thing(key)
		if i%5 != 4 {
			x = x.owner(awkward[(i*7)%len(awkward)])
		}
		if i%3 != 2 {
			x = x.score(extremes[(i*5)%len(extremes)]).code(awkward[len(awkward)-1-i])
		}
		if i%2 == 0 {
			x = x.slot(extremes[i%len(extremes)])
		}
		all = append(all, x)
		if i%4 == 0 { // rows that are equal in an index
			all = append(all, thing("twin of "+key).owner("a").score(0))
		}
	}
	oracle := newNaive()
	for _, s := range []store.Store{oracle, s} {
		update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, all...)) })
	}
	return oracle
}

// requireSame tells that two stores give the same answers.
func requireSame(t *testing.T, want, got store.Store, queries ...store.Query) {
	t.Helper()
	answers := func(s store.Store) (lists [][]item, counts []int) {
		view(t, s, func(ctx context.Context, tx store.Tx) {
			lists, counts = nil, nil
			for _, q := range queries {
				list, err := items.List(ctx, tx, q)
				require.NoError(t, err)
				n, err := items.Count(ctx, tx, q)
				require.NoError(t, err)
				lists, counts = append(lists, list), append(counts, n)
			}
		})
		return lists, counts
	}
	wantLists, wantCounts := answers(want)
	gotLists, gotCounts := answers(got)
	for i, q := range queries {
		require.Equal(t, ids(wantLists[i]), ids(gotLists[i]), "%+v", q)
		require.Equal(t, wantLists[i], gotLists[i], "%+v", q)
		require.Equal(t, wantCounts[i], gotCounts[i], "%+v", q)
	}
}

func testGet(t *testing.T, s store.Store) {
	fill(t, s)
	view(t, s, func(ctx context.Context, tx store.Tx) {
		for _, key := range awkward {
			got, ok, err := items.Get(ctx, tx, key)
			require.NoError(t, err)
			require.True(t, ok, "%q", key)
			require.Equal(t, key, got.ID)
		}
		_, ok, err := items.Get(ctx, tx, "not there")
		require.NoError(t, err)
		require.False(t, ok)
		got, err := items.GetMany(ctx, tx, "z", "not there", "a", "", "z")
		require.NoError(t, err)
		require.Equal(t, []string{"z", "a", "", "z"}, ids(got))
	})
}

func testOrder(t *testing.T, s store.Store) {
	oracle := fill(t, s)
	var all []store.Query
	for _, q := range queries() {
		for _, limit := range []int{0, 1, 7, 1000} {
			all = append(all, q.First(limit))
		}
	}
	requireSame(t, oracle, s, all...)
}

func testBounds(t *testing.T, s store.Store) {
	oracle := fill(t, s)
	var all []store.Query
	add := func(q store.Query, bounds ...store.Value) {
		bounds = append(bounds, store.Value{})
		for _, from := range bounds {
			for _, until := range bounds {
				bounded := q.Between(from, until)
				all = append(all, bounded, bounded.Reverse().First(3))
			}
		}
	}
	texts := func(list ...string) (values []store.Value) {
		for _, s := range list {
			values = append(values, store.Text(s))
		}
		return values
	}
	var numbers []store.Value
	for _, n := range extremes {
		numbers = append(numbers, store.Int(n))
	}
	add(store.Query{}, texts(every(5, awkward)...)...)
	add(store.By("user"), texts(every(5, awkward)...)...)
	add(store.By("order"), numbers...)
	add(store.By("user_order", store.Text("a")), numbers...)
	add(store.By("user_order"), texts("", "a", "z")...)
	add(store.By("user_order", store.Text("a"), store.Int(0)), texts("", "twin of A", "z")...)
	add(store.By("code", store.Text("a")), texts("", "a", "z")...)
	add(store.By("order_user_code", store.Int(0)), texts("", "a", "b")...)
	add(store.By("order_user_code", store.Int(0), store.Text("nobody")), texts("", "b")...)
	requireSame(t, oracle, s, all...)
}

func testAfter(t *testing.T, s store.Store) {
	oracle := fill(t, s)
	var all []store.Query
	at := func(q store.Query, key string, values ...store.Value) {
		q.After = &store.Position{Values: values, Key: key}
		all = append(all, q, q.Reverse(), q.First(2), q.Reverse().First(2))
	}
	for _, key := range every(3, awkward) { // rows that are there, and texts between and around them
		for _, end := range []string{"", "0", "\U0010ffff"} {
			at(store.Query{}, key+end)
			at(store.Query{}.Between(store.Text("A"), store.Text("z")), key+end)
			at(store.By("user"), "m", store.Text(key+end))
			at(store.By("user", store.Text("a")), key+end, store.Text("a"))
			at(store.By("user", store.Text("a")), key, store.Text("b"))
			at(store.By("code"), end, store.Text(key))
		}
	}
	for _, n := range extremes {
		for _, key := range []string{"", "twin of A", "\U0010ffff"} {
			at(store.By("order"), key, store.Int(n))
			at(store.By("user_order"), key, store.Text("a"), store.Int(n))
			at(store.By("user_order", store.Text("a")).Between(store.Int(-1), store.Int(300)), key, store.Text("a"), store.Int(n))
			at(store.By("order_user_code"), key, store.Int(n), store.Text("a"), store.Text("B"))
		}
	}
	requireSame(t, oracle, s, all...)
}

func testPrefix(t *testing.T, s store.Store) {
	oracle := fill(t, s)
	var all []store.Query
	for _, p := range append(awkward, "tw", "twin of ", "\ud7ff\U0010ffff", "a\U0010ffff") {
		all = append(all, store.Prefix(p), store.Prefix(p).Reverse().First(2))
	}
	requireSame(t, oracle, s, all...)
}

// A pager returns the page of a list that a token leads to, and the token of the next.
type pager func(ctx context.Context, tx store.Tx, token string) ([]item, string, error)

// walk reads a list page by page and calls between before each page but the first.
func walk(t *testing.T, s store.Store, limit int, read pager, between func()) []item {
	t.Helper()
	var all []item
	token := ""
	for first := true; first || token != ""; first = false {
		if !first {
			between()
		}
		var page []item
		view(t, s, func(ctx context.Context, tx store.Tx) {
			var err error
			page, token, err = read(ctx, tx, token)
			require.NoError(t, err)
		})
		all = append(all, page...)
		require.LessOrEqual(t, len(all), 1000, "the pages do not end")
		require.LessOrEqual(t, len(page), limit)
		require.True(t, token == "" || len(page) == limit)
	}
	return all
}

// pages returns the pager of what a query describes.
func pages(q store.Query) pager {
	return func(ctx context.Context, tx store.Tx, token string) ([]item, string, error) {
		return items.Page(ctx, tx, q, token)
	}
}

func testPage(t *testing.T, s store.Store) {
	fill(t, s)
	for _, q := range append(queries(), store.By("user", store.Text("a")), store.By("user_order", store.Text("a")).Reverse()) {
		var want []item
		view(t, s, func(ctx context.Context, tx store.Tx) {
			var err error
			want, err = items.List(ctx, tx, q)
			require.NoError(t, err)
			everything, token, err := items.Page(ctx, tx, q, "") // without a limit
			require.NoError(t, err)
			require.Empty(t, token)
			require.Equal(t, want, everything)
		})
		for _, limit := range []int{1, 7, len(want), len(want) + 1} {
			require.Equal(t, want, walk(t, s, limit, pages(q.First(limit)), func() {}), "%+v", q)
		}
	}
	// Rows that come and go behind the reader's back neither repeat nor hide others.
	n := 0
	got := walk(t, s, 2, pages(store.By("user", store.Text("a")).First(2)), func() {
		update(t, s, func(ctx context.Context, tx store.Tx) {
			require.NoError(t, items.Put(ctx, tx, thing(fmt.Sprint(" new", n)).owner("a")))
			n++
		})
	})
	require.True(t, slices.IsSorted(ids(got)))
	require.Equal(t, ids(got), slices.Compact(ids(got)))
}

func testPageToken(t *testing.T, s store.Store) {
	fill(t, s)
	view(t, s, func(ctx context.Context, tx store.Tx) {
		_, byKey, err := items.Page(ctx, tx, store.Query{Limit: 1}, "")
		require.NoError(t, err)
		_, byOrder, err := items.Page(ctx, tx, store.By("order").First(1), "")
		require.NoError(t, err)
		for _, token := range []string{
			"x", "!", "AA", "AgA", "AAAA", "////", "a b", "é", "\x00", byOrder + "A", byOrder[1:], byOrder[:len(byOrder)-2], byKey,
		} {
			_, _, err := items.Page(ctx, tx, store.By("order").First(1), token)
			require.ErrorIs(t, err, fault.ErrInvalid, "%q", token)
		}
		_, _, err = items.Page(ctx, tx, store.Query{Limit: 1}, byOrder)
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

// Pages of what a function keeps are those of a list of nothing else, however far apart that lies.
func testPageWhere(t *testing.T, s store.Store) {
	fill(t, s)
	for _, q := range append(queries(), store.By("user", store.Text("a"))) {
		var all []item
		view(t, s, func(ctx context.Context, tx store.Tx) {
			var err error
			all, err = items.List(ctx, tx, q)
			require.NoError(t, err)
		})
		for name, keep := range map[string]func(*item) bool{
			"all":      func(*item) bool { return true },
			"none":     func(*item) bool { return false },
			"a fourth": func(i *item) bool { return len(i.ID)%4 == 0 },
			"the last": func(i *item) bool { return i.ID == all[len(all)-1].ID },
		} {
			want := slices.DeleteFunc(slices.Clone(all), func(i item) bool { return !keep(&i) })
			for _, limit := range []int{1, 3, min(len(want)+1, store.MaxPage), store.MaxPage} {
				page := store.Page{Limit: limit, Ascending: !q.Descending}
				got := walk(t, s, limit, func(ctx context.Context, tx store.Tx, token string) ([]item, string, error) {
					page.Token = token
					return items.PageWhere(ctx, tx, q, page, keep)
				}, func() {})
				require.Equal(t, ids(want), ids(got), "%+v, %s, %d at a time", q, name, limit)
			}
		}
	}
	view(t, s, func(ctx context.Context, tx store.Tx) {
		for _, page := range []store.Page{{Limit: -1}, {Limit: store.MaxPage + 1}, {Token: "x"}} {
			_, _, err := items.PageWhere(ctx, tx, store.Query{}, page, func(*item) bool { return true })
			require.ErrorIs(t, err, fault.ErrInvalid, "%+v", page)
		}
	})
}

func testTimes(t *testing.T, s store.Store) {
	base := time.Date(2026, 3, 8, 1, 59, 59, 999_998_000, time.UTC)
	all := []moment{
		{"e", time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)},
		{"d", time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
		{"c", base},
		{"b", base.Add(time.Microsecond)},
		{"a", base.Add(2 * time.Microsecond)},
		{"f", time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
	}
	never := moment{ID: "never"}
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, moments.Insert(ctx, tx, append(all, never)...))
	})
	view(t, s, func(ctx context.Context, tx store.Tx) {
		got, err := moments.List(ctx, tx, store.By("at"))
		require.NoError(t, err)
		require.Equal(t, all, got)
		got, err = moments.List(ctx, tx, store.By("at").Between(store.Time(base), store.Time(base.Add(2*time.Microsecond))))
		require.NoError(t, err)
		require.Equal(t, all[2:4], got)
		got, err = moments.List(ctx, tx, store.By("at", store.Time(base.Add(time.Microsecond).In(time.FixedZone("", 3600)))))
		require.NoError(t, err)
		require.Equal(t, all[3:4], got)
		one, ok, err := moments.Get(ctx, tx, "never")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, never, one)
	})
}

func testOwnWrites(t *testing.T, s store.Store) {
	a, b, c := thing("a").owner("ann").score(1).code("A"), thing("b").owner("ann").score(2), thing("c").owner("bob").code("C")
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, a, b, c)) })
	update(t, s, func(ctx context.Context, tx store.Tx) {
		steps := []struct {
			do   func() error
			want []item
		}{
			{func() error { return nil }, []item{a, b, c}},
			{func() error { return items.Delete(ctx, tx, "b") }, []item{a, c}},
			{func() error { return items.Put(ctx, tx, a.owner("bob").score(-1).code("X")) }, []item{a.owner("bob").score(-1).code("X"), c}},
			{func() error { return items.Insert(ctx, tx, thing("b").code("A")) }, []item{a.owner("bob").score(-1).code("X"), thing("b").code("A"), c}},
			{func() error { return items.Put(ctx, tx, a, thing("b"), thing("d").owner("ann")) }, []item{a, thing("b"), c, thing("d").owner("ann")}},
			{func() error { return items.Delete(ctx, tx, "a", "b", "c", "d") }, nil},
			{func() error { return items.Insert(ctx, tx, c, b) }, []item{b, c}},
		}
		for i, step := range steps {
			require.NoError(t, step.do())
			requireItems(ctx, t, tx, step.want...)
			got, err := items.GetMany(ctx, tx, "a", "b", "c", "d")
			require.NoError(t, err)
			require.ElementsMatch(t, step.want, got, i)
			n, err := items.Count(ctx, tx, store.By("user", store.Text("ann")))
			require.NoError(t, err)
			list, err := items.List(ctx, tx, store.By("user", store.Text("ann")))
			require.NoError(t, err)
			require.Len(t, list, n)
		}
	})
	view(t, s, func(ctx context.Context, tx store.Tx) { requireItems(ctx, t, tx, b, c) })
}

// A list with a limit is filled up from behind where the transaction removed rows, and gives way where
// it added some.
func testOwnWritesAndLimit(t *testing.T, s store.Store) {
	var all []item
	for i := range 20 {
		all = append(all, thing(fmt.Sprintf("%02d", i)).owner("ann").score(int64(i)))
	}
	update(t, s, func(ctx context.Context, tx store.Tx) { require.NoError(t, items.Insert(ctx, tx, all...)) })
	update(t, s, func(ctx context.Context, tx store.Tx) {
		first := func(q store.Query, want ...string) {
			t.Helper()
			got, err := items.List(ctx, tx, q.First(3))
			require.NoError(t, err)
			require.Equal(t, want, ids(got))
		}
		orders := store.By("user_order", store.Text("ann"))
		first(orders, "00", "01", "02")
		require.NoError(t, items.Delete(ctx, tx, "00", "02", "03", "04", "19"))
		first(orders, "01", "05", "06")
		first(orders.Reverse(), "18", "17", "16")
		first(store.Query{}, "01", "05", "06")
		require.NoError(t, items.Put(ctx, tx, all[1].score(99), all[5].score(-1), all[18].score(5)))
		first(orders, "05", "18", "06")
		first(orders.Reverse(), "01", "17", "16")
		require.NoError(t, items.Insert(ctx, tx, thing("00").owner("ann").score(7), thing("zz").owner("ann").score(100)))
		first(orders, "05", "18", "06")
		first(orders.Between(store.Int(6), store.Int(9)), "06", "00", "07")
		first(orders.Reverse(), "zz", "01", "17")
		n, err := items.Count(ctx, tx, orders.Between(store.Int(5), store.Int(8)).First(1))
		require.NoError(t, err)
		require.Equal(t, 4, n)
		page, token, err := items.Page(ctx, tx, orders.First(3), "")
		require.NoError(t, err)
		require.Equal(t, []string{"05", "18", "06"}, ids(page))
		require.NoError(t, items.Delete(ctx, tx, "06", "00"))
		page, _, err = items.Page(ctx, tx, orders.First(3), token)
		require.NoError(t, err)
		require.Equal(t, []string{"07", "08", "09"}, ids(page))
	})
}

// What was prefetched answers as what was not, also after writes.
func testPrefetch(t *testing.T, s store.Store) {
	a, b, c := thing("a").owner("ann").score(1).code("A"), thing("b").owner("ann").score(2), thing("c").owner("bob").code("C")
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Insert(ctx, tx, a, b, c))
		require.NoError(t, notes.Insert(ctx, tx.In(there), note{"n", "there"}))
	})
	ann := store.By("user_order", store.Text("ann"))
	reads := []store.Read{
		items.Keys("a", "missing", "b"), items.Keys(), items.Rows(ann), items.Rows(ann.Reverse().First(1)), items.Rows(store.By("code", store.Text("Z"))),
		notes.Keys("n"), notes.Rows(store.Query{}),
	}
	view(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, tx.Prefetch(ctx, reads...))
		require.NoError(t, tx.In(there).Prefetch(ctx, reads...))
		require.NoError(t, tx.In(there).Prefetch(ctx, items.Keys("a").In(tx.Scope()), items.Keys("a"), notes.Rows(store.Query{}).In(tx.Scope())))
		requireItems(ctx, t, tx, a, b, c)
		requireItems(ctx, t, tx.In(there))
		list, err := notes.List(ctx, tx.In(there), store.Query{})
		require.NoError(t, err)
		require.Len(t, list, 1)
		list, err = notes.List(ctx, tx, store.Query{})
		require.NoError(t, err)
		require.Empty(t, list)
	})
	update(t, s, func(ctx context.Context, tx store.Tx) {
		require.NoError(t, items.Put(ctx, tx, c.note("before")))
		require.NoError(t, tx.Prefetch(ctx, append(reads, items.Keys("c"))...))
		require.NoError(t, items.Delete(ctx, tx, "b"))
		require.NoError(t, items.Put(ctx, tx, thing("missing").owner("ann").score(9).code("Z")))
		require.NoError(t, tx.Prefetch(ctx, reads...))
		requireTaken(t, "code", items.Insert(ctx, tx, thing("x").code("Z")))
		requireTaken(t, "", items.Insert(ctx, tx, thing("a")))
		require.NoError(t, items.Insert(ctx, tx, thing("b").note("again")))
		requireItems(ctx, t, tx, a, thing("b").note("again"), c.note("before"), thing("missing").owner("ann").score(9).code("Z"))
		last, err := items.List(ctx, tx, ann.Reverse().First(1))
		require.NoError(t, err)
		require.Equal(t, []string{"missing"}, ids(last))
	})
}

// every returns one element of n.
func every[T any](n int, list []T) []T {
	var some []T
	for i := 0; i < len(list); i += n {
		some = append(some, list[i])
	}
	return some
}
