package unit

import (
	"maps"
	"slices"

	"github.com/tidwall/btree"

	"github.com/guerdonhq/guerdon/store"
)

// A table is what a unit knows of the rows that one scope has in one table.
type table struct {
	scope  store.Scope
	schema *store.Schema

	// What the database holds. A key or query that is missing has not been asked for. Most tables are
	// never asked for queries, so those maps are nil until they are needed.
	known  map[string]*store.Row // nil: there is no such row
	runs   map[string]*run
	counts map[string]int

	// What the unit will write.
	dirty map[string]*store.Row // nil: to be deleted
	order map[string]*tree      // dirty rows by the indexes that somebody asked for
}

// A run is what the database answered to a query.
type run struct {
	rows []store.Row
	end  bool // there are no more rows behind these
}

// A tree has the dirty rows of an index in its order.
type tree struct {
	btree.Map[string, *store.Row]

	at []int
}

func newTable(scope store.Scope, schema *store.Schema) *table {
	return &table{
		scope: scope, schema: schema,
		known: map[string]*store.Row{}, dirty: map[string]*store.Row{},
	}
}

// learn keeps rows that the database gave.
func (t *table) learn(rows []store.Row) {
	for i := range rows {
		t.known[rows[i].Key] = &rows[i]
	}
}

// put sets an entry of a map that may be nil.
func put[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
}

// row returns the row with the given key as the transaction sees it, as far as that is known; nil if
// there is none.
func (t *table) row(key string) *store.Row {
	if r, ok := t.dirty[key]; ok {
		return r
	}
	return t.known[key]
}

// clean returns those of the keys that are not dirty.
func (t *table) clean(keys []string) []string {
	if len(t.dirty) == 0 {
		return keys
	}
	var clean []string
	for _, key := range keys {
		if _, ok := t.dirty[key]; !ok {
			clean = append(clean, key)
		}
	}
	return clean
}

// set makes r the pending state of a key; nil deletes it.
func (t *table) set(key string, r *store.Row) {
	t.index(t.dirty[key], r)
	t.dirty[key] = r
}

// unset makes a key what it was before it was set for the first time.
func (t *table) unset(key string) {
	t.index(t.dirty[key], nil)
	delete(t.dirty, key)
}

// index moves a row in the trees from one state to the next.
func (t *table) index(from, to *store.Row) {
	for _, tr := range t.order {
		if from != nil && from.Indexed(tr.at) {
			tr.Delete(string(from.Position(tr.at).Ordered()))
		}
		if to != nil && to.Indexed(tr.at) {
			tr.Set(string(to.Position(tr.at).Ordered()), to)
		}
	}
}

// tree returns the dirty rows in the order of an index.
func (t *table) tree(index string) *tree {
	tr := t.order[index]
	if tr == nil {
		_, at := t.schema.Find(index)
		tr = &tree{at: at}
		for _, r := range t.dirty {
			if r != nil && r.Indexed(at) {
				tr.Set(string(r.Position(at).Ordered()), r)
			}
		}
		put(&t.order, index, tr)
	}
	return tr
}

// each calls do with the positions and rows of a span, in its order, until do returns false.
func (tr *tree) each(s span, do func(position string, r *store.Row) bool) {
	if !s.down {
		tr.Ascend(s.low, func(p string, r *store.Row) bool { return p < s.high && do(p, r) })
		return
	}
	tr.Descend(s.high, func(p string, r *store.Row) bool {
		return p == s.high || p >= s.low && do(p, r) // high itself is outside
	})
}

// merge returns the rows of a query as the transaction sees them: those of the run that are not
// dirty, and the dirty ones in the span. It returns false if the run is too short to tell.
func (t *table) merge(q store.Query, r *run) ([]store.Row, bool) {
	if len(t.dirty) == 0 {
		return slices.Clip(r.rows), true
	}
	s := spanOf(t.schema, q)
	tr := t.tree(q.Index)
	var rows []store.Row
	full := func() bool { return q.Limit > 0 && len(rows) >= q.Limit }
	for i := range r.rows {
		if full() {
			break
		}
		old := &r.rows[i]
		if p, _ := s.position(old); tr.Len() > 0 {
			// Those before old, and the one at its place: then old is dirty.
			tr.each(s, func(ours string, row *store.Row) bool {
				if full() || s.before(p, ours) {
					return false
				}
				rows = append(rows, *row)
				return true
			})
			s = s.behind(p)
		}
		if _, ok := t.dirty[old.Key]; !ok && !full() {
			rows = append(rows, *old)
		}
	}
	if full() {
		return rows, true
	}
	if !r.end {
		return nil, false
	}
	tr.each(s, func(_ string, row *store.Row) bool {
		rows = append(rows, *row)
		return !full()
	})
	return rows, true
}

// behind returns the part of the span behind position p.
func (s span) behind(p string) span {
	if s.down {
		s.high = p
	} else {
		s.low = p + "\x00"
	}
	return s
}

// changes returns what must be written so that the database holds the dirty rows.
func (t *table) changes() (Change, error) {
	c := Change{Scope: t.scope, Table: t.schema}
	for _, key := range slices.Sorted(maps.Keys(t.dirty)) {
		row := t.dirty[key]
		old, known := t.known[key]
		if row == nil {
			if old != nil || !known {
				c.Delete = append(c.Delete, key)
			}
			continue
		}
		record, err := t.schema.Encode(*row)
		if err != nil {
			return c, err
		}
		rec := Record{Key: key, Values: row.Values, Bytes: record}
		if old != nil && slices.Equal(old.Values, row.Values) {
			c.Record = append(c.Record, rec)
			continue
		}
		if t.moves(old, known, row) {
			c.Delete = append(c.Delete, key)
		}
		c.Put = append(c.Put, rec)
	}
	return c, nil
}
