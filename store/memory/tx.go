package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/guerdonhq/guerdon/store"
)

// work is one transaction. All scopes that it sees share it.
type work struct {
	state
	writable bool
	owned    []bool // the tables that are copies of this transaction; nil until it writes
	over     atomic.Bool
	copying  *sync.Mutex // of the store: to copy a tree marks it
	others   *queue
	cost     *store.Cost // where what it costs is told; nil if nobody asks
}

func (w *work) in(s store.Scope) *tx { return &tx{w, s, prefix(s)} }

// own returns the table at a place as one that may be modified.
func (w *work) own(place int) *table {
	if w.owned == nil {
		w.tables = slices.Clone(w.tables)
		w.owned = make([]bool, len(w.tables))
	}
	if !w.owned[place] {
		w.copying.Lock()
		w.tables[place] = w.tables[place].copy()
		w.copying.Unlock()
		w.owned[place] = true
	}
	return w.tables[place]
}

// tx is a transaction on the rows of one scope.
type tx struct {
	work  *work
	scope store.Scope
	under string // what the tree keys of the scope begin with
}

var (
	_ store.Near    = (*tx)(nil)
	_ store.Crowded = (*tx)(nil)
	_ store.Metered = (*tx)(nil)
)

func (t *tx) Scope() store.Scope { return t.scope }

func (t *tx) In(s store.Scope) store.Tx { return t.work.in(s) }

// place finds a table, unless the transaction cannot go on.
func (t *tx) place(ctx context.Context, s *store.Schema) (int, error) {
	if t.work.over.Load() {
		return 0, store.ErrOver
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	place, ok := t.work.places[s.Name]
	if !ok {
		return 0, unprepared(s)
	}
	return place, nil
}

// unprepared is the error of a table that the store does not know.
func unprepared(s *store.Schema) error { return fmt.Errorf("memory: table %q is not prepared", s.Name) }

func (t *tx) Get(ctx context.Context, s *store.Schema, keys ...string) ([]store.Row, error) {
	place, err := t.place(ctx, s)
	if err != nil {
		return nil, err
	}
	tree := t.work.tables[place].rows
	found := make([]store.Row, 0, len(keys))
	for _, key := range keys {
		e, ok := tree.Get(t.under + key)
		if !ok {
			continue
		}
		row, err := e.as(s)
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	if c := t.work.cost; c != nil {
		c.RowsRead += len(found)
	}
	return found, nil
}

// span finds the tree that a query reads and the part of it that it describes.
func (t *tx) span(ctx context.Context, s *store.Schema, q store.Query) (*tree, span, error) {
	place, err := t.place(ctx, s)
	if err != nil {
		return nil, span{}, err
	}
	x, at := s.Find(q.Index)
	within := t.work.tables[place].tree(q.Index)
	if within == nil {
		return nil, span{}, fmt.Errorf("memory: index %q of table %q is not prepared", x.Name, s.Name)
	}
	return within, describe(t.under, q, len(at)), nil
}

func (t *tx) List(ctx context.Context, s *store.Schema, q store.Query) ([]store.Row, error) {
	within, part, err := t.span(ctx, s, q)
	if err != nil {
		return nil, err
	}
	var rows []store.Row
	part.scan(within, q.Descending, func(e *entry) bool {
		var row store.Row
		if row, err = e.as(s); err != nil {
			return false
		}
		if rows == nil {
			rows = make([]store.Row, 0, min(16, cmp.Or(q.Limit, 16)))
		}
		rows = append(rows, row)
		return len(rows) != q.Limit
	})
	if err != nil {
		return nil, err
	}
	if c := t.work.cost; c != nil {
		c.RowsRead += len(rows)
	}
	return rows, nil
}

func (t *tx) Count(ctx context.Context, s *store.Schema, q store.Query) (int, error) {
	within, part, err := t.span(ctx, s, q)
	if err != nil {
		return 0, err
	}
	return part.count(within), nil
}

func (t *tx) Insert(ctx context.Context, s *store.Schema, rows ...store.Row) error {
	return t.write(ctx, s, func(in *table) ([]change, error) { return in.adding(t.under, s, rows, false) })
}

func (t *tx) Put(ctx context.Context, s *store.Schema, rows ...store.Row) error {
	return t.write(ctx, s, func(in *table) ([]change, error) { return in.adding(t.under, s, rows, true) })
}

func (t *tx) Delete(ctx context.Context, s *store.Schema, keys ...string) error {
	return t.write(ctx, s, func(in *table) ([]change, error) { return in.removing(t.under, keys) })
}

// write makes the changes that plan finds necessary, all or none.
func (t *tx) write(ctx context.Context, s *store.Schema, plan func(*table) ([]change, error)) error {
	place, err := t.place(ctx, s)
	if err != nil {
		return err
	}
	if !t.work.writable {
		return store.ErrReadOnly
	}
	changes, err := plan(t.work.tables[place])
	if err != nil || len(changes) == 0 {
		return err
	}
	t.work.own(place).apply(changes)
	if c := t.work.cost; c != nil {
		c.RowsWritten += len(changes)
	}
	return nil
}

// Meter implements [store.Metered].
func (t *tx) Meter(cost *store.Cost) {
	if !t.work.over.Load() {
		*cost = store.Cost{}
		t.work.cost = cost
	}
}

// Near says that everything is here.
func (*tx) Near() {}

// Crowded implements [store.Crowded].
func (t *tx) Crowded() bool { return t.work.others != nil && t.work.others.crowded() }

// Prefetch does nothing.
func (t *tx) Prefetch(ctx context.Context, _ ...store.Read) error {
	if t.work.over.Load() {
		return store.ErrOver
	}
	return ctx.Err()
}
