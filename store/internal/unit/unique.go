package unit

import (
	"iter"

	"github.com/guerdonhq/guerdon/store"
)

// A claim says that a row is to have an entry of a unique index that its key does not have yet.
type claim struct {
	row   *store.Row
	entry store.Query // for the row that has the entry
}

// claims returns what rows will claim if they are written, index by index.
func (t *table) claims(rows []store.Row) []claim {
	var all []claim
	for _, x := range t.schema.Indexes {
		if !x.Unique {
			continue
		}
		_, at := t.schema.Find(x.Name)
		for i := range rows {
			r := &rows[i]
			old := t.row(r.Key)
			if r.Indexed(at) && (old == nil || !sameEntry(at, old, r)) {
				all = append(all, claim{r, store.By(x.Name, r.Position(at).Values...)})
			}
		}
	}
	return all
}

// byIndex yields the claims of each index.
func byIndex(claims []claim) iter.Seq2[string, []claim] {
	return func(yield func(string, []claim) bool) {
		for len(claims) > 0 {
			index, n := claims[0].entry.Index, 1
			for n < len(claims) && claims[n].entry.Index == index {
				n++
			}
			if !yield(index, claims[:n]) {
				return
			}
			claims = claims[n:]
		}
	}
}

// taken tells whether another row has the entry that a pending row claims. The entry must have been
// asked for.
func (t *table) taken(c claim) bool {
	if t.dirty[c.row.Key] != c.row {
		return false // a later row of the same key has taken its place
	}
	for _, other := range t.runs[nameOf(c.entry)].rows {
		if _, dirty := t.dirty[other.Key]; !dirty {
			return true
		}
	}
	found := false
	t.tree(c.entry.Index).each(spanOf(t.schema, c.entry), func(_ string, other *store.Row) bool {
		found = other.Key != c.row.Key
		return !found
	})
	return found
}

// moves tells whether putting a row may change its entry in a unique index. Such rows are removed
// before any is put, so that rows that exchange their entries do not meet. What the database holds
// is old, nil if there is nothing, if that is known.
func (t *table) moves(old *store.Row, known bool, row *store.Row) bool {
	if known && old == nil {
		return false
	}
	for _, x := range t.schema.Indexes {
		if !x.Unique {
			continue
		}
		if _, at := t.schema.Find(x.Name); old == nil || !sameEntry(at, old, row) {
			return true
		}
	}
	return false
}

// sameEntry tells whether two rows have the same values in the columns at the given places.
func sameEntry(at []int, a, b *store.Row) bool {
	for _, i := range at {
		if a.Values[i] != b.Values[i] {
			return false
		}
	}
	return true
}
