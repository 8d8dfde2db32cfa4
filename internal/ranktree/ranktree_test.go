package ranktree_test

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/guerdonhq/guerdon/internal/ranktree"
)

func compare(a, b ranktree.Entry) int {
	return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Reached, b.Reached), cmp.Compare(a.Member, b.Member))
}

// A model is a ranking as a sorted slice.
type model []ranktree.Entry

func (m *model) remove(member string) {
	*m = slices.DeleteFunc(*m, func(o ranktree.Entry) bool { return o.Member == member })
}

func (m *model) set(e ranktree.Entry) {
	m.remove(e.Member)
	i, _ := slices.BinarySearchFunc(*m, e, compare)
	*m = slices.Insert(*m, i, e)
}

func (m model) ahead(position int64) int {
	i, _ := slices.BinarySearchFunc(m, position, func(e ranktree.Entry, p int64) int { return cmp.Compare(e.Position, p) })
	return i
}

func (m model) levels(position int64) int {
	var positions []int64
	for _, e := range m[:m.ahead(position)] {
		positions = append(positions, e.Position)
	}
	return len(slices.Compact(positions))
}

func requireSame(t require.TestingT, want model, got *ranktree.Tree, dense bool) {
	require.Equal(t, len(want), got.Len())
	require.Equal(t, append(model{}, want...), append(model{}, got.Slice(0, len(want)+1)...))
	for i, e := range want {
		found, ok := got.Find(e.Member)
		require.True(t, ok)
		require.Equal(t, e, found)
		require.Equal(t, i, got.Place(e.Member))
		require.Equal(t, want.ahead(e.Position), got.Ahead(e.Position))
		if dense {
			require.Equal(t, want.levels(e.Position), got.Levels(e.Position))
		}
	}
}

func TestTreeIsASortedSlice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dense := rapid.Bool().Draw(t, "dense")
		tree := ranktree.New(0, dense)
		var want model
		positions := rapid.Int64Range(-3, 3)
		if rapid.Bool().Draw(t, "wide") {
			positions = rapid.Int64()
		}
		for range rapid.IntRange(0, 200).Draw(t, "n") {
			name := strconv.Itoa(rapid.IntRange(0, 50).Draw(t, "member"))
			e := ranktree.Entry{
				Member:   name + strings.Repeat("-", rapid.SampledFrom([]int{0, 40, 42, 100}).Draw(t, "long")),
				Position: positions.Draw(t, "position"),
				Reached:  rapid.Int64Range(0, 3).Draw(t, "reached"),
			}
			if rapid.IntRange(0, 4).Draw(t, "remove") == 0 {
				tree.Remove(e.Member)
				want.remove(e.Member)
				continue
			}
			tree.Set(e, e)
			want.set(e)
		}
		requireSame(t, want, tree, dense)
		_, ok := tree.Find("nobody")
		require.False(t, ok)
	})
}

// A ranking of many blocks: they fill, split, empty and merge.
func TestTreeOfManyBlocks(t *testing.T) {
	t.Parallel()
	for _, step := range []int64{1, -1, 7919} { // how the positions follow one another
		tree := ranktree.New(0, true)
		const n = 3000
		entry := func(i, round int64) ranktree.Entry {
			return ranktree.Entry{Member: strconv.FormatInt(i, 10), Position: (i*step + round*round*4999) % 4001, Reached: i % 3}
		}
		for round := range int64(3) {
			want := make(model, n)
			for i := range int64(n) {
				want[i] = entry(i, round)
				if round == 0 {
					tree.Set(want[i])
				}
			}
			tree.Set(want...) // at once, or once more
			slices.SortFunc(want, compare)
			require.Equal(t, want, model(tree.Slice(0, n)))
			levels := -1
			for i, e := range want {
				if i == 0 || want[i-1].Position != e.Position {
					levels++
					require.Equal(t, i, tree.Ahead(e.Position))
				}
				require.Equal(t, i, tree.Place(e.Member))
				require.Equal(t, levels, tree.Levels(e.Position))
				require.Equal(t, e, tree.Slice(i, 1)[0])
			}
		}
		for i := range int64(n) { // all in one place
			tree.Set(ranktree.Entry{Member: strconv.FormatInt(i, 10), Position: 1, Reached: 1})
		}
		require.Equal(t, n, tree.Len())
		require.Equal(t, 1, tree.Levels(2))
		require.Equal(t, n, tree.Ahead(2))
		for i := range int64(n) {
			tree.Remove(strconv.FormatInt(i, 10))
		}
		require.Zero(t, tree.Len())
		require.Zero(t, tree.Levels(2))
	}
}

func TestTreeAtItsEdges(t *testing.T) {
	t.Parallel()
	tree := ranktree.New(0, true)
	require.Zero(t, tree.Len())
	require.Empty(t, tree.Slice(0, 10))
	require.Zero(t, tree.Ahead(1))
	require.Zero(t, tree.Levels(1))
	tree.Set(ranktree.Entry{Member: "a", Position: 5})
	require.Empty(t, tree.Slice(1, 10))
	require.Empty(t, tree.Slice(7, 10))
	require.Len(t, tree.Slice(0, 10), 1)
}

// The benchmark compares with a list that gives the same answers.
func TestSkipListAgrees(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tree, list := ranktree.New(0, false), newSkipList()
		for range rapid.IntRange(1, 100).Draw(t, "n") {
			e := ranktree.Entry{Member: strconv.Itoa(rapid.IntRange(0, 30).Draw(t, "member")), Position: rapid.Int64Range(-3, 3).Draw(t, "position")}
			tree.Set(e)
			list.Set(e)
			require.Equal(t, tree.Place(e.Member), list.Place(e.Member))
		}
		place := rapid.IntRange(0, tree.Len()-1).Draw(t, "place")
		require.Equal(t, tree.Slice(place, 5), list.Slice(place, 5))
	})
}
