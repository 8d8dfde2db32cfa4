package unit

import (
	"slices"

	"github.com/guerdonhq/guerdon/store"
)

// A span is the run of an index that a query describes, without its limit: the rows whose ordered
// position p has low ≤ p < high.
type span struct {
	at        []int // the places of the index's columns
	low, high string
	down      bool
}

// beyond is greater than every byte that begins an encoded value.
const beyond = "\xff"

// spanOf returns the span of a query.
func spanOf(t *store.Schema, q store.Query) span {
	_, at := t.Find(q.Index)
	var prefix []byte
	for _, v := range q.Equal {
		prefix = store.AppendOrdered(prefix, v)
	}
	prefix = slices.Clip(prefix) // it is appended to more than once
	s := span{at: at, low: string(prefix), high: string(prefix) + beyond, down: q.Descending}
	if !q.From.Absent() {
		s.low = string(store.AppendOrdered(prefix, q.From))
	}
	if !q.Until.Absent() {
		s.high = string(store.AppendOrdered(prefix, q.Until))
	}
	if q.After == nil {
		return s
	}
	if after := string(q.After.Ordered()); s.down {
		s.high = min(s.high, after)
	} else {
		s.low = max(s.low, after+"\x00") // nothing lies between a text and itself with a zero
	}
	return s
}

// position returns where a row stands in the span's index, and whether it is in the index at all.
func (s span) position(r *store.Row) (string, bool) {
	if !r.Indexed(s.at) {
		return "", false
	}
	return string(r.Position(s.at).Ordered()), true
}

// holds tells whether a row is in the span.
func (s span) holds(r *store.Row) bool {
	p, ok := s.position(r)
	return ok && s.low <= p && p < s.high
}

// before tells whether position p comes before position q in the order of the span.
func (s span) before(p, q string) bool {
	if s.down {
		p, q = q, p
	}
	return p < q
}

// nameOf returns a text that is the same for queries that ask for the same rows.
func nameOf(q store.Query) string {
	b := append([]byte(q.Index), 0, byte(len(q.Equal)))
	for _, v := range q.Equal {
		b = store.AppendOrdered(b, v)
	}
	b = store.AppendOrdered(b, q.From)
	b = store.AppendOrdered(b, q.Until)
	b = store.AppendOrdered(b, store.Int(int64(q.Limit)))
	if q.Descending {
		b = append(b, '-')
	}
	if q.After != nil {
		b = append(b, '+')
		b = append(b, q.After.Ordered()...)
	}
	return string(b)
}

// plain returns the simplest query that gives the same rows: one for a single entry of a unique
// index needs neither limit nor direction.
func plain(schema *store.Schema, q store.Query) store.Query {
	x, at := schema.Find(q.Index)
	if len(at) > 0 && x.Unique && len(q.Equal) == len(at) && q.From.Absent() && q.Until.Absent() && q.After == nil {
		q.Limit, q.Descending = 0, false
	}
	return q
}
