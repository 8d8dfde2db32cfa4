package memory

import (
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/guerdonhq/guerdon/store"
)

// A tree holds pointers, because copying one of its nodes copies the values in it.
type tree = btree.Map[string, *entry]

// newTree returns an empty tree whose nodes are half as large as usual, because every transaction
// copies those that it changes.
func newTree() *tree { return btree.NewMap[string, *entry](16) }

// An entry is a row that is kept, with the declaration that it was written by. It is immutable.
type entry struct {
	store.Row
	by *store.Schema
}

// as returns the row as another declaration of its table reads it.
func (e *entry) as(s *store.Schema) (store.Row, error) {
	if e.by == s {
		return e.Row, nil
	}
	record, err := e.by.Encode(e.Row)
	if err != nil {
		return store.Row{}, err
	}
	return s.Decode(e.Key, record)
}

// A table is the rows of one table in all scopes, by key, and in the order of each index.
type table struct {
	version int
	rows    *tree
	indexes []index
}

// An index is a tree of the same entries by another order.
type index struct {
	store.Index
	of   *store.Schema // the declaration that it belongs to
	at   []int         // the places of its columns there
	tree *tree
}

// prepare returns the table with what a declaration adds to it.
func (t *table) prepare(s *store.Schema) (*table, error) {
	if s.Version < t.version {
		return nil, &store.NewerError{Table: s.Name, Have: t.version, Want: s.Version}
	}
	next := &table{version: s.Version, rows: t.rows, indexes: slices.Clone(t.indexes)}
	if next.rows == nil {
		next.rows = newTree()
	}
	for _, declared := range s.Indexes {
		if t.tree(declared.Name) != nil {
			continue
		}
		_, at := s.Find(declared.Name)
		x := index{Index: declared, of: s, at: at, tree: newTree()}
		if err := x.fill(next.rows); err != nil {
			return nil, err
		}
		next.indexes = append(next.indexes, x)
	}
	return next, nil
}

// fill adds the rows that are there already.
func (x *index) fill(rows *tree) (err error) {
	rows.Scan(func(key string, e *entry) bool {
		var at string
		if at, err = x.key(key[:len(key)-len(e.Key)], e); err != nil || at == "" {
			return err == nil
		}
		if x.Unique && x.holder(at, e) != nil {
			err = store.Taken(x.of, x.Name, e.Row)
			return false
		}
		x.tree.Set(at, e)
		return true
	})
	return err
}

// copy returns a table that can be modified without t noticing.
func (t *table) copy() *table {
	c := &table{version: t.version, rows: t.rows.Copy(), indexes: slices.Clone(t.indexes)}
	for i := range c.indexes {
		c.indexes[i].tree = c.indexes[i].tree.Copy()
	}
	return c
}

// tree returns the tree of an index, or nil if there is none of that name.
func (t *table) tree(index string) *tree {
	if index == "" {
		return t.rows
	}
	for i := range t.indexes {
		if t.indexes[i].Name == index {
			return t.indexes[i].tree
		}
	}
	return nil
}

// key returns where an entry stands in the index, "" if it is not in it.
func (x *index) key(under string, e *entry) (string, error) {
	row, err := e.as(x.of)
	if err != nil || !row.Indexed(x.at) {
		return "", err
	}
	var space [128]byte // saves an allocation where it suffices
	b := append(space[:0], under...)
	for _, i := range x.at {
		b = store.AppendOrdered(b, row.Values[i])
	}
	return string(append(b, row.Key...)), nil
}

// move returns where the entry before and the one after it, either may be nil, stand in the index.
func (x *index) move(under string, before, after *entry) (from, to string, err error) {
	if after != nil {
		if to, err = x.key(under, after); err != nil {
			return "", "", err
		}
	}
	switch {
	case before == nil:
		return "", to, nil
	case after != nil && before.by == x.of && after.by == x.of && x.same(before, after):
		return to, to, nil
	}
	from, err = x.key(under, before)
	return from, to, err
}

// same tells whether two entries of one key have the same values in the index.
func (x *index) same(e, f *entry) bool {
	for _, i := range x.at {
		if e.Values[i] != f.Values[i] {
			return false
		}
	}
	return true
}

