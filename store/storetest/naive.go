package storetest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/guerdonhq/guerdon/store"
)

// naive is a store that is too simple to be wrong: maps, copied for every transaction, and sorted for
// every list. Other stores must answer as it does.
type naive struct {
	writer chan struct{}

	mu   sync.Mutex
	rows map[place]store.Row
}

// A place is where a row is kept.
type place struct {
	scope store.Scope
	table string
	key   string
}

func newNaive() *naive { return &naive{writer: make(chan struct{}, 1), rows: map[place]store.Row{}} }

func (n *naive) Prepare(ctx context.Context, _ ...*store.Schema) error { return ctx.Err() }

func (n *naive) Close() error { return nil }

func (n *naive) snapshot() map[place]store.Row {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.rows)
}

func (n *naive) View(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	over := false
	defer func() { over = true }()
	return fn(&naiveTx{scope: s, rows: n.snapshot(), readOnly: true, over: &over})
}

func (n *naive) Update(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case n.writer <- struct{}{}:
		defer func() { <-n.writer }()
	case <-ctx.Done():
		return ctx.Err()
	}
	over := false
	defer func() { over = true }()
	tx := &naiveTx{scope: s, rows: n.snapshot(), over: &over}
	if err := fn(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rows = tx.rows
	return nil
}

func (n *naive) Rehearse(ctx context.Context, s store.Scope, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	over := false
	defer func() { over = true }()
	if err := fn(&naiveTx{scope: s, rows: n.snapshot(), over: &over}); err != nil {
		return err
	}
	return ctx.Err()
}

type naiveTx struct {
	scope    store.Scope
	rows     map[place]store.Row
	readOnly bool
	over     *bool
}

func (t *naiveTx) Scope() store.Scope { return t.scope }

func (t *naiveTx) In(s store.Scope) store.Tx {
	other := *t
	other.scope = s
	return &other
}

func (t *naiveTx) ready(ctx context.Context, writes bool) error {
	switch {
	case *t.over:
		return store.ErrOver
	case ctx.Err() != nil:
		return ctx.Err()
	case writes && t.readOnly:
		return store.ErrReadOnly
	}
	return nil
}

func (t *naiveTx) Get(ctx context.Context, s *store.Schema, keys ...string) ([]store.Row, error) {
	if err := t.ready(ctx, false); err != nil {
		return nil, err
	}
	var found []store.Row
	for _, key := range keys {
		if row, ok := t.rows[place{t.scope, s.Name, key}]; ok {
			found = append(found, row)
		}
	}
	return found, nil
}

func (t *naiveTx) List(ctx context.Context, s *store.Schema, q store.Query) ([]store.Row, error) {
	if err := t.ready(ctx, false); err != nil {
		return nil, err
	}
	at := columns(s, q.Index)
	type placed struct {
		store.Position
		store.Row
	}
	var found []placed
	for p, row := range t.rows {
		if p.scope != t.scope || p.table != s.Name || !row.Indexed(at) {
			continue
		}
		if position := row.Position(at); describes(q, position) {
			found = append(found, placed{position, row})
		}
	}
	slices.SortFunc(found, func(a, b placed) int {
		c := compare(a.Position, b.Position)
		if q.Descending {
			return -c
		}
		return c
	})
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	var rows []store.Row
	for _, f := range found {
		rows = append(rows, f.Row)
	}
	return rows, nil
}

// describes tells whether a query describes the row at a position of its index.
func describes(q store.Query, p store.Position) bool {
	if q.After != nil {
		c := compare(p, *q.After)
		if c == 0 || (c < 0) != q.Descending {
			return false
		}
	}
	if !slices.Equal(p.Values[:len(q.Equal)], q.Equal) {
		return false
	}
	bounded := store.Text(p.Key)
	if len(q.Equal) < len(p.Values) {
		bounded = p.Values[len(q.Equal)]
	}
	return (q.From.Absent() || q.From.Compare(bounded) <= 0) &&
		(q.Until.Absent() || bounded.Compare(q.Until) < 0)
}

func (t *naiveTx) Count(ctx context.Context, s *store.Schema, q store.Query) (int, error) {
	q.Limit = 0
	found, err := t.List(ctx, s, q)
	return len(found), err
}

func (t *naiveTx) Insert(ctx context.Context, s *store.Schema, rows ...store.Row) error {
	if err := t.ready(ctx, true); err != nil {
		return err
	}
	keys := make(map[string]bool)
	for _, row := range rows {
		if _, ok := t.rows[place{t.scope, s.Name, row.Key}]; ok || keys[row.Key] {
			return store.Taken(s, "", row)
		}
		keys[row.Key] = true
	}
	return t.Put(ctx, s, rows...)
}

func (t *naiveTx) Put(ctx context.Context, s *store.Schema, rows ...store.Row) error {
	if err := t.ready(ctx, true); err != nil {
		return err
	}
	after := maps.Clone(t.rows)
	for _, row := range rows {
		after[place{t.scope, s.Name, row.Key}] = row
	}
	for _, x := range s.Indexes {
		if !x.Unique {
			continue
		}
		if row, ok := t.clash(s, columns(s, x.Name), after); ok {
			return store.Taken(s, x.Name, row)
		}
	}
	clear(t.rows)
	maps.Copy(t.rows, after)
	return nil
}

// clash finds a row that has the values of another.
func (t *naiveTx) clash(s *store.Schema, at []int, rows map[place]store.Row) (store.Row, bool) {
	seen := make(map[string]bool)
	for p, row := range rows {
		if p.scope != t.scope || p.table != s.Name || !row.Indexed(at) {
			continue
		}
		values := string(store.Position{Values: row.Position(at).Values}.Ordered())
		if seen[values] {
			return row, true
		}
		seen[values] = true
	}
	return store.Row{}, false
}

func (t *naiveTx) Delete(ctx context.Context, s *store.Schema, keys ...string) error {
	if err := t.ready(ctx, true); err != nil {
		return err
	}
	for _, key := range keys {
		delete(t.rows, place{t.scope, s.Name, key})
	}
	return nil
}

func (t *naiveTx) Prefetch(ctx context.Context, _ ...store.Read) error { return t.ready(ctx, false) }
