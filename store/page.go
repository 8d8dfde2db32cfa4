package store

import (
	"context"
	"slices"
	"strings"

	"github.com/guerdonhq/guerdon/fault"
)

// A Page says which part of a list to return. The zero value is its first 20 entries.
type Page struct {
	// Limit is how many entries to return, at most 100; 0 means 20.
	Limit int
	// Token is what the page before returned, "" for the first.
	Token string
	// Ascending puts the oldest first instead of the newest.
	Ascending bool
}

// Bounds of a page.
const (
	DefaultPage = 20
	MaxPage     = 100
)

// PageOf returns the part of what q describes that the page asks for, and the token of the next page, ""
// if there is none. It returns [fault.ErrInvalid] for a limit or a token that is none.
func (t *Table[T]) PageOf(ctx context.Context, tx Tx, q Query, page Page) ([]T, string, error) {
	q, err := page.Query(q)
	if err != nil {
		return nil, "", err
	}
	return t.Page(ctx, tx, q, page.Token)
}

// Query returns q with the page's limit and direction, or [fault.ErrInvalid] naming "limit". The token
// is for [Table.Page].
func (p Page) Query(q Query) (Query, error) {
	if p.Limit < 0 || p.Limit > MaxPage {
		return q, fault.Invalid("limit", "is %d; allowed are 1 to %d", p.Limit, MaxPage)
	}
	q.Limit, q.Descending = p.Limit, !p.Ascending
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	return q, nil
}

// PageWhere is [Table.PageOf] for those of the records that keep holds for. It reads on until the page is full,
// so keep should hold for many of them, or q describe few.
func (t *Table[T]) PageWhere(ctx context.Context, tx Tx, q Query, page Page, keep func(*T) bool) ([]T, string, error) {
	return t.PageAfter(ctx, tx, q, page, func(recs []T) ([]T, error) {
		return slices.DeleteFunc(slices.Clone(recs), func(rec T) bool { return !keep(&rec) }), nil
	})
}

// PageAfter is [Table.PageWhere] for those of the records that keep returns, which may read what it needs of all of some at once. It
// returns them in their order.
func (t *Table[T]) PageAfter(ctx context.Context, tx Tx, q Query, page Page, keep func([]T) ([]T, error)) ([]T, string, error) {
	q, err := page.Query(q)
	if err != nil {
		return nil, "", err
	}
	limit, token := q.Limit, page.Token
	q.Limit++ // one more tells whether there is a next page
	var kept []T
	for {
		recs, next, err := t.Page(ctx, tx, q, token)
		if err != nil {
			return nil, "", err
		}
		some, err := keep(recs)
		if err != nil {
			return nil, "", err
		}
		if kept = append(kept, some...); len(kept) > limit {
			return kept[:limit], t.At(q.Index, kept[limit-1]).token(), nil
		}
		if next == "" {
			return kept, "", nil
		}
		token, q.Limit = next, MaxPage
	}
}

// PageAmong is [Table.PageOf] for records of the table's form that are kept nowhere: all there are, in any order.
func (t *Table[T]) PageAmong(all []T, page Page) ([]T, string, error) {
	q, err := page.Query(Query{})
	if err != nil {
		return nil, "", err
	}
	to := func(rec T, key string) int { return strings.Compare(t.key(&rec), key) }
	all = slices.SortedFunc(slices.Values(all), func(a, b T) int { return to(a, t.key(&b)) })
	if page.Token != "" {
		after, err := parseToken(page.Token, nil)
		if err != nil {
			return nil, "", err
		}
		at, known := slices.BinarySearchFunc(all, after.Key, to)
		switch {
		case q.Descending:
			all = all[:at]
		case known:
			all = all[at+1:]
		default:
			all = all[at:]
		}
	}
	if q.Descending {
		slices.Reverse(all)
	}
	if len(all) <= q.Limit {
		return all, "", nil
	}
	all = all[:q.Limit]
	return all, t.At("", all[q.Limit-1]).token(), nil
}
