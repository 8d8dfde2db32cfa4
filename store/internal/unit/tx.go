package unit

import (
	"context"
	"slices"

	"github.com/guerdonhq/guerdon/store"
)

// A tx is what one function sees of a unit: the rows of a scope.
type tx struct {
	u     *unit
	scope store.Scope
	over  *bool
	ahead *wish // that of who only looks ahead, or nil
}

var (
	_ store.Crowded = (*tx)(nil)
	_ store.Metered = (*tx)(nil)
)

func (t *tx) Scope() store.Scope { return t.scope }

func (t *tx) In(s store.Scope) store.Tx { return &tx{t.u, s, t.over, t.ahead} }

// Crowded implements [store.Crowded].
func (t *tx) Crowded() bool { return t.u.crowded != nil && t.u.crowded() }

// Meter implements [store.Metered]. Who looks ahead costs nothing of its own.
func (t *tx) Meter(cost *store.Cost) {
	if t.ahead == nil && !*t.over {
		t.u.cost = cost
	}
}

// wish returns what gathers the reads of a call.
func (t *tx) wish() *wish {
	if t.ahead != nil {
		return t.ahead
	}
	return &wish{u: t.u}
}

func (t *tx) Get(ctx context.Context, schema *store.Schema, keys ...string) ([]store.Row, error) {
	if err := t.check(ctx); err != nil {
		return nil, err
	}
	tab := t.u.table(t.scope, schema)
	w := t.wish()
	w.rows(tab, tab.clean(keys))
	if err := w.grant(ctx); err != nil {
		return nil, err
	}
	rows := make([]store.Row, 0, len(keys))
	for _, key := range keys {
		if r := tab.row(key); r != nil {
			rows = append(rows, *r)
		}
	}
	return rows, nil
}

func (t *tx) List(ctx context.Context, schema *store.Schema, q store.Query) ([]store.Row, error) {
	if err := t.check(ctx); err != nil {
		return nil, err
	}
	tab := t.u.table(t.scope, schema)
	q = plain(schema, q)
	w := t.wish()
	w.run(tab, q)
	r := &run{}
	for {
		if err := w.grant(ctx); err != nil {
			if store.Damaged(err) == nil {
				return nil, err
			}
			rows, _ := tab.merge(q, &run{span: spanOf(schema, q), rows: append(slices.Clip(r.rows), w.sound...), end: true})
			return rows, err
		}
		r = tab.answer(q)
		if rows, ok := tab.merge(q, r); ok {
			return rows, nil
		}
		w = t.wish()
		w.more(tab, q, r)
	}
}

func (t *tx) Count(ctx context.Context, schema *store.Schema, q store.Query) (int, error) {
	if err := t.check(ctx); err != nil {
		return 0, err
	}
	tab := t.u.table(t.scope, schema)
	q = plain(schema, q)
	q.Limit = 0
	if r := tab.answer(q); r != nil && r.end {
		rows, _ := tab.merge(q, r)
		return len(rows), nil
	}
	w := t.wish()
	w.count(tab, q)
	keys := make([]string, 0, len(tab.dirty))
	for key := range tab.dirty {
		keys = append(keys, key)
	}
	w.rows(tab, keys)
	if err := w.grant(ctx); err != nil {
		return 0, err
	}
	n := tab.counts[nameOf(q)]
	s := spanOf(schema, q)
	for key, r := range tab.dirty {
		if old := tab.known[key]; old != nil && s.holds(old) {
			n--
		}
		if r != nil && s.holds(r) {
			n++
		}
	}
	return n, nil
}

func (t *tx) Insert(ctx context.Context, schema *store.Schema, rows ...store.Row) error {
	return t.write(ctx, schema, rows, true)
}

func (t *tx) Put(ctx context.Context, schema *store.Schema, rows ...store.Row) error {
	return t.write(ctx, schema, rows, false)
}

func (t *tx) Delete(ctx context.Context, schema *store.Schema, keys ...string) error {
	if err := t.checkWrite(ctx); err != nil {
		return err
	}
	tab := t.u.table(t.scope, schema)
	for _, key := range keys {
		t.u.set(tab, key, nil)
	}
	return nil
}

func (t *tx) Prefetch(ctx context.Context, reads ...store.Read) error {
	if err := t.check(ctx); err != nil {
		return err
	}
	w := t.wish()
	if w.made == nil {
		w.made = map[wished]bool{} // those of a batch name much again
	}
	for _, r := range reads {
		scope := t.scope
		if r.Scope != nil {
			scope = *r.Scope
		}
		tab := t.u.table(scope, r.Table)
		if r.Query != nil {
			w.run(tab, plain(r.Table, *r.Query))
		} else {
			w.rows(tab, r.Keys)
		}
	}
	err := w.grant(ctx)
	if store.Damaged(err) != nil {
		err = nil // whoever needs the row is told
	}
	return err
}

// write adds rows, or replaces those that are there unless fresh is set.
func (t *tx) write(ctx context.Context, schema *store.Schema, rows []store.Row, fresh bool) error {
	if err := t.checkWrite(ctx); err != nil {
		return err
	}
	tab := t.u.table(t.scope, schema)
	claims := tab.claims(rows)
	w := t.wish()
	if fresh {
		w.rows(tab, tab.clean(keysOf(rows)))
	}
	w.entries(tab, claims)
	if err := w.grant(ctx); err != nil {
		return err
	}
	start := len(t.u.undo)
	if err := t.add(tab, rows, claims, fresh); err != nil {
		t.u.revert(start)
		return err
	}
	return nil
}

// add makes rows pending. They may take from one another what they leave.
func (t *tx) add(tab *table, rows []store.Row, claims []claim, fresh bool) error {
	for i := range rows {
		r := &rows[i]
		if fresh && tab.row(r.Key) != nil {
			return store.Taken(tab.schema, "", *r)
		}
		t.u.set(tab, r.Key, r)
	}
	for _, c := range claims {
		if tab.taken(c) {
			return store.Taken(tab.schema, c.entry.Index, *c.row)
		}
	}
	return nil
}

func keysOf(rows []store.Row) []string {
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.Key
	}
	return keys
}

func (t *tx) check(ctx context.Context) error {
	if *t.over {
		return store.ErrOver
	}
	t.u.forget()
	return ctx.Err()
}

func (t *tx) checkWrite(ctx context.Context) error {
	if err := t.check(ctx); err != nil {
		return err
	}
	if t.u.readOnly || t.ahead != nil {
		return store.ErrReadOnly
	}
	return nil
}
