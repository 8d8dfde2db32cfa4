package ranktree_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/guerdonhq/guerdon/internal/ranktree"
)

const million = 1_000_000

// kinds are a tree, and a skip list that counts, which is what rankings in memory usually are.
var kinds = []struct {
	name string
	make func() ranking
}{
	{"tree", func() ranking { return tree{ranktree.New(0, false)} }},
	{"skiplist", func() ranking { return newSkipList() }},
}

// entries returns a million entries in no order.
func entries(random *rand.Rand) []ranktree.Entry {
	all := make([]ranktree.Entry, million)
	for i := range all {
		all[i] = ranktree.Entry{Member: fmt.Sprintf("user-%011d", i), Position: -random.Int64N(1e6), Reached: int64(i)}
	}
	return all
}

// BenchmarkMillion asks and changes rankings of a million members: their positions change as those of
// users whose scores grow by 1 to 100 ("change"), or become any other ("leap").
func BenchmarkMillion(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	all := entries(random)
	rankings := make([]ranking, len(kinds))
	for i, kind := range kinds {
		rankings[i] = kind.make()
		for _, e := range all {
			rankings[i].Set(e)
		}
	}
	anyone := func() string { return all[random.IntN(million)].Member }
	for _, op := range []struct {
		name string
		do   func(ranking)
	}{
		{"rank", func(r ranking) { r.Place(anyone()) }},
		{"change", func(r ranking) {
			e, _ := r.Find(anyone())
			e.Position -= 1 + random.Int64N(100)
			e.Reached++
			r.Set(e)
		}},
		{"leap", func(r ranking) {
			r.Set(ranktree.Entry{Member: anyone(), Position: -random.Int64N(1e6), Reached: random.Int64N(million)})
		}},
		{"around", func(r ranking) { r.Slice(max(0, r.Place(anyone())-5), 10) }},
		{"top", func(r ranking) { r.Slice(0, 10) }},
	} {
		for i, kind := range kinds {
			b.Run(op.name+"/"+kind.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					op.do(rankings[i])
				}
			})
		}
	}
}

// BenchmarkCollect shows what a million members take, and what they cost the garbage collector.
func BenchmarkCollect(b *testing.B) {
	all := entries(rand.New(rand.NewPCG(1, 2)))
	for _, kind := range kinds {
		before := heap()
		r := kind.make()
		for _, e := range all {
			r.Set(e)
		}
		bytes := float64(heap()-before) / million
		b.Run(kind.name, func(b *testing.B) {
			for b.Loop() {
				runtime.GC()
			}
			b.ReportMetric(bytes, "B/member")
		})
		runtime.KeepAlive(r)
	}
	runtime.KeepAlive(all)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

type ranking interface {
	Set(e ranktree.Entry)
	Find(member string) (ranktree.Entry, bool)
	Place(member string) int
	Slice(place, n int) []ranktree.Entry
}

type tree struct{ *ranktree.Tree }

// A skipList is a sorted list whose links say how many entries they leap over.
type skipList struct {
	head   *skipNode
	nodes  map[string]*skipNode
	random *rand.Rand
	n      int
}

const skipLevels = 24

type skipNode struct {
	ranktree.Entry
	links []skipLink
}

type skipLink struct {
	to   *skipNode
	span int
}

func newSkipList() *skipList {
	return &skipList{head: &skipNode{links: make([]skipLink, skipLevels)}, nodes: map[string]*skipNode{}, random: rand.New(rand.NewPCG(3, 4))}
}

// path returns the last node before e at each level, and how many entries are up to it.
func (l *skipList) path(e ranktree.Entry) (nodes [skipLevels]*skipNode, places [skipLevels]int) {
	at, place := l.head, 0
	for i := skipLevels - 1; i >= 0; i-- {
		for at.links[i].to != nil && compare(at.links[i].to.Entry, e) < 0 {
			place += at.links[i].span
			at = at.links[i].to
		}
		nodes[i], places[i] = at, place
	}
	return nodes, places
}

func (l *skipList) Set(e ranktree.Entry) {
	if old := l.nodes[e.Member]; old != nil {
		l.remove(old)
	}
	level := 1
	for level < skipLevels && l.random.IntN(4) == 0 {
		level++
	}
	node := &skipNode{e, make([]skipLink, level)}
	l.nodes[e.Member] = node
	nodes, places := l.path(e)
	l.n++
	for i, before := range nodes {
		link := &before.links[i]
		switch {
		case i < level:
			ahead := places[0] - places[i]
			node.links[i] = skipLink{link.to, link.span - ahead}
			*link = skipLink{node, ahead + 1}
		case link.to != nil:
			link.span++
		}
	}
}

func (l *skipList) remove(node *skipNode) {
	nodes, _ := l.path(node.Entry)
	l.n--
	for i, before := range nodes {
		link := &before.links[i]
		switch {
		case link.to == node:
			*link = skipLink{node.links[i].to, link.span + node.links[i].span - 1}
		case link.to != nil:
			link.span--
		}
	}
}

func (l *skipList) Find(member string) (ranktree.Entry, bool) {
	node, ok := l.nodes[member]
	if !ok {
		return ranktree.Entry{}, false
	}
	return node.Entry, true
}

func (l *skipList) Place(member string) int {
	_, places := l.path(l.nodes[member].Entry)
	return places[0]
}

func (l *skipList) Slice(place, n int) []ranktree.Entry {
	at, left := l.head, place+1
	for i := skipLevels - 1; i >= 0; i-- {
		for at.links[i].to != nil && at.links[i].span <= left {
			left -= at.links[i].span
			at = at.links[i].to
		}
	}
	entries := make([]ranktree.Entry, 0, n)
	for ; at != nil && len(entries) < n; at = at.links[0].to {
		entries = append(entries, at.Entry)
	}
	return entries
}
