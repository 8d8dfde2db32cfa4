package storetest

import (
	"cmp"
	"slices"
	"time"

	"github.com/guerdonhq/guerdon/store"
)

// An item has a column of every kind, all of which may be absent, and is in indexes of every kind.
type item struct {
	ID    string  `json:"id"`
	Owner *string `json:"owner"`
	Score *int64  `json:"score"`
	Code  *string `json:"code"`
	Slot  *int64  `json:"slot"`
	Note  string  `json:"note"`
}

// Some of the columns are words of SQL, and the table is one.
var items = store.Define("select", func(i *item) string { return i.ID },
	[]store.Field[item]{
		{Name: "user", Kind: store.KindText, Of: func(i *item) store.Value { return text(i.Owner) }},
		{Name: "order", Kind: store.KindInt, Of: func(i *item) store.Value { return number(i.Score) }},
		{Name: "code", Kind: store.KindText, Of: func(i *item) store.Value { return text(i.Code) }},
		{Name: "slot", Kind: store.KindInt, Of: func(i *item) store.Value { return number(i.Slot) }},
	},
	store.Index{Name: "user", Columns: []string{"user"}},
	store.Index{Name: "order", Columns: []string{"order"}},
	store.Index{Name: "user_order", Columns: []string{"user", "order"}},
	store.Index{Name: "order_user_code", Columns: []string{"order", "user", "code"}},
	store.Index{Name: "code", Columns: []string{"code"}, Unique: true},
	store.Index{Name: "user_slot", Columns: []string{"user", "slot"}, Unique: true},
)

// A note is of a table without columns.
type note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

var notes = store.Define[note]("notes", func(n *note) string { return n.ID }, nil)

// A counter is what concurrent transactions fight over.
type counter struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

var counters = store.Define("counters", func(c *counter) string { return c.Name },
	[]store.Field[counter]{
		{Name: "value", Kind: store.KindInt, Of: func(c *counter) store.Value { return store.Int(c.Value) }},
	},
	store.Index{Name: "value", Columns: []string{"value"}},
)

// A moment is something that happened at a time.
type moment struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

var moments = store.Define("moments", func(m *moment) string { return m.ID },
	[]store.Field[moment]{
		{Name: "at", Kind: store.KindInt, Of: func(m *moment) store.Value { return store.Time(m.At) }},
	},
	store.Index{Name: "at", Columns: []string{"at"}},
)

var schemas = []*store.Schema{
	items.Schema(), notes.Schema(), counters.Schema(), moments.Schema(), oddities.Schema(), packedOddities.Schema(),
}

func text(s *string) store.Value {
	if s == nil {
		return store.Value{}
	}
	return store.Text(*s)
}

func number(n *int64) store.Value {
	if n == nil {
		return store.Value{}
	}
	return store.Int(*n)
}

// thing returns an item in no index.
func thing(id string) item { return item{ID: id} }

func (i item) owner(s string) item { i.Owner = &s; return i }
func (i item) score(n int64) item  { i.Score = &n; return i }
func (i item) code(s string) item  { i.Code = &s; return i }
func (i item) slot(n int64) item   { i.Slot = &n; return i }
func (i item) note(s string) item  { i.Note = s; return i }

// ids returns the keys of items.
func ids(list []item) []string {
	keys := make([]string, len(list))
	for i, x := range list {
		keys[i] = x.ID
	}
	return keys
}

// queries returns the orders of items: every index, forwards and backwards.
func queries() []store.Query {
	var all []store.Query
	for _, x := range items.Schema().Indexes {
		all = append(all, store.By(x.Name), store.By(x.Name).Reverse())
	}
	return append(all, store.Query{}, store.Query{}.Reverse())
}

// columns returns the places of an index's columns.
func columns(s *store.Schema, index string) []int {
	_, at := s.Find(index)
	return at
}

// compare orders positions as their index does.
func compare(a, b store.Position) int {
	return cmp.Or(slices.CompareFunc(a.Values, b.Values, store.Value.Compare), cmp.Compare(a.Key, b.Key))
}
