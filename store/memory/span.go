package memory

import (
	"slices"
	"sort"
	"strings"

	"github.com/guerdonhq/guerdon/store"
)

// The keys of a tree are bytes in the order of the index: the scope, the values of the index's
// columns, the row's key. None of the first two is the beginning of another of its kind, so what they
// have in common is a range of keys.

// prefix returns what the tree keys of a scope begin with.
func prefix(s store.Scope) string { return s.Account + "\x00" + s.Workspace + "\x00" }

// scopeOf returns the scope that a key of a tree of rows begins with.
func scopeOf(key string) store.Scope {
	account, rest, _ := strings.Cut(key, "\x00")
	workspace, _, _ := strings.Cut(rest, "\x00")
	return store.Scope{Account: account, Workspace: workspace}
}

// A span is the part of a tree from low up to, but without, high.
type span struct{ low, high string }

// describe returns the span of a query on an index with the given number of columns.
func describe(under string, q store.Query, columns int) span {
	fixed := appendAll([]byte(under), q.Equal)
	bound := func(v store.Value) string {
		if len(q.Equal) == columns { // no column is left: the bound is one of keys
			return string(fixed) + v.Text()
		}
		return string(store.AppendOrdered(slices.Clip(fixed), v))
	}
	part := span{low: string(fixed), high: string(fixed) + "\xff"}
	if !q.From.Absent() {
		part.low = bound(q.From)
	}
	if !q.Until.Absent() {
		part.high = bound(q.Until)
	}
	if q.After == nil {
		return part
	}
	after := string(append(appendAll([]byte(under), q.After.Values), q.After.Key...))
	if q.Descending {
		part.high = min(part.high, after)
	} else {
		part.low = max(part.low, after+"\x00") // the least text behind it
	}
	return part
}

func appendAll(b []byte, values []store.Value) []byte {
	for _, v := range values {
		b = store.AppendOrdered(b, v)
	}
	return b
}

// scan calls each with the entries in order until it returns false.
func (s span) scan(in *tree, descending bool, each func(*entry) bool) {
	if !descending {
		in.Ascend(s.low, func(key string, e *entry) bool { return key < s.high && each(e) })
		return
	}
	in.Descend(s.high, func(key string, e *entry) bool {
		return key == s.high || key >= s.low && each(e)
	})
}

// count returns the number of entries, by two binary searches rather than by walking.
func (s span) count(in *tree) int {
	rank := func(bound string) int {
		return sort.Search(in.Len(), func(i int) bool {
			key, _, _ := in.GetAt(i)
			return key >= bound
		})
	}
	return max(0, rank(s.high)-rank(s.low))
}
