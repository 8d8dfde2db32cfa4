// Package ranktree keeps the members of a ranking in order and counts how many are ahead of whom. A
// million members take about 70 MB besides their names, none of it for the garbage collector to walk.
package ranktree

import "math"

// An Entry is a member with what ranks it: the smaller position comes first, of equal ones that which
// was reached earlier, of these the member whose name is less.
type Entry struct {
	Member            string
	Position, Reached int64
}

// A Tree is a ranking. The cost of every method grows with the logarithm of its size, and of one that
// returns entries with their number. It must not be used concurrently with [Tree.Set].
type Tree struct {
	members members
	keys    []key // of each member
	order   list
	levels  list // the distinct positions, if they are counted
	dense   bool
}

// New returns an empty ranking with room for n members. Only with dense does [Tree.Levels] count.
func New(n int, dense bool) *Tree {
	t := &Tree{keys: make([]key, 0, n), dense: dense}
	t.members.grow(n)
	t.order.names, t.levels.names = &t.members, &t.members
	return t
}

// Len returns the number of members.
func (t *Tree) Len() int { return t.order.n }

// Set puts a member where the entry says, from wherever it was.
func (t *Tree) Set(e Entry) {
	id, known := t.members.add(e.Member)
	to := key{e.Position, e.Reached, id}
	if !known {
		t.raise(to.position)
		t.keys = append(t.keys, to)
		t.order.insert(to)
		return
	}
	from := t.keys[id]
	if from == to {
		return
	}
	if from.position != to.position {
		t.raise(to.position)
	}
	t.keys[id] = to
	t.order.move(from, to)
	if from.position != to.position {
		t.lower(from.position)
	}
}

// raise counts the level of a position that a member is about to take.
func (t *Tree) raise(position int64) {
	if t.dense && !t.taken(position) {
		t.levels.insert(key{position: position})
	}
}

// lower counts the level of a position that a member has left.
func (t *Tree) lower(position int64) {
	if t.dense && !t.taken(position) {
		t.levels.remove(key{position: position})
	}
}

// front is ahead of every key with the same position.
func front(position int64) key { return key{position: position, reached: math.MinInt64} }

func (t *Tree) taken(position int64) bool {
	k, ok := t.order.ceiling(front(position))
	return ok && k.position == position
}

// Find returns a member's entry and whether there is one.
func (t *Tree) Find(member string) (Entry, bool) {
	id, ok := t.members.find(member)
	if !ok {
		return Entry{}, false
	}
	return Entry{member, t.keys[id].position, t.keys[id].reached}, true
}

// Place returns how many members are ahead of a member, which must be there.
func (t *Tree) Place(member string) int {
	id, _ := t.members.find(member)
	return t.order.place(t.keys[id])
}

// Ahead returns how many members have a smaller position.
func (t *Tree) Ahead(position int64) int { return t.order.place(front(position)) }

// Levels returns how many smaller positions are taken.
func (t *Tree) Levels(position int64) int { return t.levels.place(key{position: position}) }

// Slice returns up to n entries from the given place on.
func (t *Tree) Slice(place, n int) []Entry {
	n = max(0, min(n, t.Len()-place))
	entries := make([]Entry, 0, n)
	for b, i := t.order.at(place); len(entries) < n; b, i = b+1, 0 {
		keys := t.order.blocks[b].used()[i:]
		for _, k := range keys[:min(len(keys), n-len(entries))] {
			entries = append(entries, Entry{t.members.name(k.member), k.position, k.reached})
		}
	}
	return entries
}