// holder returns the entry that has the values which an entry of the index has at the given key.
func (x *index) holder(at string, e *entry) (found *entry) {
	values := at[:len(at)-len(e.Key)]
	x.tree.Ascend(values, func(key string, other *entry) bool {
		if strings.HasPrefix(key, values) {
			found = other
		}
		return false
	})
	return found
}

// A change puts an entry, or nothing, where another entry, or nothing, was.
type change struct {
	key   string
	after *entry
	moves []move // one for each index of the table
}

// A move says where the entry stood in an index and where it will stand, "" for nowhere.
type move struct{ from, to string }

// change works out what it takes to replace one entry by another, either may be nil.
func (t *table) change(under, key string, before, after *entry) (change, error) {
	c := change{key: key, after: after}
	if len(t.indexes) == 0 {
		return c, nil
	}
	c.moves = make([]move, len(t.indexes))
	for i := range t.indexes {
		from, to, err := t.indexes[i].move(under, before, after)
		if err != nil {
			return change{}, err
		}
		c.moves[i] = move{from, to}
	}
	return c, nil
}

// apply makes the changes. The table must be a copy that nobody else reads.
func (t *table) apply(changes []change) {
	for _, c := range changes {
		set(t.rows, c.key, c.after)
		for i, m := range c.moves {
			if m.from != m.to {
				set(t.indexes[i].tree, m.from, nil)
			}
			set(t.indexes[i].tree, m.to, c.after)
		}
	}
}

// set puts an entry, or nothing, at a key that may be nowhere.
func set(in *tree, key string, e *entry) {
	switch {
	case key == "":
	case e == nil:
		in.Delete(key)
	default:
		in.Set(key, e)
	}
}

// removing returns the changes that remove the rows with the given keys.
func (t *table) removing(under string, keys []string) ([]change, error) {
	var changes []change
	for _, key := range keys {
		before, ok := t.rows.Get(under + key)
		if !ok {
			continue
		}
		c, err := t.change(under, under+key, before, nil)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// adding returns the changes that add rows, or put them in the place of others if that is allowed. It
// refuses all of them if one would take a key or an entry that is not free.
func (t *table) adding(under string, by *store.Schema, rows []store.Row, replace bool) ([]change, error) {
	b := newBatch(rows)
	changes := make([]change, 0, len(rows))
	for i, row := range rows {
		key := under + row.Key
		before, exists := t.rows.Get(key)
		again := !b.last(i, row.Key)
		if !replace && (exists || again) {
			return nil, store.Taken(by, "", row)
		}
		if again {
			continue
		}
		c, err := t.change(under, key, before, &entry{row, by})
		if err != nil {
			return nil, err
		}
		for j, m := range c.moves {
			x := &t.indexes[j]
			if x.Unique && m.to != "" && !b.claim(x, m, c.after) {
				return nil, store.Taken(by, x.Name, row)
			}
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// A batch is the rows of one call, which may take from one another what they leave. The batch of one
// row is nil: it has nobody to take from.
type batch struct {
	places  map[string]int // where in the call a key comes last
	claimed map[claim]bool // the unique entries that the call's rows take
}

type claim struct {
	index  string
	values string
}

func newBatch(rows []store.Row) *batch {
	if len(rows) < 2 {
		return nil
	}
	b := &batch{make(map[string]int, len(rows)), make(map[claim]bool)}
	for i, row := range rows {
		b.places[row.Key] = i
	}
	return b
}

// last tells whether no later row of the call has the same key.
func (b *batch) last(i int, key string) bool { return b == nil || b.places[key] == i }

// claim takes an entry of a unique index for e and tells whether it was free.
func (b *batch) claim(x *index, m move, e *entry) bool {
	if b == nil {
		return m.from == m.to || x.holder(m.to, e) == nil
	}
	c := claim{x.Name, m.to[:len(m.to)-len(e.Key)]}
	if b.claimed[c] {
		return false
	}
	b.claimed[c] = true
	if m.from == m.to {
		return true
	}
	other := x.holder(m.to, e)
	if other == nil {
		return true
	}
	_, leaves := b.places[other.Key]
	return leaves
}
