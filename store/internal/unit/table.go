package unit

import (
	"maps"
	"slices"
	"sort"

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
	wide   map[string][]*run // the runs that are whole, by the beginnings of their spans
	counts map[string]int

	// What the unit will write.
	dirty map[string]*store.Row // nil: to be deleted
	order map[string]*tree      // dirty rows by the indexes that somebody asked for
}

// A run is what the database answered to a query.
type run struct {
	span
	rows []store.Row
	end  bool // there are no more rows behind these
	// places are the positions of the rows, nil until somebody asks for them.
	places []string
}

// at returns the position of a row of the run.
func (r *run) at(i int) string {
	for n := len(r.places); n < len(r.rows); n++ {
		place, _ := r.position(&r.rows[n])
		r.places = append(r.places, place)
	}
	return r.places[i]
}

// part returns where the rows of the run are that are in a part of its span.
func (r *run) part(s span) (from, until int) {
	if s.low == r.low && s.high == r.high {
		return 0, len(r.rows)
	}
	low := func(i int) bool { return r.at(i) >= s.low }
	high := func(i int) bool { return r.at(i) >= s.high }
	if s.down {
		low = func(i int) bool { return r.at(i) < s.high }
		high = func(i int) bool { return r.at(i) < s.low }
	}
	from, until = sort.Search(len(r.rows), low), sort.Search(len(r.rows), high)
	return from, max(from, until) // nothing is in a span that ends before it begins
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

// answer returns a run that answers a query, nil if none is known: that of the query, or a whole one of which its rows are
// a part.
func (t *table) answer(q store.Query) *run {
	if r := t.runs[nameOf(q)]; r != nil {
		return r
	}
	s := spanOf(t.schema, q)
	for _, r := range t.wide[beginning(q)] {
		if r.down == s.down && r.low <= s.low && s.high <= r.high {
			return r
		}
	}
	return nil
}

// keep keeps what the database answered to a query.
func (t *table) keep(q store.Query, r *run) {
	r.span = spanOf(t.schema, q)
	put(&t.runs, nameOf(q), r)
	if first := beginning(q); r.end && len(t.wide[first]) < maxWide {
		put(&t.wide, first, append(t.wide[first], r))
	}
}

// maxWide is how many whole runs with one beginning are looked through for the rows of a query.
const maxWide = 8

// beginning returns a text that is the same for queries whose rows have the same first columns of an index.
func beginning(q store.Query) string {
	return nameOf(store.Query{Index: q.Index, Equal: q.Equal})
}

// merge returns the rows of a query as the transaction sees them: those of the run that are not
// dirty, and the dirty ones in the span. It returns false if the run is too short to tell.
func (t *table) merge(q store.Query, r *run) ([]store.Row, bool) {
	s := spanOf(t.schema, q)
	from, until := r.part(s)
	if len(t.dirty) == 0 {
		if q.Limit > 0 {
			until = min(until, from+q.Limit)
		}
		return slices.Clip(r.rows[from:until]), true
	}
	tr := t.tree(q.Index)
	var rows []store.Row
	full := func() bool { return q.Limit > 0 && len(rows) >= q.Limit }
	ours, place := tr.first(s)
	take := func() {
		rows = append(rows, *ours)
		s = s.behind(place)
		ours, place = tr.first(s)
	}
	for i := from; i < until && !full(); i++ {
		for ours != nil && !full() && !s.before(r.at(i), place) { // or at its place: then the old one is dirty
			take()
		}
		if _, dirty := t.dirty[r.rows[i].Key]; !dirty && !full() {
			rows = append(rows, r.rows[i])
		}
	}
	if !full() && !r.end {
		return nil, false
	}
	for ours != nil && !full() {
		take()
	}
	return rows, true
}

// first returns the first row of a span and its position, nil if there is none.
func (tr *tree) first(s span) (row *store.Row, position string) {
	if tr.Len() > 0 {
		tr.each(s, func(p string, r *store.Row) bool {
			row, position = r, p
			return false
		})
	}
	return row, position
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
