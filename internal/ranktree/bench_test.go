package ranktree_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/guerdonhq/guerdon/internal/ranktree"
	"github.com/guerdonhq/guerdon/internal/ratio"
)

const million = 1_000_000

// entries returns a million entries in no order.
func entries(random *rand.Rand) []ranktree.Entry {
	all := make([]ranktree.Entry, million)
	for i := range all {
		all[i] = ranktree.Entry{Member: fmt.Sprintf("user-%011d", i), Position: -random.Int64N(1e6), Reached: int64(i)}
	}
	return all
}

// BenchmarkRatioRanks asks and changes rankings of a million members, beside a skip list that counts, which
// is what rankings in memory usually are. Positions change as those of users whose scores grow by 1 to 100
// ("change"), or become any other ("leap").
func BenchmarkRatioRanks(b *testing.B) {
	all := entries(rand.New(rand.NewPCG(1, 2)))
	sorted := slices.SortedFunc(slices.Values(all), compare) // as a store gives them
	fill := func(r ranking, with []ranktree.Entry) ranking {
		r.Set(with...)
		return r
	}
	newTree := func() ranking { return tree{ranktree.New(million, false)} }
	ours, theirs := fill(newTree(), all), fill(newSkipList(), all)
	for _, op := range []struct {
		name string
		do   func(ranking, *rand.Rand, string)
	}{
		{"rank", func(r ranking, _ *rand.Rand, member string) { r.Place(member) }},
		{"change of a score", func(r ranking, random *rand.Rand, member string) {
			e, _ := r.Find(member)
			e.Position -= 1 + random.Int64N(100)
			e.Reached++
			r.Set(e)
		}},
		{"leap of a score", func(r ranking, random *rand.Rand, member string) {
			r.Set(ranktree.Entry{Member: member, Position: -random.Int64N(1e6), Reached: random.Int64N(million)})
		}},
		{"ten around a member", func(r ranking, _ *rand.Rand, member string) { r.Slice(max(0, r.Place(member)-5), 10) }},
	} {
		b.Run(op.name+" in 1,000,000 : skip list", func(b *testing.B) {
			times := func(r ranking) func(int) {
				return func(round int) {
					random := rand.New(rand.NewPCG(3, uint64(round)))
					for range 20_000 {
						op.do(r, random, all[random.IntN(million)].Member)
					}
				}
			}
			ratio.Compare(b, 4, times(ours), times(theirs))
		})
	}
	b.Run("rebuild of 1,000,000 : skip list", func(b *testing.B) {
		rebuild := func(into func() ranking) func(int) { return func(int) { fill(into(), sorted) } }
		ratio.Compare(b, 4, rebuild(newTree), rebuild(func() ranking { return newSkipList() }))
	})
	b.Run("memory saved, 1,000,000 : skip list", func(b *testing.B) {
		bytes := func(into func() ranking) float64 {
			before := ratio.Heap()
			r := fill(into(), sorted)
			taken := ratio.Heap() - before
			runtime.KeepAlive(r)
			return float64(taken) / million
		}
		small, large := bytes(newTree), bytes(func() ranking { return newSkipList() })
		ratio.Report(b, large/small, 2)
		b.ReportMetric(small, "B/member")
	})
	b.Run("garbage collection with 1,000,000 : skip list", func(b *testing.B) {
		theirs = nil
		took := func(r ranking) float64 {
			runtime.GC()
			before := b.Elapsed()
			for range 10 {
				runtime.GC()
			}
			runtime.KeepAlive(r)
			return float64(b.Elapsed() - before)
		}
		mine := took(ours)
		ours = nil
		ratio.Report(b, took(fill(newSkipList(), all))/mine, 5)
	})
	runtime.KeepAlive(sorted)
}

type ranking interface {
	Set(entries ...ranktree.Entry)
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

func (l *skipList) Set(entries ...ranktree.Entry) {
	for _, e := range entries {
		l.set(e)
	}
}

func (l *skipList) set(e ranktree.Entry) {
	if old := l.nodes[e.Member]; old != nil {
		l.remove(old)
	}
	level := 1
	for level < skipLevels && l.random.IntN(4) == 0 {
		level++
	}
	e.Member = strings.Clone(e.Member) // as what a store gave
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
